"""Linking the pieces of single frames into subjects: by overlap, then by colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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


@dataclass(eq=False)
class _Open:
    """A track that may go on."""

    sightings: list[Sighting]
    colours: NDArray[np.float64]
    box: NDArray[np.float64]
    area: float
    speed: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    last: int = 0


@dataclass(frozen=True, eq=False)
class _Piece:
    sighting: Sighting
    colours: NDArray[np.float64]
    box: NDArray[np.float64]
    area: float


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
        for track, piece in _pair(alive, pieces, step, least):
            _continue(track, piece, step)
            pieces.remove(piece)
        tracks += [_Open([p.sighting], p.colours, p.box, p.area, last=step) for p in pieces]
    return [Track(tuple(track.sightings)) for track in tracks]


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


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(sides.clip(0).prod())
    areas = (one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()
    return shared / max(1.0, float(areas) - shared)


def _continue(track: _Open, piece: _Piece, step: int) -> None:
    middle = (piece.box[:2] + piece.box[2:]) / 2 - (track.box[:2] + track.box[2:]) / 2
    track.speed = 0.5 * track.speed + 0.5 * middle / max(1, step - track.last)
    track.colours = 0.8 * track.colours + 0.2 * piece.colours
    track.box, track.area, track.last = piece.box, piece.area, step
    track.sightings.append(piece.sighting)
