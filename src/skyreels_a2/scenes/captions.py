"""A grammar of captions: who, what, where and how they move, in many wordings.

A caption is built from plain pieces and mentions of elements; joining them gives the text and
the span of every mention, so that the words can be grounded. Articles stay outside the spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from skyreels_a2.scenes.motions import MOTIONS
from skyreels_a2.scenes.scene import Actor, Camera, Caption, Light, Phrase
from skyreels_a2.scenes.words import article, gerund, third_person

if TYPE_CHECKING:
    from numpy.random import Generator

    from skyreels_a2.scenes.assets import Background


@dataclass(frozen=True, slots=True)
class Mention:
    """Words that name an element."""

    element: str
    words: str


Pieces: TypeAlias = list[str | Mention]

CAMERA_WORDS = {
    "pan left": ("The camera pans to the left.", "The view slides to the left."),
    "pan right": ("The camera pans to the right.", "The view slides to the right."),
    "zoom in": ("The camera zooms in.", "The view comes closer."),
    "zoom out": ("The camera zooms out.", "The view grows wider."),
}
LIGHT_WORDS = {
    "dim": ("The light is dim.", "It is rather dark."),
    "warm": ("The light is warm.", "Everything lies in warm light."),
    "cold": ("The light is cold.", "Everything lies in cold blue light."),
    "darkening": ("It gets darker.", "The light fades."),
    "brightening": ("It gets brighter.", "The light comes up."),
}
BOND_WORDS = {
    "held": (", holding {}", " while holding {}", ", with {} in hand"),
    "carried": (", carrying {} on top", " with {} on top", ", balancing {}"),
    "orbits": (" while {} circles around", ", with {} flying round and round it"),
    "follows": (", followed by {}", " while {} follows", " and {} follows behind"),
}
JOINTS = (" while ", ", and ", ". ", ", while ")


def write_caption(
    rng: Generator,
    actors: Sequence[Actor],
    place: Background,
    camera: Camera,
    light: Light,
) -> Caption:
    """Say what happens in a shot.

    Args:
        rng: Chooses the wording.
        actors: Who acts; all are mentioned.
        place: Where; it is mentioned once.
        camera: Said when it moves.
        light: Said when it is not plain.
    """
    names = _names(rng, actors)
    clauses = [_clause(rng, i, actors, names) for i, a in enumerate(actors) if not a.bond]
    where: Pieces = [f"{place.preposition} {article(place.name)} ", Mention(place.id, place.name)]
    pieces = _with_place(rng, clauses, where)
    pieces.append(".")
    for name, words in ((camera.name, CAMERA_WORDS), (light.name, LIGHT_WORDS)):
        if name in words:
            pieces.append(f" {_pick(rng, words[name])}")
    return join(pieces)


def join(pieces: Pieces) -> Caption:
    """Text and spans of the pieces; sentences start with a capital letter."""
    text, phrases = "", []
    for piece in pieces:
        if isinstance(piece, Mention):
            phrases.append(Phrase(piece.element, len(text), len(text) + len(piece.words)))
            text += piece.words
        else:
            starts = not text or text.endswith(". ")
            text += piece[:1].upper() + piece[1:] if starts else piece
    return Caption(text, tuple(phrases))


def _names(rng: Generator, actors: Sequence[Actor]) -> list[str]:
    """A name for each, the full one or a shorter one that no other could bear."""
    names = []
    for actor in actors:
        others = {n for o in actors if o is not actor for n in (o.subject.name, *o.subject.aliases)}
        short = [alias for alias in actor.subject.aliases if alias not in others]
        names.append(_pick(rng, (actor.subject.name, *short)))
    return names


def _clause(rng: Generator, index: int, actors: Sequence[Actor], names: Sequence[str]) -> Pieces:
    """What one free actor does, and who goes with it."""
    actor = actors[index]
    verbs = MOTIONS[actor.motion or "stays"].verbs[actor.subject.role]
    verb = _pick(rng, verbs)
    says = third_person(verb) if rng.uniform() < 0.7 else f"is {gerund(verb)}"
    pieces: Pieces = [*_mention(actor, names[index]), f" {says}"]
    for other, name in zip(actors, names, strict=True):
        if other.bond and other.bond.lead == index:
            before, after = _pick(rng, BOND_WORDS[other.bond.name]).split("{}")
            pieces += [before, *_mention(other, name), after]
    return pieces


def _with_place(rng: Generator, clauses: Sequence[Pieces], where: Pieces) -> Pieces:
    """Clauses joined, with the place in front, after the first or at the end."""
    at = int(rng.integers(3))
    pieces: Pieces = [*where, ", "] if at == 0 else []
    for number, clause in enumerate(clauses):
        if number:
            pieces += [_pick(rng, JOINTS)]
        pieces += clause
        if (at == 1 and number == 0) or (at == 2 and number == len(clauses) - 1):
            pieces += [" ", *where]
    return pieces


def _mention(actor: Actor, name: str) -> Pieces:
    return [f"{article(name)} ", Mention(actor.subject.id, name)]


def _pick(rng: Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]
