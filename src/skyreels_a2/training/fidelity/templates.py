"""Templates: references of subjects, cut out of their white and brought to one small size.

A reference shows another side, tilt and pose than the video, so each is kept mirrored and tilted
too. Sizes are not varied here: it is the frames that are scaled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from skyreels_a2.video import Frames

CUT_SIDE = 64
"""Pixels at which a subject is told from the white round it."""
WHITE = 0.94
"""What is at least so bright in all colours, and joined to the edge, is not the subject."""
TILTS = (-10.0, 0.0, 10.0)
"""Degrees; references are tilted by 6 to 14 either way, or not."""


@dataclass(frozen=True, slots=True)
class Templates:
    """Subjects in all their variants.

    Attributes:
        colours: (subjects, variants, 3, side, side) in [0, 1]; beyond the subject's edge go on
            the colours that it has there.
        inside: (subjects, variants, side, side), how much of each pixel is the subject.
        outline: The same for a line just outside of it.
    """

    colours: Tensor
    inside: Tensor
    outline: Tensor

    def __len__(self) -> int:
        return self.colours.shape[0]


def templates_of(pictures: Sequence[Image.Image], side: int) -> Templates:
    """Cut subjects out of their references.

    Args:
        pictures: RGB on white, of any size.
        side: Pixels of the longer side of a template, a margin of one pixel included.
    """
    squares = torch.stack([_square(picture) for picture in pictures])
    coloured = torch.cat([squares, _cut(squares)], dim=1)
    variants = [
        _shrink(_tilt(side_seen, degrees), side)
        for side_seen in (coloured, coloured.flip(-1))
        for degrees in TILTS
    ]
    stacked = torch.stack(variants, dim=1)
    flat = stacked.flatten(0, 1)
    inside = flat[:, 3:]
    outline = (functional.max_pool2d(inside, 3, 1, 1) - inside) * (inside < 0.5)
    shape = stacked.shape[:2]
    return Templates(
        _spread(flat[:, :3], inside).view(*shape, 3, side, side),
        inside[:, 0].view(*shape, side, side),
        outline[:, 0].view(*shape, side, side),
    )


def as_planes(frames: Frames) -> Tensor:
    """Frames (f, h, w, 3) as float32 of shape (f, 3, h, w) in [0, 1]."""
    return torch.from_numpy(np.array(frames)).permute(0, 3, 1, 2).float() / 255


def _square(picture: Image.Image) -> Tensor:
    """A picture in the middle of a white square of `CUT_SIDE`, (3, side, side)."""
    side = max(picture.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    small = square.resize((CUT_SIDE, CUT_SIDE), Image.Resampling.BOX)
    return as_planes(np.asarray(small)[None])[0]


def _cut(squares: Tensor) -> Tensor:
    """Masks of subjects: all but the white that can be reached from the edge, (n, 1, h, w)."""
    white = (squares.amin(1, keepdim=True) > WHITE).float()
    reached = torch.zeros_like(white)
    reached[..., 0], reached[..., -1], reached[..., 0, :], reached[..., -1, :] = 1, 1, 1, 1
    reached *= white
    while True:
        further = functional.max_pool2d(reached, 3, 1, 1) * white
        if torch.equal(further, reached):
            break
        reached = further
    subject = 1 - reached
    # A blank picture has no subject; taken whole, it can still be compared.
    blank = subject.sum(dim=(1, 2, 3), keepdim=True) < CUT_SIDE
    return torch.where(blank, torch.ones_like(subject), subject)


def _tilt(coloured: Tensor, degrees: float) -> Tensor:
    if not degrees:
        return coloured
    angle = torch.deg2rad(torch.tensor(degrees))
    cos, sin = float(angle.cos()), float(angle.sin())
    turn = torch.tensor([[[cos, -sin, 0.0], [sin, cos, 0.0]]]).expand(len(coloured), -1, -1)
    shape = list(coloured.shape)
    grid = functional.affine_grid(turn, shape, align_corners=False)
    premultiplied = torch.cat([coloured[:, :3] * coloured[:, 3:], coloured[:, 3:]], dim=1)
    turned = functional.grid_sample(premultiplied, grid, align_corners=False)
    mask = turned[:, 3:]
    return torch.cat([turned[:, :3] / mask.clamp(min=1e-3), mask], dim=1)


def _shrink(coloured: Tensor, side: int) -> Tensor:
    """The square round each subject, with a margin, at `side` pixels: (n, 4, side, side)."""
    return torch.stack([_shrink_one(picture, side) for picture in coloured])


def _shrink_one(picture: Tensor, side: int) -> Tensor:
    solid = picture[3] > 0.5
    rows, columns = solid.any(1).nonzero()[:, 0], solid.any(0).nonzero()[:, 0]
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    longest = max(bottom - top, right - left)
    margin = max(1, round(longest / (side - 2)))
    across, down = longest + 2 * margin - (right - left), longest + 2 * margin - (bottom - top)
    premultiplied = torch.cat([picture[:3] * picture[3:], picture[3:]])[:, top:bottom, left:right]
    pads = (across // 2, across - across // 2, down // 2, down - down // 2)
    small = functional.adaptive_avg_pool2d(functional.pad(premultiplied, pads), side)
    return torch.cat([small[:3] / small[3:].clamp(min=1e-3), small[3:]])


def _spread(colours: Tensor, inside: Tensor) -> Tensor:
    """Let the colours of the inside run outwards."""
    line = torch.tensor([1.0, 2.0, 1.0])
    kernel = (line[:, None] * line / 16)[None, None]
    known = (inside > 0.3).float()
    spread = colours * known
    for _ in range(4):
        near = functional.conv2d(spread.flatten(0, 1)[:, None], kernel, padding=1)
        weight = functional.conv2d(known, kernel, padding=1)
        fresh = (1 - known) * (weight > 0)
        spread = spread + near.view_as(spread) / weight.clamp(min=1e-6) * fresh
        known = known + fresh
    return spread
