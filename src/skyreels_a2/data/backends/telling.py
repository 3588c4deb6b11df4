"""A captioner that tells what the tracker saw: colours, kinds, and where who goes.

For rendered scenes, tests and first looks; a vision-language model sees more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.data.backends.protocols import Description
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Box, Found, Kind
from skyreels_a2.data.vision import lab, resize
from skyreels_a2.scenes.truth import decode_mask

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

COLOURS = {
    "black": (20, 20, 20),
    "white": (245, 245, 245),
    "grey": (128, 128, 128),
    "red": (205, 40, 40),
    "orange": (240, 140, 30),
    "yellow": (245, 215, 60),
    "green": (60, 150, 60),
    "turquoise": (60, 180, 180),
    "blue": (50, 90, 200),
    "purple": (130, 70, 170),
    "pink": (240, 150, 185),
    "brown": (120, 75, 40),
    "beige": (225, 195, 155),
}
_MOVES = 0.08
"""Share of the frame that a centre moves when its subject goes somewhere."""
_ORDER = (Kind.CHARACTER, Kind.OBJECT, Kind.BACKGROUND)


class TrackCaptioner:
    """Words for what was found; says nothing that was not measured."""

    name = "tracks"

    def describe(self, footage: Footage, elements: Sequence[Found]) -> Description:
        """One sentence a subject, the place last."""
        whole = [e for kind in _ORDER for e in elements if e.kind is kind]
        concepts = {e.element_id: _concepts(e, footage) for e in whole}
        phrases: dict[str, str] = {}
        told: list[str] = []
        for element in whole:
            phrase = _name(element, concepts[element.element_id], list(phrases.values()))
            phrases[element.element_id] = phrase
            if element.kind is not Kind.BACKGROUND:
                told.append(f"{_article(phrase)} {phrase} {concepts[element.element_id]['action']}")
        place = [p for e, p in zip(whole, phrases.values(), strict=True) if _is_place(e)]
        caption = " while ".join(told) or "Nothing moves"
        where = f" in front of {_article(place[0])} {place[0]}" if place else ""
        return Description(_upper(f"{caption}{where}."), phrases, concepts)


def _is_place(element: Found) -> bool:
    return element.kind is Kind.BACKGROUND


def _concepts(element: Found, footage: Footage) -> dict[str, str]:
    frame = footage.frames[element.frame]
    colours = main_colours(frame, element)
    about = {"kind": element.kind.value, "colours": " and ".join(colours)}
    return about if _is_place(element) else {**about, "action": action_of(element)}


def main_colours(frame: Frame, element: Found) -> list[str]:
    """The names of the one or two commonest colours of an element."""
    if element.mask:
        picked = frame[decode_mask(element.mask, (frame.shape[0], frame.shape[1]))]
    else:
        picked = _inside(frame, element.box).reshape(-1, 3)
    step = max(1, len(picked) // 4000)
    known = lab(np.array([list(COLOURS.values())], np.uint8))[0].astype(np.int32)
    seen = lab(picked[::step][None])[0].astype(np.int32)
    # Lightness counts half: shade and light change it most.
    weights = np.array([0.5, 1.0, 1.0])
    nearest = (((seen[:, None] - known) * weights) ** 2).sum(axis=2).argmin(axis=1)
    counts = np.bincount(nearest, minlength=len(known)) / len(nearest)
    order = np.argsort(-counts, kind="stable")
    names = list(COLOURS)
    return [names[i] for rank, i in enumerate(order[:2]) if not rank or counts[i] > 0.25]


def action_of(element: Found) -> str:
    """What the track says: where to, nearer or farther, or neither."""
    if len(element.course) < 2:
        return "stays where it is"
    _, x, y, tall = np.array(element.course).T
    dx, dy = x[-1] - x[0], y[-1] - y[0]
    if max(abs(dx), abs(dy)) >= _MOVES:
        sideways = abs(dx) >= abs(dy)
        where = ("right" if dx > 0 else "left") if sideways else ("down" if dy > 0 else "up")
        return f"moves to the {where}" if sideways else f"moves {where}"
    if tall[-1] > 1.25 * tall[0]:
        return "grows larger"
    if tall[-1] < 0.8 * tall[0]:
        return "gets smaller"
    stirs = max(np.ptp(x), np.ptp(y)) >= _MOVES
    return "moves to and fro" if stirs else "stays where it is"


def _inside(frame: Frame, box: Box) -> Frame:
    height, width = frame.shape[:2]
    left, right = round(box[0] * width), max(1, round(box[2] * width))
    top, bottom = round(box[1] * height), max(1, round(box[3] * height))
    return resize(frame[top:bottom, left:right], 64, 64)


def _name(element: Found, concepts: dict[str, str], taken: Sequence[str]) -> str:
    """Colour and kind, told apart from those that have the same."""
    noun = element.label or element.kind.value
    phrase = f"{concepts['colours']} {noun}"
    for word in ("", "second ", "third ", "other ", "further "):
        if f"{word}{phrase}" not in taken:
            return f"{word}{phrase}"
    return f"last {phrase}"


def _article(phrase: str) -> str:
    return "an" if phrase[0] in "aeio" else "a"


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]
