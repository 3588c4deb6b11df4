"""Near-duplicate shots over the whole data set: the first of each by id stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.data.hashes import BITS, bits_of
from skyreels_a2.data.neighbours import nearest
from skyreels_a2.data.records import CaptionedShot, Dropped

_LOOKED_AT = 12


def drop_duplicates(
    shots: Sequence[CaptionedShot], max_distance: float
) -> tuple[list[CaptionedShot], list[Dropped]]:
    """Shots no two of which look alike all the time, and the others.

    Args:
        shots: In order of id.
        max_distance: Bits of 64 in which near-duplicates differ: each hash of the one from the
            likest of the other, on the mean. The one may begin later than the other, or end
            sooner.
    """
    dropped: dict[str, Dropped] = {}
    order = {shot.shot.shot_id: shot for shot in shots}
    for one, other, bits in _alike(shots, max_distance):
        first, second = sorted((one, other))
        if first not in dropped and second not in dropped:
            detail = f"{bits:.1f} bits from {first}"
            dropped[second] = Dropped(
                what=second, stage="duplicates", reason="near-duplicate", detail=detail
            )
    return [s for i, s in order.items() if i not in dropped], [dropped[i] for i in sorted(dropped)]


def _alike(shots: Sequence[CaptionedShot], max_distance: float) -> list[tuple[str, str, float]]:
    """Pairs by id with their distance, found by their middle frames, closest first."""
    if not shots:
        return []
    signs = [_signs(shot.judged.hashes) for shot in shots]
    middle = np.array([rows[len(rows) // 2] for rows in signs])
    indices, _ = nearest(middle / np.sqrt(np.float32(BITS)), _LOOKED_AT)
    pairs = {(min(i, int(j)), max(i, int(j))) for i, row in enumerate(indices) for j in row}
    rated = [
        (shots[i].shot.shot_id, shots[j].shot.shot_id, _far(signs[i], signs[j])) for i, j in pairs
    ]
    return sorted((p for p in rated if p[2] <= max_distance), key=lambda p: (p[2], p[0], p[1]))


def _signs(hashes: Sequence[str]) -> NDArray[np.float32]:
    """Hashes as rows of -1 and 1."""
    return np.array([bits_of(text) for text in hashes], np.float32) * 2 - 1


def _far(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Bits of 64 between hashes of the one that has less to show and their likest ones."""
    differ = (1 - one @ other.T / BITS) * 32
    return float(min(differ.min(axis=1).mean(), differ.min(axis=0).mean()))
