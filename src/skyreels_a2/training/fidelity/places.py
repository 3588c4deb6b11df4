"""Backgrounds: how well a reference shows the place that is behind a video.

The reference is another view of the place, shifted and scaled. So it is laid over the frame at
all places and scales at which they share at least half of the frame; the best correlation of what
both show counts, and so does what they share of their colours wherever they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from skyreels_a2.training.fidelity.templates import as_planes
from skyreels_a2.video import Frames

HEIGHT = 24
"""Pixels to which frames are brought."""
SCALES = (0.63, 0.79, 1.0, 1.26, 1.58)
"""Sizes of the reference beside the frame."""
SHARED = 0.5
"""Least share of the frame that the reference must cover."""
NUM_SHADES = 6
FLOOR = 0.002
HISTOGRAM_WEIGHT = 1.0


class PlaceMatcher:
    """Compares frames with pictures of places.

    Args:
        pictures: A reference each, RGB.
    """

    def __init__(self, pictures: Sequence[Image.Image]) -> None:
        self._pictures = torch.cat([as_planes(np.asarray(picture)[None]) for picture in pictures])

    @torch.no_grad()
    def __call__(self, frames: Frames) -> Tensor:
        """How well each place fits each frame, more is better: (frames, places).

        Args:
            frames: uint8 (frames, height, width, 3).
        """
        planes = _to_height(as_planes(frames), HEIGHT)
        places = _to_height(self._pictures, HEIGHT)
        fits = [_correlations(planes, _to_height(self._pictures, HEIGHT * s)) for s in SCALES]
        shades = torch.minimum(_histogram(planes)[:, None], _histogram(places)[None]).sum(-1)
        return torch.stack(fits).amax(0) + HISTOGRAM_WEIGHT * shades


def _to_height(planes: Tensor, height: float) -> Tensor:
    rows, columns = planes.shape[-2:]
    size = (round(height), round(height * columns / rows))
    return functional.interpolate(
        planes, size, mode="bilinear", antialias=True, align_corners=False
    )


def _correlations(frames: Tensor, places: Tensor) -> Tensor:
    """Best correlation of each frame with each place where they overlap: (frames, places)."""
    rows, columns = frames.shape[-2:]
    margin = (columns // 2, columns // 2, rows // 2, rows // 2)
    laid = functional.pad(places, margin)
    there = functional.pad(torch.ones_like(places[:1, :1]), margin)
    whole = torch.ones_like(frames[:1, :1])
    count = functional.conv2d(there, whole).clamp(min=1)
    frame_mean = functional.conv2d(there, frames.sum(1, keepdim=True)) / (3 * count)
    frame_power = functional.conv2d(there, frames.square().sum(1, keepdim=True)) / (3 * count)
    ones = whole.expand(1, 3, -1, -1)
    place_mean = functional.conv2d(laid, ones) / (3 * count)
    place_power = functional.conv2d(laid.square(), ones) / (3 * count)
    product = functional.conv2d(laid, frames) / (3 * count)
    spread = (frame_power - frame_mean.square()).clamp(min=0) + FLOOR
    other = (place_power - place_mean.square()).clamp(min=0) + FLOOR
    found = (product - frame_mean * place_mean) / (spread * other).sqrt()
    enough = count >= SHARED * rows * columns
    return found.masked_fill(~enough, -1).flatten(2).amax(2).T


def _histogram(planes: Tensor) -> Tensor:
    """Share of each shade: (pictures, shades)."""
    steps = (planes.clamp(0, 0.999) * NUM_SHADES).long()
    shade = ((steps[:, 0] * NUM_SHADES + steps[:, 1]) * NUM_SHADES + steps[:, 2]).flatten(1)
    empty = planes.new_zeros(len(planes), NUM_SHADES**3)
    ones = torch.ones_like(shade, dtype=planes.dtype)
    return empty.scatter_add(1, shade, ones) / shade.shape[1]
