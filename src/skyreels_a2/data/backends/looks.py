"""Comparing pictures without a download: by their colours, from top to bottom."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.data.vision import Mask, lab, resize

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

_STEPS = 8


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
