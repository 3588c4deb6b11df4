"""What actors can do on their own: a table from a name to a trajectory and the words for it.

A trajectory gives, for every moment u in [0, 1] of a shot, where the feet are, how large the
actor is and how it is tilted. A new motion is one row in `MOTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from skyreels_a2.elements import Role
from skyreels_a2.scenes.scene import Course, Direction

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Moments: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Poses:
    """Where an actor is at each moment: arrays of one value a frame.

    Attributes:
        x: Middle of the actor, fraction of the frame's width.
        foot: Its lower end when upright, fraction of the frame's height.
        scale: Factor on its size.
        angle: Tilt in degrees, clockwise.
        depth: What is added to its depth.
    """

    x: Moments
    foot: Moments
    scale: Moments
    angle: Moments
    depth: Moments


@dataclass(frozen=True, slots=True)
class Lane:
    """The room that an actor has: from left to right, and where its feet stand."""

    left: float
    right: float
    foot: float
    size: float


Plan: TypeAlias = Callable[["Generator", Lane], Course]
Trajectory: TypeAlias = Callable[[Course, "Moments"], Poses]


@dataclass(frozen=True, slots=True)
class Motion:
    """One way to move.

    Attributes:
        direction: Where it leads, if it translates.
        plan: Makes up a course within a lane.
        trajectory: Poses along a course.
        verbs: Verb phrases in base form for each role that can do it.
    """

    direction: Direction | None
    plan: Plan
    trajectory: Trajectory
    verbs: dict[Role, tuple[str, ...]]


def line(course: Course, u: Moments) -> Poses:
    """Straight from start to end, with steps of height `reach` on the way."""
    x = _between(course.start[0], course.end[0], u)
    foot = _between(course.start[1], course.end[1], u)
    hop = course.reach * np.abs(np.sin(np.pi * course.turns * u))
    return _poses(x, foot - hop)


def roll(course: Course, u: Moments) -> Poses:
    """Straight from start to end, turning like a wheel."""
    way = np.sign(course.end[0] - course.start[0])
    poses = line(course, u)
    return _poses(poses.x, poses.foot, angle=360 * course.turns * way * u)


def throw(course: Course, u: Moments) -> Poses:
    """A parabola of height `reach` from start to end, turning."""
    x = _between(course.start[0], course.end[0], u)
    foot = _between(course.start[1], course.end[1], u) - course.reach * 4 * u * (1 - u)
    return _poses(x, foot, angle=180 * course.turns * u)


def resize(course: Course, u: Moments) -> Poses:
    """On the spot, scaled from 1 - reach to 1 + reach (or the other way when reach < 0)."""
    return _poses(*_on_the_spot(course, u), scale=1 + course.reach * (2 * u - 1))


def spin(course: Course, u: Moments) -> Poses:
    """On the spot, turning about its middle."""
    return _poses(*_on_the_spot(course, u), angle=360 * course.turns * u)


def sway(course: Course, u: Moments) -> Poses:
    """On the spot, tilting to and fro by `reach` degrees."""
    angle = course.reach * np.sin(2 * np.pi * course.turns * u)
    return _poses(*_on_the_spot(course, u), angle=angle)


def circle(course: Course, u: Moments) -> Poses:
    """Round a flat circle of radius `reach`: smaller and hidden at the back."""
    turn = 2 * np.pi * course.turns * u
    x = course.start[0] + course.reach * np.cos(turn)
    foot = course.start[1] + 0.4 * course.reach * (np.sin(turn) - 1)
    return _poses(x, foot, scale=0.9 + 0.1 * np.sin(turn), depth=0.2 * np.sin(turn))


def plan_across(way: Direction, *, reach: tuple[float, float] = (0.0, 0.015)) -> Plan:
    """From one side of the frame to the other."""

    def plan(rng: Generator, lane: Lane) -> Course:
        near, far = rng.uniform(0.1, 0.24), rng.uniform(0.74, 0.9)
        # Who goes the same way goes side by side, not one behind the other all the time.
        aside = (lane.left + lane.right - 1) / 4
        near, far = max(0.06, near + aside), min(0.94, far + aside)
        ends = (near, far) if way is Direction.RIGHT else (far, near)
        hop = rng.uniform(*reach)
        return Course((ends[0], lane.foot), (ends[1], lane.foot), hop, float(rng.integers(4, 7)))

    return plan


def plan_passage(way: Direction, *, entering: bool) -> Plan:
    """From beyond the frame into it, or out of it."""

    def plan(rng: Generator, lane: Lane) -> Course:
        inside, outside = rng.uniform(0.45, 0.68), -0.04 - 0.38 * lane.size
        ends = (outside, inside) if entering else (inside, outside)
        if (way is Direction.LEFT) is entering:
            ends = (1 - ends[0], 1 - ends[1])
        return Course((ends[0], lane.foot), (ends[1], lane.foot), rng.uniform(0, 0.015), 5.0)

    return plan


def plan_upright(way: Direction) -> Plan:
    """Straight up or down inside the lane."""

    def plan(rng: Generator, lane: Lane) -> Course:
        low, high = rng.uniform(0.94, 1.02), min(0.66, lane.size + 0.05) - rng.uniform(0, 0.06)
        x = _within(rng, lane)
        feet = (low, high) if way is Direction.UP else (high, low)
        return Course((x, feet[0]), (x + rng.uniform(-0.04, 0.04), feet[1]))

    return plan


def plan_spot(reach: tuple[float, float] = (0, 0), turns: tuple[float, float] = (1, 1)) -> Plan:
    """On the spot, with a reach and a number of turns between two values each."""

    def plan(rng: Generator, lane: Lane) -> Course:
        spot = (_within(rng, lane), lane.foot)
        return Course(spot, spot, rng.uniform(*reach), rng.uniform(*turns))

    return plan


def direction_of(start: tuple[float, float], end: tuple[float, float]) -> Direction | None:
    """Where a movement between two points (in equal units) mainly leads; None if nowhere."""
    across, down = end[0] - start[0], end[1] - start[1]
    if not (across or down):
        return None
    if abs(across) >= abs(down):
        return Direction.RIGHT if across > 0 else Direction.LEFT
    return Direction.DOWN if down > 0 else Direction.UP


def _between(start: float, end: float, u: Moments) -> Moments:
    return start + (end - start) * u


def _within(rng: Generator, lane: Lane) -> float:
    margin = min(0.14, (lane.right - lane.left) / 3)
    return float(rng.uniform(lane.left + margin, lane.right - margin))


def _on_the_spot(course: Course, u: Moments) -> tuple[Moments, Moments]:
    return np.full_like(u, course.start[0]), np.full_like(u, course.start[1])


def _poses(
    x: Moments,
    foot: Moments,
    *,
    scale: Moments | None = None,
    angle: Moments | None = None,
    depth: Moments | None = None,
) -> Poses:
    still = np.zeros_like(x)
    return Poses(
        x,
        foot,
        still + 1 if scale is None else scale,
        still if angle is None else angle,
        still if depth is None else depth,
    )


def _both(*phrases: str) -> dict[Role, tuple[str, ...]]:
    return {Role.CHARACTER: phrases, Role.OBJECT: phrases}


def _sideways(way: Direction) -> Iterator[tuple[str, Motion]]:
    """The motions to one side; the words of the other side come by exchange."""
    other = Direction.LEFT if way is Direction.RIGHT else Direction.RIGHT
    route = f"from {other} to {way}"
    cross = (f"move {route}", f"move to the {way}", f"cross the scene {route}")
    yield (
        f"{other}-to-{way}",
        Motion(
            way,
            plan_across(way),
            line,
            {
                Role.CHARACTER: (
                    *cross,
                    f"walk {route}",
                    f"run to the {way}",
                    f"walk to the {way}",
                ),
                Role.OBJECT: (*cross, f"slide {route}", f"glide to the {way}"),
            },
        ),
    )
    hop = plan_across(way, reach=(0.1, 0.2))
    yield f"hops-{way}", Motion(way, hop, line, _both(f"hop {route}", f"hop to the {way}"))
    yield (
        f"enters-from-{other}",
        Motion(
            way,
            plan_passage(way, entering=True),
            line,
            _both(f"enter from the {other}", f"come in from the {other}"),
        ),
    )
    yield (
        f"leaves-{way}",
        Motion(
            way,
            plan_passage(way, entering=False),
            line,
            _both(f"leave to the {way}", f"go out of the picture to the {way}"),
        ),
    )
    yield (
        f"rolls-{way}",
        Motion(way, plan_across(way), roll, {Role.OBJECT: (f"roll {route}", f"roll to the {way}")}),
    )
    fly = plan_across(way, reach=(0.35, 0.5))
    words = (f"fly through the air {route}", f"fly in an arc to the {way}")
    yield f"thrown-{way}", Motion(way, fly, throw, {Role.OBJECT: words})


MOTIONS: dict[str, Motion] = {
    **dict(_sideways(Direction.RIGHT)),
    **dict(_sideways(Direction.LEFT)),
    "rises": Motion(
        Direction.UP,
        plan_upright(Direction.UP),
        line,
        _both("rise into the air", "float up", "move upwards", "fly up from below"),
    ),
    "sinks": Motion(
        Direction.DOWN,
        plan_upright(Direction.DOWN),
        line,
        _both("sink to the ground", "float down", "move downwards", "come down from above"),
    ),
    "jumps": Motion(
        None,
        plan_spot((0.16, 0.3), (2, 4)),
        line,
        _both("jump up and down", "bounce up and down", "jump on the spot"),
    ),
    "grows": Motion(None, plan_spot((0.2, 0.36)), resize, _both("grow", "become larger")),
    "shrinks": Motion(None, plan_spot((-0.36, -0.2)), resize, _both("shrink", "become smaller")),
    "spins": Motion(
        None,
        plan_spot((0, 0), (1, 2)),
        spin,
        _both("spin round", "turn round and round", "spin on the spot"),
    ),
    "sways": Motion(
        None,
        plan_spot((10, 18), (1.5, 3)),
        sway,
        {
            Role.CHARACTER: ("dance on the spot", "sway from side to side", "rock to and fro"),
            Role.OBJECT: ("sway from side to side", "rock to and fro"),
        },
    ),
    "circles": Motion(
        None,
        plan_spot((0.12, 0.2), (1, 1.8)),
        circle,
        _both("go round in a circle", "move in circles"),
    ),
    "stays": Motion(
        None,
        plan_spot(),
        line,
        {
            Role.CHARACTER: ("stand still", "stay in place", "wait on the spot"),
            Role.OBJECT: ("lie on the ground", "stand on the ground", "lie there"),
        },
    ),
}
"""Name to motion. Names of translations say where they lead."""
