"""How an actor goes with another: held, carried, orbiting, following. A table like `MOTIONS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from skyreels_a2.elements import Role
from skyreels_a2.scenes.motions import Poses

if TYPE_CHECKING:
    from skyreels_a2.scenes.motions import Moments
    from skyreels_a2.scenes.scene import Actor, Point


@dataclass(frozen=True, slots=True)
class Pair:
    """The two of a bond at render time: poses of the lead, and sizes as fractions of the frame."""

    lead: Poses
    lead_size: Point
    own_size: Point


Attach: TypeAlias = Callable[["Actor", Pair, "Moments"], Poses]


@dataclass(frozen=True, slots=True)
class BondKind:
    """One way to go with another.

    Attributes:
        roles: Who can be bound so.
        attach: Its poses, from those of the lead.
        size: Least and most size of who is bound.
        only_sideways: Whether the lead must be going left or right.
    """

    roles: tuple[Role, ...]
    attach: Attach
    size: Point
    only_sideways: bool = False


def held(actor: Actor, pair: Pair, _: Moments) -> Poses:
    """At the lead's side, half way up, in front of it."""
    side = actor.bond.side if actor.bond else 1.0
    lead, (width, height) = pair.lead, pair.lead_size
    return replace(
        lead,
        x=lead.x + side * lead.scale * (0.4 * width + 0.15 * pair.own_size[0]),
        foot=lead.foot - lead.scale * 0.2 * height,
        depth=lead.depth + 0.01,
    )


def carried(_: Actor, pair: Pair, __: Moments) -> Poses:
    """On top of the lead."""
    lead = pair.lead
    return replace(lead, foot=lead.foot - 0.94 * lead.scale * pair.lead_size[1])


def orbiting(actor: Actor, pair: Pair, u: Moments) -> Poses:
    """Round the lead's middle, before it and behind it in turn."""
    lead, (width, height) = pair.lead, pair.lead_size
    turn = 2 * np.pi * (actor.course.turns * u + actor.course.reach)
    middle = lead.foot - 0.5 * lead.scale * height + 0.5 * pair.own_size[1]
    return Poses(
        lead.x + (0.5 * width + 0.5 * pair.own_size[0]) * np.cos(turn),
        middle + 0.22 * height * np.sin(turn),
        0.95 + 0.1 * np.sin(turn),
        np.zeros_like(u),
        lead.depth + 0.02 * np.sign(np.sin(turn)),
    )


def following(actor: Actor, pair: Pair, _: Moments) -> Poses:
    """Behind the lead on its way, feet on the ground of its own."""
    lead, side = pair.lead, actor.bond.side if actor.bond else 1.0
    gap = 0.55 * (pair.lead_size[0] + pair.own_size[0]) + 0.02
    foot = lead.foot - lead.foot.max() + actor.course.start[1]
    return replace(lead, x=lead.x - side * gap, foot=foot, depth=np.zeros_like(lead.x))


BONDS: dict[str, BondKind] = {
    "held": BondKind((Role.OBJECT,), held, (0.22, 0.32)),
    "carried": BondKind((Role.OBJECT,), carried, (0.2, 0.28)),
    "orbits": BondKind((Role.OBJECT,), orbiting, (0.2, 0.3)),
    "follows": BondKind((Role.CHARACTER, Role.OBJECT), following, (0.3, 0.45), only_sideways=True),
}
"""Name to bond."""
