"""Linking the pieces of single frames into subjects: by overlap, then by colour.

Two subjects that come to touch are one piece for a while. The smaller one is then taken to be
hidden in the larger one's piece: it counts as present, and is looked for where it comes out again.
A piece that holds two makes a poor picture of either, so it is trusted less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.data.backends.protocols import Sighting, Track
from skyreels_a2.data.vision import Mask

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

MAX_GAP = 4
"""Frames looked at in which a subject may be lost."""
LEAST = 0.45
"""For frames a sixth of a second apart; in those further apart less overlaps."""
WITHIN = 0.5
"""Share of a box that lies in a piece's, from which it is taken to be hidden there."""
CROWDED = 0.3
"""Trust in a piece that holds two."""
SAME, SAME_SIZE = 0.7, 0.5
"""Likeness in colour and size of two tracks that are one subject."""
LEAST_SEEN = 0.2
"""Share of the frames in which a subject has to be seen by itself, for those where it is hidden to
count."""


@dataclass(eq=False)
class _Open:
    """A track that may go on; `hidden` counts frames in which it is part of another's piece."""

    sightings: list[Sighting]
    colours: NDArray[np.float64]
    box: NDArray[np.float64]
    area: float
    speed: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    last: int = 0
    hidden: int = 0
    host: _Open | None = None


@dataclass(eq=False)
class _Piece:
    sighting: Sighting
    colours: NDArray[np.float64]
    box: NDArray[np.float64]
    area: float
    crowded: bool = False


def link(
    frames: Sequence[Frame], found: Sequence[Sequence[Sighting]], *, least: float = LEAST
) -> list[Track]:
    """Tracks of the pieces found in frames.

    Args:
        frames: As large as the masks.
        found: What was seen in each frame, none overlapping.
        least: Likeness of a piece to a track that makes it the same, from 0 to 1.
    """
    tracks: list[_Open] = []
    for step, (frame, seen) in enumerate(zip(frames, found, strict=True)):
        pieces = [_describe(frame, sighting) for sighting in seen]
        alive = [t for t in tracks if step - t.last <= MAX_GAP]
        pairs = _pair(alive, pieces, step, least)
        _hide([t for t in alive if all(t is not track for track, _ in pairs)], pairs, step)
        for track, piece in pairs:
            _continue(track, piece, step)
            pieces.remove(piece)
        tracks += [_begin(piece, alive, step) for piece in pieces]
    return [_closed(track, len(frames)) for track in _joined(tracks)]


def _joined(tracks: Sequence[_Open]) -> list[_Open]:
    """Tracks never seen together that look the same are one, lost between."""
    whole: list[_Open] = []
    for track in sorted(tracks, key=lambda t: -len(t.sightings)):
        same = next((t for t in whole if _is_same(t, track)), None)
        if same is None:
            whole.append(track)
        else:
            same.sightings = sorted(same.sightings + track.sightings, key=lambda s: s.frame)
            same.hidden = max(same.hidden, track.hidden)
    return whole


def _is_same(one: _Open, other: _Open) -> bool:
    if {s.frame for s in one.sightings} & {s.frame for s in other.sightings}:
        return False
    size = min(one.area, other.area) / max(one.area, other.area)
    return size >= SAME_SIZE and float(np.minimum(one.colours, other.colours).sum()) >= SAME


def _closed(track: _Open, looked: int) -> Track:
    seen = len(track.sightings)
    hidden = track.hidden if seen >= LEAST_SEEN * looked else 0
    return Track(tuple(track.sightings), presence=min(looked, seen + hidden) / looked)


def _begin(piece: _Piece, alive: Sequence[_Open], step: int) -> _Open:
    """A new track; one that comes out of another's piece was hidden there as long as that is."""
    track = _Open([piece.sighting], piece.colours, piece.box, piece.area, last=step)
    hosts = [t for t in alive if t.last < step or t.area > piece.area]
    host = max(hosts, key=lambda t: _within(piece.box, t.box), default=None)
    if host is not None and _within(piece.box, host.box) >= WITHIN:
        track.hidden = len(host.sightings)
    return track


def _hide(lost: Sequence[_Open], pairs: Sequence[tuple[_Open, _Piece]], step: int) -> None:
    """Tracks without a piece are in another's, if they were on their way there."""
    for track in lost:
        moved = track.box + np.tile(track.speed * (step - track.last), 2)
        for host, piece in pairs:
            is_there = track.host is host or _within(moved, piece.box) >= WITHIN
            if is_there and piece.area > track.area:
                track.hidden, track.last, track.host = track.hidden + 1, step, host
                track.speed = np.zeros(2)
                piece.crowded = True
                break


def colours_of(frame: Frame, mask: Mask) -> NDArray[np.float64]:
    """Share of each of 4 × 4 × 4 colours inside a mask."""
    levels = (frame[mask] >> 6).astype(np.int64)
    codes = levels[:, 0] * 16 + levels[:, 1] * 4 + levels[:, 2]
    counts = np.bincount(codes, minlength=64).astype(np.float64)
    shares: NDArray[np.float64] = counts / max(1.0, float(counts.sum()))
    return shares


def _describe(frame: Frame, sighting: Sighting) -> _Piece:
    mask = sighting.mask
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
    return _Piece(sighting, colours_of(frame, mask), box, float(mask.sum()))


def _pair(
    tracks: Sequence[_Open], found: Sequence[_Piece], step: int, least: float
) -> list[tuple[_Open, _Piece]]:
    """The likeliest pairs first, each track and piece once."""
    rated = [
        (_likeness(track, piece, step), i, j)
        for i, track in enumerate(tracks)
        for j, piece in enumerate(found)
    ]
    pairs: list[tuple[_Open, _Piece]] = []
    used: tuple[set[int], set[int]] = (set(), set())
    for likeness, i, j in sorted(rated, reverse=True):
        if likeness >= least and i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
            pairs.append((tracks[i], found[j]))
    return pairs


def _likeness(track: _Open, piece: _Piece, step: int) -> float:
    """Mean of colour, overlap at the expected place, and size: 0 to 1."""
    moved = np.tile(track.speed * (step - track.last), 2)
    overlap = _overlap(track.box + moved, piece.box)
    colour = float(np.minimum(track.colours, piece.colours).sum())
    size = min(track.area, piece.area) / max(track.area, piece.area)
    return 0.4 * colour + 0.4 * overlap + 0.2 * size


def _shared(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    return float(sides.clip(0).prod())


def _within(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Share of a box that lies in another."""
    return _shared(one, other) / max(1.0, float((one[2:] - one[:2]).prod()))


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    shared = _shared(one, other)
    areas = (one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()
    return shared / max(1.0, float(areas) - shared)


def _continue(track: _Open, piece: _Piece, step: int) -> None:
    middle = (piece.box[:2] + piece.box[2:]) / 2 - (track.box[:2] + track.box[2:]) / 2
    track.speed = 0.5 * track.speed + 0.5 * middle / max(1, step - track.last)
    track.box, track.last, track.host = piece.box, step, None
    sighting = piece.sighting
    if piece.crowded:
        sighting = replace(sighting, trust=sighting.trust * CROWDED)
    else:
        track.colours = 0.8 * track.colours + 0.2 * piece.colours
        track.area = piece.area
    track.sightings.append(sighting)
