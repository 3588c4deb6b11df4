"""`BuiltinSource`: every drawn identity behind the interface of all sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import numpy as np

from skyreels_a2.elements import Role
from skyreels_a2.scenes.assets import Background, Memory, Subject, unknown_asset
from skyreels_a2.scenes.drawn.beasts import all_beasts
from skyreels_a2.scenes.drawn.canvas import Canvas
from skyreels_a2.scenes.drawn.folk import all_monsters, all_people, all_robots
from skyreels_a2.scenes.drawn.places import Place, all_places
from skyreels_a2.scenes.drawn.things import all_things
from skyreels_a2.scenes.sprites import tight

if TYPE_CHECKING:
    from skyreels_a2.scenes.assets import Picture, Sprite

POSES = 8
PERIOD = 1.2
SHADING = 0.22


class Figure(Protocol):
    """What can be drawn at a phase of its animation."""

    @property
    def name(self) -> str:
        """Full name without article."""
        ...

    @property
    def aliases(self) -> tuple[str, ...]:
        """Shorter names."""
        ...

    def draw(self, canvas: Canvas, phase: float) -> None:
        """Draw it at a phase from 0 to 1."""
        ...


class BuiltinSource:
    """Drawn characters, objects and places; nothing is fetched and nothing is read.

    Args:
        capacity: Drawn sprites and pictures that are kept in memory.
    """

    def __init__(self, *, capacity: int = 2048) -> None:
        self._sprites = Memory(_draw_sprite, capacity=capacity)
        self._pictures = Memory(_draw_picture, capacity=capacity)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All drawn characters and objects."""
        return _subjects()

    @property
    def backgrounds(self) -> tuple[Background, ...]:
        """All drawn places."""
        return _backgrounds()

    def sprite(self, subject_id: str) -> Sprite:
        """Poses of a subject, drawn when first asked for."""
        return self._sprites(subject_id)

    def picture(self, background_id: str) -> Picture:
        """Picture of a place, painted when first asked for."""
        return self._pictures(background_id)


def _identifier(name: str) -> str:
    return "builtin/" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _characters() -> Iterator[Figure]:
    return chain(all_beasts(), all_people(), all_robots(), all_monsters())


@cache
def _figures() -> dict[str, Figure]:
    return {_identifier(figure.name): figure for figure in chain(_characters(), all_things())}


@cache
def _places() -> dict[str, Place]:
    return {_identifier(place.name): place for place in all_places()}


@cache
def _subjects() -> tuple[Subject, ...]:
    characters = {_identifier(figure.name) for figure in _characters()}
    return tuple(
        Subject(name, figure.name, Role.CHARACTER, figure.aliases, POSES, PERIOD)
        if name in characters
        else Subject(name, figure.name, Role.OBJECT, figure.aliases)
        for name, figure in _figures().items()
    )


@cache
def _backgrounds() -> tuple[Background, ...]:
    return tuple(Background(key, p.name, p.preposition) for key, p in _places().items())


def _draw_sprite(subject_id: str) -> Sprite:
    if subject_id not in _figures():
        raise unknown_asset(subject_id)
    subject = next(s for s in _subjects() if s.id == subject_id)
    poses = [_draw_pose(subject_id, k / subject.num_poses) for k in range(subject.num_poses)]
    return tight(np.stack(poses))


def _draw_pose(subject_id: str, phase: float) -> Picture:
    canvas = Canvas()
    _figures()[subject_id].draw(canvas, phase)
    return canvas.finish(shading=SHADING)


def _draw_picture(background_id: str) -> Picture:
    if background_id not in _places():
        raise unknown_asset(background_id)
    return _places()[background_id].draw()
