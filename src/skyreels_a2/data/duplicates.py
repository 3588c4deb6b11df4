"""Near-duplicate shots over the whole data set: the first of each by id stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skyreels_a2.data.hashes import BITS, bits_of, distance
from skyreels_a2.data.neighbours import nearest
from skyreels_a2.data.records import CaptionedShot, Dropped

_LOOKED_AT = 12


def drop_duplicates(
    shots: Sequence[CaptionedShot], max_distance: float
) -> tuple[list[CaptionedShot], list[Dropped]]:
    """Shots no two of which look alike at their first, middle and last frames, and the others.

    Args:
        shots: In order of id.
        max_distance: Bits of 64 that near-duplicates differ in, on the mean of the three frames.
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
    middle = np.array([bits_of(s.judged.hashes[1]) for s in shots], np.float32) * 2 - 1
    indices, _ = nearest(middle / np.sqrt(np.float32(BITS)), _LOOKED_AT)
    pairs = {(min(i, int(j)), max(i, int(j))) for i, row in enumerate(indices) for j in row}
    rated = [
        (shots[i].shot.shot_id, shots[j].shot.shot_id, _far(shots[i], shots[j])) for i, j in pairs
    ]
    return sorted((p for p in rated if p[2] <= max_distance), key=lambda p: (p[2], p[0], p[1]))


def _far(one: CaptionedShot, other: CaptionedShot) -> float:
    pairs = zip(one.judged.hashes, other.judged.hashes, strict=True)
    return float(np.mean([distance(a, b) for a, b in pairs]))
