"""Krippendorff's alpha: how far raters agree beyond chance, missing marks allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def krippendorff_alpha(table: Sequence[Sequence[float | None]]) -> float | None:
    """Alpha for ordinal marks (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011).

    Args:
        table: One row a rater, one column a unit; None where a rater gave no mark.

    Returns:
        1 for full agreement, 0 for what chance gives; None without two raters of one unit, or
        when only one mark was ever given.
    """
    values, coincidences = _coincidences(table)
    totals = coincidences.sum(axis=1)
    count = totals.sum()
    if len(values) < 2 or count < 2:
        return None
    distances = _ordinal_distances(totals)
    observed = float((coincidences * distances).sum())
    expected = float((np.outer(totals, totals) * distances).sum() / (count - 1))
    return 1.0 - observed / expected if expected else None


def _coincidences(
    table: Sequence[Sequence[float | None]],
) -> tuple[list[float], NDArray[np.float64]]:
    """How often each two marks were given to one unit, over units with two marks or more."""
    units = [[mark for mark in unit if mark is not None] for unit in zip(*table, strict=True)]
    units = [unit for unit in units if len(unit) > 1]
    values = sorted({mark for unit in units for mark in unit})
    counts = np.zeros((len(values), len(values)))
    for unit in units:
        here = np.array([unit.count(value) for value in values], dtype=np.float64)
        counts += (np.outer(here, here) - np.diag(here)) / (len(unit) - 1)
    return values, counts


def _ordinal_distances(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distance of two marks by how many marks lie between them."""
    upto = np.cumsum(totals) - totals / 2
    distances: NDArray[np.float64] = (upto[:, None] - upto[None, :]) ** 2
    return distances
