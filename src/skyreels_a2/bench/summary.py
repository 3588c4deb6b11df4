"""Sums over rows: every metric with its interval, the totals, and what is missing and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from skyreels_a2.bench.cases import Status
from skyreels_a2.bench.formulas import (
    A2_METRICS,
    a2_comprehensive,
    home_total,
    intelligentvbench_row,
)
from skyreels_a2.bench.metrics.registry import METRICS, TRIPLE
from skyreels_a2.bench.scoring import Row
from skyreels_a2.bench.statistics import Comparison, Estimate, compare_paired, estimate

COMPREHENSIVE = "comprehensive"
HOME = "home-total"
JUDGE_MEAN = "judge-mean"
JUDGE_LEAST = "judge-least"
TOTALS = (COMPREHENSIVE, HOME, JUDGE_MEAN, JUDGE_LEAST)


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric over all cases.

    Attributes:
        name: In the registry, or a total.
        estimate: Mean and interval; None when nothing is known.
        failed: Videos that could not be judged and count as 0.
        unasked: Cases that do not ask it.
        missing: Why the metric is missing; empty when it is not.
    """

    name: str
    estimate: Estimate | None
    failed: int = 0
    unasked: int = 0
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that is told of a system."""

    metrics: dict[str, MetricSummary]
    totals: dict[str, MetricSummary]
    flagged: dict[str, tuple[str, ...]] = field(default_factory=dict)


def summarise(rows: Sequence[Row]) -> Summary:
    """Sum up the rows of one system."""
    names = [name for name in METRICS if any(name in row.scores for row in rows)]
    return Summary(
        {name: _metric(name, rows) for name in names},
        {name: _total(name, rows) for name in TOTALS},
        {row.video: row.flags for row in rows if row.flags},
    )


def row_total(row: Row, total: str) -> float | None:
    """A total of one video; None where a part is missing.

    The comprehensive score needs all of A2-Bench's metrics; the home total takes what is known;
    a judge's mean and least mark are those of IntelligentVBench, once it gave any.
    """
    if total in (JUDGE_MEAN, JUDGE_LEAST):
        marks = [row.value(name) for name in TRIPLE]
        if not any(marks):
            return None
        return intelligentvbench_row(marks)[total == JUDGE_LEAST]
    if total == HOME:
        return home_total({name: row.value(name) for name in METRICS})
    values = {name: value for name in A2_METRICS if (value := row.value(name)) is not None}
    return a2_comprehensive(values) if len(values) == len(A2_METRICS) else None


def compare(first: Sequence[Row], second: Sequence[Row]) -> dict[str, Comparison]:
    """Every metric and total of two systems, over the cases that both have."""
    others = {row.case: row for row in second}
    pairs = [(row, others[row.case]) for row in first if row.case in others]
    found = {}
    for name in (*METRICS, *TOTALS):
        both = [(_value(a, name), _value(b, name)) for a, b in pairs]
        known = [(a, b) for a, b in both if a is not None and b is not None]
        if compared := compare_paired([a for a, _ in known], [b for _, b in known]):
            found[name] = compared
    return found


def _value(row: Row, name: str) -> float | None:
    return row_total(row, name) if name in TOTALS else row.value(name)


def _metric(name: str, rows: Sequence[Row]) -> MetricSummary:
    scores = [score for row in rows if (score := row.scores.get(name))]
    reasons = [score.reason for score in scores if score.status is Status.MISSING]
    values = [score.value for score in scores if score.value is not None]
    # Videos that failed count as 0 beside others; where nothing else is known, nothing is.
    known = any(score.status is Status.OK for score in scores)
    return MetricSummary(
        name,
        estimate(values) if known else None,
        failed=sum(score.status is Status.FAILED for score in scores),
        unasked=sum(score.status is Status.NOT_APPLICABLE for score in scores),
        missing=reasons[0] if reasons else "",
    )


def _total(name: str, rows: Sequence[Row]) -> MetricSummary:
    values = [value for row in rows if (value := row_total(row, name)) is not None]
    judged = [row for row in rows if not row.failed]
    if all(row_total(row, name) is None for row in judged):
        values = []
    missing = ""
    if name == COMPREHENSIVE and judged and not values:
        absent = [m for m in A2_METRICS if all(row.value(m) is None for row in judged)]
        missing = f"needs {', '.join(absent) or 'all parts of one case'}"
    return MetricSummary(name, estimate(values), missing=missing)
