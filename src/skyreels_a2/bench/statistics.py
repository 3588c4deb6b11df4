"""How sure a figure is: bootstrap intervals, and paired comparison of two systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 4000
_SEED = 20250403


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval over cases; of one case both ends are its value."""

    mean: float
    low: float
    high: float
    count: int

    def interval(self, form: str = ".3f") -> str:
        """The interval in words, its ends in a format."""
        if self.count < 2:
            return "one case"
        return f"{self.low:{form}} to {self.high:{form}}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on the same cases.

    Attributes:
        difference: First minus second, with its interval.
        probability: That the first is better: the share of resamples in which it is, ties halved.
    """

    difference: Estimate
    probability: float


def estimate(values: Sequence[float]) -> Estimate | None:
    """Mean and percentile bootstrap interval over cases; None of no values."""
    if not values:
        return None
    means = _resampled(np.asarray(values, dtype=np.float64))
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(float(np.mean(values)), float(low), float(high), len(values))


def compare_paired(first: Sequence[float], second: Sequence[float]) -> Comparison | None:
    """Compare two systems by their values on the same cases; None of no cases."""
    if not first:
        return None
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    means = _resampled(differences)
    low, high = np.quantile(means, (0.025, 0.975))
    probability = float((means > 0).mean() + (means == 0).mean() / 2)
    found = Estimate(float(differences.mean()), float(low), float(high), len(differences))
    return Comparison(found, probability)


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; 0 where one side is constant."""
    a, b = _ranks(np.asarray(first)), _ranks(np.asarray(second))
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm else 0.0


def _resampled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    means: NDArray[np.float64] = values[_draws(len(values))].mean(axis=1)
    return means


@cache
def _draws(count: int) -> NDArray[np.int64]:
    """The same draws for every metric, so that totals and their parts vary together."""
    return np.random.default_rng(_SEED).integers(0, count, (RESAMPLES, count))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: NDArray[np.float64] = ((ends - counts + ends - 1) / 2)[inverse].astype(np.float64)
    return ranks
