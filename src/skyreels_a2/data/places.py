"""The largest rectangle of a frame that no subject is in."""

from __future__ import annotations

import numpy as np

from skyreels_a2.data.records import Box
from skyreels_a2.data.vision import Mask, resize

GRID = 24
"""Cells along each side that rectangles are made of."""
MAX_ASPECT = 3.0


def free_rectangle(taken: Mask) -> Box:
    """The largest free rectangle of at most 1:3, as fractions; empty when all is taken."""
    cells = resize(taken.astype(np.float32), GRID, GRID) > 0.02
    heights = np.zeros(GRID, int)
    best, found = 0.0, (0.0, 0.0, 0.0, 0.0)
    ratio = taken.shape[1] / taken.shape[0]
    for row in range(GRID):
        heights = np.where(cells[row], 0, heights + 1)
        for left in range(GRID):
            tall = GRID
            for right in range(left, GRID):
                tall = min(tall, int(heights[right]))
                if not tall:
                    break
                wide = right - left + 1
                aspect = max(wide * ratio / tall, tall / (wide * ratio))
                if wide * tall > best and aspect <= MAX_ASPECT:
                    best = wide * tall
                    found = (
                        left / GRID,
                        (row - tall + 1) / GRID,
                        (right + 1) / GRID,
                        (row + 1) / GRID,
                    )
    return found
