"""From a shot's description to numbers: where every actor is in every frame. No pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.scenes.bonds import BONDS, Pair
from skyreels_a2.scenes.motions import MOTIONS, Poses
from skyreels_a2.scenes.windows import view_at, window_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.scenes.motions import Moments
    from skyreels_a2.scenes.scene import Actor, Point, Shot

WIDTH_WEIGHT = 0.8
"""A subject wider than this inverse counts by its width, so that long ones stay in the frame."""


def moments(shot: Shot) -> Moments:
    """Moments from 0 to 1 of a shot's frames."""
    return np.linspace(0.0, 1.0, max(2, shot.num_frames))[: shot.num_frames]


def size_in(actor: Actor, sprite_size: tuple[int, int], frame_height: int) -> Point:
    """Width and height in pixels of an actor at scale 1.

    Args:
        actor: Whose size counts.
        sprite_size: Width and height of its sprite.
        frame_height: Pixels.
    """
    width, height = sprite_size
    factor = actor.size * frame_height / max(height, WIDTH_WEIGHT * width)
    return width * factor, height * factor


def windows(shot: Shot, picture_aspect: float, frame_aspect: float) -> NDArray[np.float64]:
    """What the camera sees of the background in every frame: (frames, 4) fractions."""
    return np.array(
        [window_of(picture_aspect, view_at(shot.camera, u), frame_aspect) for u in moments(shot)]
    )


def stage(shot: Shot, sizes: Sequence[Point], seen: NDArray[np.float64]) -> list[Poses]:
    """Poses of all actors of a shot.

    Who goes nowhere stands in the scenery and moves with it when the camera does.

    Args:
        shot: The shot.
        sizes: Width and height of each actor as fractions of the frame.
        seen: What the camera sees, as `windows` gives it.
    """
    u, staged = moments(shot), list[Poses]()
    for actor, size in zip(shot.actors, sizes, strict=True):
        if actor.bond:
            pair = Pair(staged[actor.bond.lead], sizes[actor.bond.lead], size)
            staged.append(BONDS[actor.bond.name].attach(actor, pair, u))
            continue
        poses = MOTIONS[actor.motion or "stays"].trajectory(actor.course, u)
        staged.append(poses if actor.direction else _with_camera(poses, seen))
    return staged


def poses_shown(actor: Actor, num_frames: int, fps: float) -> NDArray[np.int64]:
    """Index of the animation's pose in every frame: to and fro through the actor's window."""
    total, (first, count) = actor.subject.num_poses, actor.window
    if total == 1 or count == 1:
        return np.full(num_frames, first % total)
    ticks = (np.arange(num_frames) / fps + actor.phase) * total / (actor.subject.period or 1.0)
    step = ticks.astype(np.int64) % (2 * count - 2)
    return (first + np.where(step < count, step, 2 * count - 2 - step)) % total


def _with_camera(poses: Poses, seen: NDArray[np.float64]) -> Poses:
    middle = seen[len(seen) // 2]
    span, spans = middle[2:] - middle[:2], seen[:, 2:] - seen[:, :2]
    return replace(
        poses,
        x=(middle[0] + poses.x * span[0] - seen[:, 0]) / spans[:, 0],
        foot=(middle[1] + poses.foot * span[1] - seen[:, 1]) / spans[:, 1],
        scale=poses.scale * span[1] / spans[:, 1],
    )
