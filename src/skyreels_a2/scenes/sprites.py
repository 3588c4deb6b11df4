"""Sprites as arrays and pictures: cropping, scaling and turning. NumPy and Pillow only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from skyreels_a2.scenes.assets import Sprite


def tight(sprite: Sprite) -> Sprite:
    """Cut off what is transparent in every pose; the poses stay aligned."""
    seen = sprite[..., 3].max(axis=0) > 8
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return sprite
    return np.ascontiguousarray(sprite[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def shrunk(sprite: Sprite, longest: int) -> Sprite:
    """Scale down so that no side exceeds `longest`; a smaller sprite stays as it is."""
    height, width = sprite.shape[1:3]
    scale = longest / max(height, width)
    if scale >= 1:
        return sprite
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    poses = (premultiplied(pose).resize(size, Image.Resampling.LANCZOS) for pose in sprite)
    return np.stack([np.asarray(pose.convert("RGBA")) for pose in poses])


def premultiplied(pose: Sprite) -> Image.Image:
    """One RGBA pose as a Pillow picture in which colour is already weighted by alpha."""
    return Image.fromarray(pose).convert("RGBa")


def turning(
    size: tuple[int, int], middle: tuple[float, float], scale: float, angle: float
) -> tuple[float, ...]:
    """The affine matrix that shows a picture scaled and turned about its middle.

    Args:
        size: Width and height of the picture.
        middle: Where its middle comes to lie in the result.
        scale: Pixels of the result for one of the picture.
        angle: Degrees, clockwise.

    Returns:
        What `Image.transform` takes: from places in the result to those in the picture.
    """
    cos, sin = math.cos(math.radians(angle)) / scale, math.sin(math.radians(angle)) / scale
    x, y = middle
    return (
        *(cos, sin, size[0] / 2 - cos * x - sin * y),
        *(-sin, cos, size[1] / 2 + sin * x - cos * y),
    )
