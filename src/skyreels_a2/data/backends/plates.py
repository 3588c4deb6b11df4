"""The empty scene behind what moves, as each frame of a shot would show it.

Frames are laid over each other by the camera's motion and made equally bright. What a place shows
most of the time is the scene, unless something else that it shows continues its surroundings
better: so a subject that stays on its spot, of which most is always there, does not become scenery.
What never changes, lies amid change and has the colours of what changes belongs to a subject too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.data.vision import (
    IDENTITY,
    Affine,
    Mask,
    Plane,
    camera_motion,
    chain,
    fill_in,
    grey,
    hulls,
    inverse,
    pieces,
    tidy,
    warp,
)

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

Floats = NDArray[np.float32]
CHANGED = 24.0
"""Levels by which a place differs from what it mostly shows when something is before it."""
OFTEN = 0.08
"""Share of the frames in which a place changed that something passed."""
ALIKE = 0.5
"""Share of a place that has the colours of what moves, from which all of it is a subject's."""
STRANGE = 60.0
"""Levels off its surroundings that weigh as much as being there e times as seldom."""


@dataclass(frozen=True, eq=False)
class Laid:
    """Frames laid over each other.

    Attributes:
        layers: float32 (n, height, width, 3) of one brightness; NaN where a frame has nothing.
        ways: Each frame's way onto them.
        gains: How bright each frame is in red, green and blue.
    """

    layers: Floats
    ways: Sequence[Affine]
    gains: Sequence[Floats]


def empty_scenes(frames: Sequence[Frame]) -> list[tuple[Frame, Mask]]:
    """For each frame the scene without what moves, and where that is known."""
    height, width = frames[0].shape[:2]
    laid = lay(frames)
    plate = scenery(laid.layers)
    known = np.asarray(~np.isnan(plate).any(axis=2))
    plate = np.nan_to_num(plate)
    scenes = []
    for way, gain in zip(laid.ways, laid.gains, strict=True):
        back = inverse(way)
        here = warp(plate, back, size=(width, height), repeat_edges=True) * gain
        valid = warp(known.astype(np.uint8), back, size=(width, height)) > 0
        scenes.append((here.clip(0, 255).astype(np.uint8), valid))
    return scenes


def lay(frames: Sequence[Frame]) -> Laid:
    """Frames over each other by the camera's motion, as bright as the middle one."""
    height, width = frames[0].shape[:2]
    ways, (wide, tall) = _onto_canvas(_to_middle([grey(f) for f in frames]), width, height)
    layers = np.empty((len(frames), tall, wide, 3), np.float32)
    for layer, frame, way in zip(layers, frames, ways, strict=True):
        layer[:] = warp(np.asarray(frame, np.float32), way, size=(wide, tall), repeat_edges=True)
        layer[warp(np.ones((height, width), np.uint8), way, size=(wide, tall)) == 0] = np.nan
    gains = [_gain(layer, layers[len(layers) // 2]) for layer in layers]
    layers /= np.stack(gains)[:, None, None]
    return Laid(layers, ways, gains)


def scenery(layers: Floats) -> Floats:
    """What is behind all that moves: (height, width, 3), NaN where nothing was ever seen."""
    usual = _median(layers)
    apart = _apart(layers, usual)
    seen = (~np.isnan(apart)).sum(axis=0).clip(1)
    changes = (apart > CHANGED).sum(axis=0) / seen
    moved = hulls(changes > OFTEN)
    if not moved.any():
        return usual
    around = fill_in(usual, ~moved & ~np.isnan(usual).any(axis=2))
    plate = _likelier(layers, usual, around, changes, moved)
    return _without_cores(layers, plate, around, moved & (changes <= OFTEN))


def _likelier(
    layers: Floats, usual: Floats, around: Floats, changes: Floats, moved: Mask
) -> Floats:
    """Where something moved, the usual or what is most like the surroundings: by both measures."""
    away = _apart(layers, around)
    nearest = np.where(np.isnan(away), np.inf, away).argmin(axis=0)
    like = np.take_along_axis(layers, nearest[None, ..., None], axis=0)[0]
    same = (_apart(layers, like) <= CHANGED).sum(axis=0) / len(layers)
    cost_usual = _apart(usual, around) / STRANGE - np.log((1 - changes).clip(1e-3))
    cost_like = _apart(like, around) / STRANGE - np.log(same.clip(1e-3))
    better = moved & (cost_like < cost_usual)
    return np.where(better[..., None], like, usual).astype(np.float32)


def _without_cores(layers: Floats, plate: Floats, around: Floats, still: Mask) -> Floats:
    """Where nothing changes amid change: what has rather the colours of what moves goes too."""
    differs = np.nan_to_num(_apart(layers, plate)) > CHANGED
    moving, scene = _colours(layers[differs & ~still]), _colours(plate[~still])
    codes = _codes(np.nan_to_num(plate))
    strange = _apart(plate, around) > CHANGED
    alike = moving[codes] > 2 * scene[codes]
    core = np.zeros_like(still)
    for piece in pieces(still & strange, min_area=4):
        core |= piece if alike[piece].mean() > ALIKE else False
    return np.where(tidy(core, gap=3)[..., None], around, plate).astype(np.float32)


def _codes(pixels: Floats) -> NDArray[np.int64]:
    levels = pixels.clip(0, 255).astype(np.int64) >> 5
    return np.asarray(levels[..., 0] * 64 + levels[..., 1] * 8 + levels[..., 2])


def _colours(pixels: Floats) -> Floats:
    """Share of each of 8 x 8 x 8 colours."""
    counts = np.bincount(_codes(pixels[~np.isnan(pixels).any(axis=-1)]), minlength=512)
    return np.asarray(counts / max(1, counts.sum()), np.float32)


def _apart(layers: Floats, plate: Floats) -> Floats:
    """Greatest difference over the colours; `max` over so short an axis takes ten times as long."""
    red, green, blue = (np.abs(layers[..., c] - plate[..., c]) for c in range(3))
    return np.asarray(np.maximum(np.maximum(red, green, out=red), blue, out=red))


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


def _median(stack: Floats) -> Floats:
    """Over the first axis, of what is known; `nanmedian` takes ten times as long."""
    ordered = np.sort(stack, axis=0)  # what is unknown comes last
    known = (~np.isnan(ordered)).sum(axis=0, keepdims=True)
    low, high = (known - 1).clip(0) // 2, (known // 2).clip(0, len(stack) - 1)
    middle = (np.take_along_axis(ordered, part, axis=0)[0] for part in (low, high))
    return np.asarray(sum(middle) / 2, np.float32)


def _to_middle(planes: Sequence[Plane]) -> list[Affine]:
    """Each frame's way to the middle one, over its neighbours."""
    steps = [camera_motion(before, after) for before, after in pairwise(planes)]
    middle = len(planes) // 2
    ways = {middle: IDENTITY}
    for i in range(middle - 1, -1, -1):
        ways[i] = chain(steps[i], ways[i + 1])
    for i in range(middle + 1, len(planes)):
        ways[i] = chain(inverse(steps[i - 1]), ways[i - 1])
    return [ways[i] for i in range(len(planes))]


def _gain(layer: Floats, middle: Floats) -> Floats:
    """How bright a layer is in red, green and blue, by the places that both show."""
    here, there = layer[::2, ::2].reshape(-1, 3), middle[::2, ::2].reshape(-1, 3)
    both = (here > 8).all(axis=1) & (there > 8).all(axis=1)  # NaN is not
    if both.mean() < 0.2:
        return np.ones(3, np.float32)
    ratio = np.median(here[both] / there[both], axis=0).clip(0.2, 5)
    return np.asarray(ratio if np.abs(ratio - 1).max() > 0.01 else np.ones(3), np.float32)
