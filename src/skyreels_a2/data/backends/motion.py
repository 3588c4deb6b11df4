"""Subjects by motion and colour: whatever differs from the empty scene, followed through a shot.

A subject is a connected piece that differs from the empty scene (`plates`), followed from frame to
frame (`tracking`). Needs no model. What never moves is not seen, and two that touch all the time
are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.data.backends.plates import empty_scenes
from skyreels_a2.data.backends.protocols import Sighting, Track
from skyreels_a2.data.backends.tracking import link
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.settings import ElementSettings
from skyreels_a2.data.vision import (
    Mask,
    edges,
    grey,
    outline,
    pieces,
    shrink,
    tidy,
)

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

SIDE = 320
"""Pixels of the longer side of what is looked at."""
SHARE_OF_EDGES = 0.55
"""Along a subject's outline the empty scene has at most this share of the frame's edges: 95 % of
rendered subjects have less, and half of what is none has more."""


class MotionSegmenter:
    """Finds what moves otherwise than the camera."""

    def __init__(self, settings: ElementSettings) -> None:
        self._settings = settings

    def tracks(self, footage: Footage) -> Sequence[Track]:
        """All that differ from the empty scene, each followed while it does."""
        numbers = footage.numbers(self._settings.sample_fps)
        frames = [shrink(footage.frames[n], SIDE) for n in numbers]
        plates = empty_scenes(frames)
        found: list[list[Sighting]] = []
        for number, frame, (plate, valid) in zip(numbers, frames, plates, strict=True):
            mask = _different(frame, plate, self._settings.difference) & valid
            least = max(12, round(self._settings.min_area * 0.3 * mask.size))
            apart = pieces(tidy(mask, gap=7), min_area=least)
            left = [(piece, _edges_left(piece, frame, plate)) for piece in apart]
            found.append(
                [Sighting(number, piece, 1 - x) for piece, x in left if x <= SHARE_OF_EDGES]
            )
        return link(frames, found)


def _different(frame: Frame, plate: Frame, least: float) -> Mask:
    apart = np.abs(frame.astype(np.int16) - plate.astype(np.int16)).max(axis=2)
    return np.asarray(apart > least)


def _edges_left(mask: Mask, frame: Frame, plate: Frame) -> float:
    """Edges of the empty scene along an outline, against the frame's: many where something left."""
    line = outline(mask)
    here, there = edges(grey(frame))[line].mean(), edges(grey(plate))[line].mean()
    return float(there / max(1.0, here))
