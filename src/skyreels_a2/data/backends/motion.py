"""Subjects by motion and colour: whatever differs from the empty scene, followed through a shot.

Frames are aligned by the camera's motion, the empty scene is their median, and a subject is a
connected piece that differs from it. Needs no model. What never moves is not seen, and two that
touch all the time are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.data.backends.protocols import Sighting, Track
from skyreels_a2.data.backends.tracking import link
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.settings import ElementSettings
from skyreels_a2.data.vision import (
    IDENTITY,
    Affine,
    Mask,
    camera_motion,
    chain,
    edges,
    grey,
    inverse,
    outline,
    pieces,
    shrink,
    tidy,
    warp,
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


def empty_scenes(frames: Sequence[Frame]) -> list[tuple[Frame, Mask]]:
    """For each frame the scene without what moves, and where that is known."""
    height, width = frames[0].shape[:2]
    ways, (wide, tall) = _onto_canvas(_to_middle([grey(f) for f in frames]), width, height)
    lights = _gains(frames)
    stack = np.empty((len(frames), tall, wide, 3), np.float32)
    for layer, frame, way, gain in zip(stack, frames, ways, lights, strict=True):
        lit = frame.astype(np.float32) / gain
        layer[:] = warp(lit, way, size=(wide, tall), repeat_edges=True)
        layer[warp(np.ones((height, width), np.uint8), way, size=(wide, tall)) == 0] = np.nan
    plate = _median(stack)
    known = ~np.isnan(plate).any(axis=2)
    plate = np.nan_to_num(plate)
    scenes = []
    for way, gain in zip(ways, lights, strict=True):
        back = inverse(way)
        here = warp(plate, back, size=(width, height), repeat_edges=True) * gain
        valid = warp(known.astype(np.uint8), back, size=(width, height)) > 0
        scenes.append((here.clip(0, 255).astype(np.uint8), valid))
    return scenes


def _onto_canvas(
    ways: Sequence[Affine], width: int, height: int
) -> tuple[list[Affine], tuple[int, int]]:
    """The ways onto a canvas that holds all frames, at most twice as wide and tall; its size."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    places = np.concatenate([corners @ way.T for way in ways])
    least = np.maximum(places.min(axis=0), (-width / 2, -height / 2))
    most = np.minimum(places.max(axis=0), (1.5 * width, 1.5 * height))
    moved = [chain(way, np.array([[1, 0, -least[0]], [0, 1, -least[1]]])) for way in ways]
    wide, tall = np.ceil(most - least).astype(int)
    return moved, (int(wide), int(tall))


def _median(stack: np.ndarray) -> np.ndarray:
    """Over the first axis, of what is known; `nanmedian` takes ten times as long."""
    ordered = np.sort(stack, axis=0)  # what is unknown comes last
    known = (~np.isnan(ordered)).sum(axis=0, keepdims=True)
    low, high = (known - 1).clip(0) // 2, (known // 2).clip(0, len(stack) - 1)
    middle = (np.take_along_axis(ordered, part, axis=0)[0] for part in (low, high))
    return np.asarray(sum(middle) / 2)


def _to_middle(planes: Sequence[np.ndarray]) -> list[Affine]:
    """Each frame's way to the middle one, over its neighbours."""
    steps = [camera_motion(before, after) for before, after in pairwise(planes)]
    middle = len(planes) // 2
    ways = {middle: IDENTITY}
    for i in range(middle - 1, -1, -1):
        ways[i] = chain(steps[i], ways[i + 1])
    for i in range(middle + 1, len(planes)):
        ways[i] = chain(inverse(steps[i - 1]), ways[i - 1])
    return [ways[i] for i in range(len(planes))]


def _gains(frames: Sequence[Frame]) -> list[np.ndarray]:
    """How bright each frame is in red, green and blue, against the middle one."""
    levels = [np.median(frame[::2, ::2].reshape(-1, 3), axis=0).clip(4) for frame in frames]
    # A subject may move the median a little: only what changes steadily counts as light.
    smooth = np.array(levels, np.float32) / levels[len(levels) // 2]
    steps = np.arange(len(smooth))
    fitted = np.stack([np.polyval(np.polyfit(steps, c, 1), steps) for c in smooth.T], axis=1)
    slow = np.abs(fitted - 1).max() < 0.08
    return [np.ones(3, np.float32) if slow else g.astype(np.float32) for g in fitted.clip(0.2, 5)]


def _different(frame: Frame, plate: Frame, least: float) -> Mask:
    apart = np.abs(frame.astype(np.int16) - plate.astype(np.int16)).max(axis=2)
    return np.asarray(apart > least)


def _edges_left(mask: Mask, frame: Frame, plate: Frame) -> float:
    """Edges of the empty scene along an outline, against the frame's: many where something left."""
    line = outline(mask)
    here, there = edges(grey(frame))[line].mean(), edges(grey(plate))[line].mean()
    return float(there / max(1.0, here))
