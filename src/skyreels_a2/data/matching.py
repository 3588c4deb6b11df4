"""Stage 7: references from other shots, by nearest neighbours in a band of similarity.

Where both subjects have a face, the faces decide; otherwise their cut-outs.

Too little alike is somebody else; too much alike is a copy, which teaches a model to paste.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skyreels_a2.data.groups import Groups
from skyreels_a2.data.hashes import distance
from skyreels_a2.data.neighbours import nearest
from skyreels_a2.data.records import CaptionedShot, Found, Kind, Record
from skyreels_a2.data.settings import MatchSettings

SUBJECTS = (Kind.CHARACTER, Kind.OBJECT)


class Slot(Record):
    """A reference of a triplet.

    Attributes:
        element_id: The element of the target shot.
        reference_id: The element whose picture is the reference: of another shot, or itself.
        pair_kind: `cross_shot` or `same_shot`.
        similarity: Cosine between the two; 1 for itself.
        gap_s: Seconds between the two shots; -1 across sources.
    """

    element_id: str
    reference_id: str
    pair_kind: str
    similarity: float
    gap_s: float


@dataclass(frozen=True)
class Matches:
    """What was matched.

    Attributes:
        slots: By element id, the best reference first.
        identities: Element id to the name of its cluster.
    """

    slots: Mapping[str, tuple[Slot, ...]]
    identities: Mapping[str, str]


@dataclass(frozen=True)
class _Item:
    found: Found
    shot: CaptionedShot
    face: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Pair:
    """Two elements of different shots, and how alike they are by what was compared."""

    one: _Item
    other: _Item
    similarity: float
    most: float
    """Similarity of copies."""


def match(shots: Sequence[CaptionedShot], settings: MatchSettings) -> Matches:
    """References for every character, object and background of the shots."""
    groups: Groups[str] = Groups()
    slots: dict[str, list[Slot]] = defaultdict(list)
    for kinds in (SUBJECTS, (Kind.BACKGROUND,)):
        items = _items(shots, kinds)
        for item in items:
            groups.head(item.found.element_id)
        for pair in (*_by_face(items, settings), *_by_picture(items, settings)):
            groups.join(pair.one.found.element_id, pair.other.found.element_id)
            if _is_reference(pair, settings):
                slot = _slot(pair.one, pair.other, pair.similarity)
                slots[pair.one.found.element_id].append(slot)
        for item in items:
            own = slots[item.found.element_id]
            own[:] = _spread(own, settings.references)
            if not own and settings.same_shot:
                own.append(_slot(item, item, 1.0))
    identities = {m: min(members) for members in groups.members() for m in members}
    return Matches({key: tuple(value) for key, value in slots.items()}, identities)


def _items(shots: Sequence[CaptionedShot], kinds: Sequence[Kind]) -> list[_Item]:
    return [
        _Item(e, shot, _face_of(e, shot))
        for shot in shots
        for e in shot.elements
        if e.kind in kinds
    ]


def _face_of(element: Found, shot: CaptionedShot) -> tuple[float, ...]:
    return next(
        (
            e.embedding
            for e in shot.elements
            if e.kind is Kind.FACE and e.part_of == element.element_id
        ),
        (),
    )


def _by_face(items: Sequence[_Item], settings: MatchSettings) -> Iterator[_Pair]:
    known = [item for item in items if item.face]
    least, most = settings.face_band
    for one, other, similarity in _near(known, [item.face for item in known], settings, least):
        yield _Pair(one, other, similarity, most)


def _by_picture(items: Sequence[_Item], settings: MatchSettings) -> Iterator[_Pair]:
    """Pairs of which not both have a face; a place may be more alike than a subject."""
    least, most = settings.subject_band or (-1.0, 1.0)
    vectors = [item.found.embedding for item in items]
    for one, other, similarity in _near(items, vectors, settings, least):
        if not (one.face and other.face):
            is_place = one.found.kind is Kind.BACKGROUND
            yield _Pair(one, other, similarity, settings.max_background if is_place else most)


def _near(
    items: Sequence[_Item],
    vectors: Sequence[Sequence[float]],
    settings: MatchSettings,
    least: float,
) -> Iterator[tuple[_Item, _Item, float]]:
    """Pairs of different shots that are alike enough, each from both its sides."""
    if not items:
        return
    indices, cosines = nearest(np.array(vectors, np.float32), settings.neighbours)
    for item, row, alike in zip(items, indices, cosines, strict=True):
        for index, cosine in zip(row, alike, strict=True):
            other = items[int(index)]
            if other.shot is not item.shot and cosine >= least:
                yield item, other, float(cosine)


def _is_reference(pair: _Pair, settings: MatchSettings) -> bool:
    """Whether it is no copy, and far enough away in time."""
    gap = _gap(pair.one.shot, pair.other.shot)
    return (
        pair.similarity <= pair.most
        and distance(pair.one.found.hash, pair.other.found.hash) >= settings.min_hash_distance
        and (gap < 0 or gap >= settings.min_gap_seconds)
    )


def _gap(one: CaptionedShot, other: CaptionedShot) -> float:
    a, b = one.shot, other.shot
    if a.source_id != b.source_id:
        return -1.0
    return 0.0 if a is b else max(a.start, b.start) - min(a.stop, b.stop)


def _slot(one: _Item, other: _Item, similarity: float) -> Slot:
    return Slot(
        element_id=one.found.element_id,
        reference_id=other.found.element_id,
        pair_kind="same_shot" if one is other else "cross_shot",
        similarity=round(similarity, 4),
        gap_s=round(_gap(one.shot, other.shot), 3),
    )


def _spread(slots: Sequence[Slot], count: int) -> list[Slot]:
    """At most so many, from the likest to the least alike at even steps."""
    order = sorted(slots, key=lambda slot: (-slot.similarity, slot.reference_id))
    if len(order) <= count:
        return order
    return (
        [order[round(i)] for i in np.linspace(0, len(order) - 1, count)] if count > 1 else order[:1]
    )
