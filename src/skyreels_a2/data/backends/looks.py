"""Comparing pictures without a download: by colours alone, or with a network's features."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skyreels_a2.data.vision import Mask, lab, resize

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

_STEPS = 8
_SIDE = 192
"""Pixels of the square in which the network sees a subject."""
_COLOUR = 0.3
"""Share of the colours in the cosine of `LiteEmbedder`: of 0, 0.3, 0.5, 0.7 and 1 the one that
finds most pairs of rendered subjects without a wrong one."""


class ColourEmbedder:
    """Where which colours are, over the whole and in three bands from top to bottom.

    Square roots of shares, so that a cosine is the Bhattacharyya coefficient.
    """

    def embed(self, picture: Frame, mask: Mask) -> NDArray[np.float32]:
        """A unit vector of 4 · 8 · 8 · 4 numbers."""
        colours = lab(resize(picture, 96, 96))
        inside = resize(mask.astype(np.uint8), 96, 96).astype(bool)
        if not inside.any():
            inside[:] = True
        rows = np.flatnonzero(inside.any(axis=1))
        cuts = np.linspace(rows[0], rows[-1] + 1, 4).round().astype(int)
        bands = [(rows[0], rows[-1] + 1), *pairwise(cuts)]
        parts = [_shares(colours[top:bottom], inside[top:bottom]) for top, bottom in bands]
        vector = np.concatenate(parts)
        return np.asarray(vector / max(1e-9, float(np.linalg.norm(vector))), np.float32)


def _shares(colours: Frame, inside: Mask) -> NDArray[np.float64]:
    """Square roots of the shares of soft bins: 4 of lightness, 8 × 8 of hue and saturation."""
    values = colours[inside].astype(np.float64)
    grid = np.zeros((4, _STEPS, _STEPS))
    if len(values):
        scaled = values / np.array([64.0, 16.0, 16.0]) - np.array([0.5, 4.5, 4.5])
        low = np.floor(scaled).astype(int)
        rest = scaled - low
        for corner in np.ndindex(2, 2, 2):
            weight = np.where(np.array(corner) == 1, rest, 1 - rest).prod(axis=1)
            place = (low + corner).clip(0, [3, _STEPS - 1, _STEPS - 1])
            np.add.at(grid, tuple(place.T), weight)
        grid /= grid.sum()
    return np.sqrt(grid).ravel()


class LiteEmbedder:
    """What EfficientNet-Lite0 sees in a cut-out, and its colours.

    The network's weights come with a package (the extra `data`). Its local features are averaged
    over the subject alone, so that the place it was cut from does not count.
    """

    def __init__(self) -> None:
        from skyreels_a2.runtime.lite import open_lite

        self._network, self._colours = open_lite("data"), ColourEmbedder()

    def embed(self, picture: Frame, mask: Mask) -> NDArray[np.float32]:
        """A unit vector: 152 numbers of features, then those of the colours."""
        colours = self._colours.embed(picture, mask)
        shown = np.where(mask[..., None], picture, 255).astype(np.uint8)
        grid = self._network.grid(Image.fromarray(_square(shown, _SIDE, 255)))
        inside = _square(mask.astype(np.uint8), len(grid), 0).astype(bool)
        features = grid[inside].mean(axis=0) if inside.any() else grid.mean(axis=(0, 1))
        features /= max(1e-9, float(np.linalg.norm(features)))
        joined = [np.sqrt(1 - _COLOUR) * features, np.sqrt(_COLOUR) * colours]
        return np.concatenate(joined).astype(np.float32)


def _square(plane: NDArray[np.uint8], side: int, around: int) -> NDArray[np.uint8]:
    """A picture or mask fitted into the middle of a square."""
    height, width = plane.shape[:2]
    scale = side / max(height, width)
    fitted = resize(plane, max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = np.full((side, side, *plane.shape[2:]), around, np.uint8)
    top, left = (side - fitted.shape[0]) // 2, (side - fitted.shape[1]) // 2
    canvas[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return canvas
