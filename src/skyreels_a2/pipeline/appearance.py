"""Appearance matching: elements are drawn to what their references show, where the model looks.

A young model knows which place of a reference a place of its video shows long before it can carry
over what is there: its taught heads look at the right place (`training.correspondence`), and what
it makes of that is a mosaic. So the latents that stand there are mixed into what it predicts. To
warp what a reference shows by matches is DreamMatcher's idea (arXiv 2402.09812), which warps
features inside the network; here they are latents, and the matches are the model's own attention.

    v' = (1 - m) · v + m · (x - warped) / sigma,    m = strength where a subject is seen, else 0

for each pass of guidance, whose weights sum to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from skyreels_a2.conditioning.conditioner import Conditioning
from skyreels_a2.conditioning.spatial import MASK_CHANNELS
from skyreels_a2.pipeline.guidance import Branch
from skyreels_a2.pipeline.sampling import Branches, Moment, Predictor
from skyreels_a2.runtime.looks import QUARTERS, Look, rotated, watch

NOISIEST = 0.7
"""Noise level above which nobody's place is settled; drawn there, fewer go where they should."""
SURE = 0.5
"""Share of the attention on references that must fall on one."""
NEAR = 1
"""Tokens round the most looked at, over which the place is averaged."""


@dataclass(frozen=True, slots=True)
class Matching:
    """What is drawn to its references.

    Attributes:
        strength: Share of what a reference shows in what is predicted, 0 to 1.
        drawn: Of each reference, its share of that: how strong it is, and 0 for a place.
    """

    strength: float
    drawn: tuple[float, ...]

    @property
    def draws(self) -> bool:
        """Whether it does anything."""
        return self.strength > 0 and any(self.drawn)


NO_MATCHING = Matching(0.0, ())


class AppearanceMatching:
    """A predictor whose elements are drawn to their references.

    Args:
        inner: Predicts, in this process.
        transformer: The model that it runs; its heads were taught.
        matching: What is drawn.
    """

    def __init__(self, inner: Predictor, transformer: Any, matching: Matching) -> None:
        self._inner, self._transformer, self._matching = inner, transformer, matching
        self._looks = watch(transformer)
        self._seen: dict[str, Tensor] = {}

    def __call__(self, told: Branches, latents: Tensor, moment: Moment) -> dict[Branch, Tensor]:
        """Velocities of the branches."""
        for look in self._looks:
            look.forget()
        # First, and by itself: the heads of another pass look elsewhere.
        velocities = self._inner({Branch.FULL: told[Branch.FULL]}, latents, moment)
        matches = self._matches(latents, moment.scope)
        rest = dict(told)
        del rest[Branch.FULL]
        if rest:
            velocities |= self._inner(rest, latents, moment)
        if matches is None or moment.sigma > NOISIEST:
            return velocities
        warped, weight = self._drawn(told[Branch.FULL], latents, matches)
        there = (latents - warped) / moment.sigma
        return {branch: v + weight * (there - v) for branch, v in velocities.items()}

    def _matches(self, latents: Tensor, scope: str) -> Tensor | None:
        """Those of this pass; where a step cache left the blocks out, of the last that ran."""
        if all(look.seen for look in self._looks):
            rotary, count = self._transformer.rope(latents), len(self._matching.drawn)
            self._seen[scope] = find_matches(self._looks, rotary, count, latents.shape[2:])
        return self._seen.get(scope)

    def _drawn(self, told: Conditioning, latents: Tensor, matches: Tensor) -> tuple[Tensor, Tensor]:
        """Latents that stand where the heads look, and how far to draw to them."""
        drawn = torch.tensor(self._matching.drawn, device=latents.device)
        references = told.condition[0, MASK_CHANNELS:, : len(drawn)].float()
        warped = torch.cat([latents[0, :, : len(drawn)], warp(references, matches)], dim=1)
        weight = self._matching.strength * drawn[matches[0].long()] * (matches[1] > SURE)
        return warped[None], pad(weight, (0, 0, 0, 0, len(drawn), 0))


def find_matches(
    looks: Sequence[Look], rotary: tuple[Tensor, Tensor], count: int, size: Sequence[int]
) -> Tensor:
    """Where the taught heads look from each place of a video.

    Args:
        looks: Of one forward pass.
        rotary: Cosines and sines of the position of every token: (1, tokens, 1, head_dim).
        count: References, which are the first latent frames.
        size: Latent frames, those of the references included, height and width.

    Returns:
        (4, frames of the video, height, width): which reference, the share of the attention on
        references that falls on it, and the place in it, across and down, as fractions. The share
        is 0 where no head is taught, which models of fewer blocks have.
    """
    num_frames, height, width = size
    found = torch.zeros(4, num_frames - count, height, width, device=rotary[0].device)
    tokens = (num_frames - count, height // 2, width // 2)
    first = count * tokens[1] * tokens[2]
    for look, (row, column) in zip(looks, QUARTERS, strict=False):
        query = rotated(look.query[:1], rotary)[0, first:]
        key = rotated(look.key[:1], rotary)[0, :first]
        attention = (query @ key.T * query.shape[-1] ** -0.5).softmax(1)
        attention = attention.view(-1, count, *tokens[1:])
        found[:, :, row::2, column::2] = _most_looked_at(attention).view(4, *tokens)
    return found


def _most_looked_at(attention: Tensor) -> Tensor:
    """Reference, share, across and down (4, n), of attention (n, references, rows, columns)."""
    share, which = attention.sum((2, 3)).max(1)
    own = attention[torch.arange(len(which)), which]
    height, width = own.shape[1:]
    rows, columns = (torch.arange(length, device=own.device) for length in (height, width))
    top = own.flatten(1).argmax(1)[:, None]
    near_rows = (rows - top // width).abs() <= NEAR
    near_columns = (columns - top % width).abs() <= NEAR
    near = own * near_rows[:, :, None] * near_columns[:, None]
    total = near.sum((1, 2))
    across = (near.sum(1) @ (columns + 0.5)) / total / width
    down = (near.sum(2) @ (rows + 0.5)) / total / height
    return torch.stack([which.to(share), share, across, down])


def warp(references: Tensor, matches: Tensor) -> Tensor:
    """The references' latents, brought to where a video shows them.

    Args:
        references: (16, N, height, width).
        matches: See `find_matches`.

    Returns:
        (16, frames, height, width).
    """
    which, _, across, down = matches
    grid = torch.stack([2 * across - 1, 2 * down - 1], dim=-1)
    warped = torch.zeros(len(references), *which.shape, device=references.device)
    for number, reference in enumerate(references.unbind(1)):
        frames = reference.expand(len(grid), -1, -1, -1)
        seen = grid_sample(frames, grid, padding_mode="border", align_corners=False)
        warped = torch.where(which == number, seen.transpose(0, 1), warped)
    return warped
