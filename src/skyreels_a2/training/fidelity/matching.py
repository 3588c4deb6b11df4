"""Matching: where in a frame a reference fits best, and how well, over place and scale.

First at 8 pixels everywhere, then at 16 pixels where that fitted best at each scale. A fit is
judged by five `Evidence`s, since each alone is fooled: plain things fit anywhere by colour, busy
ones nowhere. Their weights were learned from scenes of training identities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from skyreels_a2.training.fidelity.templates import Templates, as_planes, templates_of
from skyreels_a2.video import Frames

SIZES = (0.25, 0.31, 0.39, 0.49, 0.61, 0.76)
"""Longer side of a subject that is looked for, as a fraction of the frame's height."""
COARSE, FINE = 8, 16
SLACK = 2
"""Pixels of a fine template that it, and each of its blocks, may be shifted by."""
BLOCK = 4
BORDER = 2
"""Coarse pixels that a template may reach beyond the frame by, where the edge goes on."""
FLOOR = 0.004
"""Squared difference that does not matter."""
NUM_SHADES = 5
"""Steps of each colour in a histogram."""
EVIDENCES = ("colour", "outline", "contrast", "detail", "histogram")
WEIGHTS = (2.0, 1.4, 2.0, 3.3, 3.5)


@dataclass(frozen=True, slots=True)
class Matches:
    """The best match of each subject in each frame, at each scale.

    Attributes:
        evidence: (frames, subjects, scales, 5), in the order of `EVIDENCES`, more is better:
            small difference of colours in blocks that may shift and be hidden, colours that end
            at the subject's outline, correlation, correlation of what is finer than blocks, and
            common share of the colour histograms.
        places: (frames, subjects, scales, 2): the middle, x and y as fractions of the frame.
    """

    evidence: Tensor
    places: Tensor

    @property
    def scores(self) -> Tensor:
        """Weighted sums of the evidence: (frames, subjects, scales)."""
        return self.evidence @ self.evidence.new_tensor(WEIGHTS)


class Matcher:
    """Looks for subjects in frames.

    Args:
        pictures: A reference each, RGB on white.
    """

    def __init__(self, pictures: Sequence[Image.Image]) -> None:
        self._coarse = templates_of(pictures, COARSE)
        self._fine = templates_of(pictures, FINE)

    @torch.no_grad()
    def __call__(self, frames: Frames) -> Matches:
        """Find the best match of every subject in every frame.

        Args:
            frames: uint8 (frames, height, width, 3).
        """
        planes = as_planes(frames)
        evidence, places = [], []
        for size in SIZES:
            span = size * planes.shape[-2]
            found = _coarse_match(_scaled(planes, COARSE / span), self._coarse)
            scaled = _scaled(planes, FINE / span)
            evidence.append(_judge(scaled, self._fine, found))
            middle = (found[1:].flip(0) - BORDER + COARSE / 2) * span / COARSE
            extent = torch.tensor([planes.shape[-1], planes.shape[-2]])
            places.append(middle.movedim(0, -1) / extent)
        return Matches(torch.stack(evidence, 2), torch.stack(places, 2))


def _scaled(planes: Tensor, factor: float) -> Tensor:
    height, width = (max(1, round(side * factor)) for side in planes.shape[-2:])
    return functional.interpolate(
        planes, (height, width), mode="bilinear", antialias=True, align_corners=False
    )


def _coarse_match(planes: Tensor, templates: Templates) -> Tensor:
    """Variant, top and left of each subject's best match: (3, frames, subjects)."""
    planes = functional.pad(planes, (BORDER,) * 4, mode="replicate")
    flat = Templates(
        *(t.flatten(0, 1) for t in (templates.colours, templates.inside, templates.outline))
    )
    inner, contrast = _differences(planes, flat.colours, flat.inside)
    outer, _ = _differences(planes, flat.colours, flat.outline)
    fit = 0.45 * (outer + FLOOR).log() - (inner + FLOOR).log() + 1.5 * contrast
    height, width = fit.shape[-2:]
    best = fit.reshape(len(planes), len(templates), -1).argmax(2)
    return torch.stack([best // (height * width), best % (height * width) // width, best % width])


def _differences(planes: Tensor, colours: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared difference and correlation under masks, at all places."""
    weights = mask[:, None] / (3 * mask.sum((1, 2)).clamp(min=0.1))[:, None, None, None]
    weighted = colours * weights
    squared = functional.conv2d(planes.square().sum(1, keepdim=True), weights)
    product = functional.conv2d(planes, weighted)
    mean = functional.conv2d(planes.sum(1, keepdim=True), weights)
    power = (colours * weighted).sum((1, 2, 3))[:, None, None]
    level = weighted.sum((1, 2, 3))[:, None, None]
    spread = (squared - mean.square()).clamp(min=0) + FLOOR
    correlation = (product - mean * level) / (spread * (power - level.square() + FLOOR)).sqrt()
    return (squared - 2 * product + power).clamp(min=0), correlation


def _judge(planes: Tensor, templates: Templates, found: Tensor) -> Tensor:
    """Evidence for a match near each place found: (frames, subjects, 5)."""
    windows = _windows(planes, found)
    subjects = torch.arange(len(templates))
    variant = found[0]
    colours = templates.colours[subjects, variant]
    inside = templates.inside[subjects, variant]
    outline = templates.outline[subjects, variant]
    area = inside.sum((-2, -1))
    squared = (windows - colours[:, :, None]).square().mean(3)
    blocks = _blocks(squared * inside[:, :, None])
    hidden = torch.minimum(blocks.amin(2), 0.05 * _blocks(inside)).sum((-2, -1)) / area
    best = blocks.sum((-2, -1)).argmin(2)
    window, difference = _picked(windows, best), _picked(squared, best)
    edge = (difference * outline).sum((-2, -1)) / outline.sum((-2, -1)).clamp(min=0.5)
    levelled = [_levelled(p, inside) for p in (window, colours)]
    detailed = [_detail(p, inside) for p in (window, colours)]
    shades = [_histogram(p, inside) for p in (window, colours)]
    evidence = (
        -(hidden + FLOOR).log(),
        (edge + FLOOR).log(),
        _correlation(levelled[0], levelled[1], area, 0.003),
        _correlation(detailed[0], detailed[1], area, 0.002),
        torch.minimum(shades[0], shades[1]).sum(-1) / area,
    )
    return torch.stack(evidence, -1)


def _windows(planes: Tensor, found: Tensor) -> Tensor:
    """Windows at all shifts about the places found: (frames, subjects, shifts, 3, side, side)."""
    ratio, reach = FINE // COARSE, FINE + 2 * SLACK
    planes = functional.pad(planes, (ratio * BORDER + SLACK,) * 4, mode="replicate")
    height, width = planes.shape[-2:]
    top = (ratio * found[1]).clamp(max=height - reach)[..., None] + torch.arange(reach)
    left = (ratio * found[2]).clamp(max=width - reach)[..., None] + torch.arange(reach)
    frame = torch.arange(len(planes))[:, None, None, None]
    # Advanced indices on both sides of a slice put the colours last.
    region = planes.permute(0, 2, 3, 1)[frame, top[..., None], left[..., None, :]]
    unfolded = region.unfold(2, FINE, 1).unfold(3, FINE, 1)
    return unfolded.flatten(2, 3)


def _picked(values: Tensor, index: Tensor) -> Tensor:
    """Those of dimension 2 that an index (frames, subjects) names."""
    frames, subjects = (torch.arange(n) for n in index.shape)
    return values[frames[:, None], subjects, index]


def _blocks(values: Tensor) -> Tensor:
    """Sums over blocks of the last two dimensions."""
    means = functional.avg_pool2d(values.flatten(0, -3), BLOCK)
    return means.view(*values.shape[:-2], *means.shape[-2:]) * BLOCK**2


def _levelled(colours: Tensor, inside: Tensor) -> Tensor:
    """Less the mean over the subject, nothing outside of it."""
    weights = inside[:, :, None] / (3 * inside.sum((-2, -1)))[..., None, None, None]
    return (colours - (colours * weights).sum((2, 3, 4), keepdim=True)) * inside[:, :, None].sqrt()


def _detail(colours: Tensor, inside: Tensor) -> Tensor:
    """Less the mean of the surroundings within the subject, nothing outside of it."""
    mask = inside[:, :, None]
    around = functional.avg_pool2d((colours * mask).flatten(0, 1), 5, 1, 2)
    share = functional.avg_pool2d(mask.flatten(0, 1), 5, 1, 2)
    mean = (around / share.clamp(min=0.05)).view_as(colours)
    return (colours - mean) * mask


def _correlation(first: Tensor, second: Tensor, area: Tensor, floor: float) -> Tensor:
    product, *powers = (
        (a * b).sum((2, 3, 4)) / (3 * area)
        for a, b in ((first, second), (first, first), (second, second))
    )
    return product / ((powers[0] + floor) * (powers[1] + floor)).sqrt()


def _histogram(colours: Tensor, inside: Tensor) -> Tensor:
    """Area of each shade: (frames, subjects, shades)."""
    steps = (colours.clamp(0, 0.999) * NUM_SHADES).long()
    shade = (steps[:, :, 0] * NUM_SHADES + steps[:, :, 1]) * NUM_SHADES + steps[:, :, 2]
    empty = colours.new_zeros(*inside.shape[:2], NUM_SHADES**3)
    return empty.scatter_add(2, shade.flatten(2), inside.flatten(2))
