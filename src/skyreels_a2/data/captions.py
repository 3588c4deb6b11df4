"""Stage 6: a caption, and for each element the words of it that say so."""

from __future__ import annotations

from skyreels_a2.data.backends.protocols import Captioner
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import CaptionedShot, Dropped, PersonShot, Phrase
from skyreels_a2.errors import InputError, one_line


def caption(person: PersonShot, footage: Footage, captioner: Captioner) -> CaptionedShot | Dropped:
    """The shot with its caption; every phrase has its span in it, or is marked as not grounded."""
    shot_id = person.dissected.judged.shot.shot_id
    try:
        told = captioner.describe(footage, person.elements)
    except InputError as error:
        detail = one_line(error)
        return Dropped(what=shot_id, stage="captions", reason="no caption", detail=detail)
    phrases = ground(told.caption, told.phrases)
    return CaptionedShot(
        person=person,
        caption=told.caption,
        phrases=phrases,
        concepts=told.concepts,
        captioner=captioner.name,
    )


def ground(text: str, phrases: dict[str, str]) -> tuple[Phrase, ...]:
    """Where each phrase is in a text, each place once; start -1 where it is not."""
    taken: list[tuple[int, int]] = []
    grounded = []
    # The longest first: "second red ball" holds "red ball".
    for element, words in sorted(phrases.items(), key=lambda item: -len(item[1])):
        start = _free(text.casefold(), words.casefold(), taken)
        stop = start + len(words) if start >= 0 else -1
        taken += [(start, stop)] if start >= 0 else []
        grounded.append(Phrase(element_id=element, text=words, start=start, stop=stop))
    order = list(phrases)
    return tuple(sorted(grounded, key=lambda phrase: order.index(phrase.element_id)))


def _free(text: str, words: str, taken: list[tuple[int, int]]) -> int:
    start = text.find(words) if words else -1
    while start >= 0 and any(a < start + len(words) and start < b for a, b in taken):
        start = text.find(words, start + 1)
    return start
