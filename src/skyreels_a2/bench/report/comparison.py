"""Two systems side by side: differences, how sure they are, and where they differ most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from skyreels_a2.bench.metrics.metric import Dimension
from skyreels_a2.bench.metrics.registry import METRICS
from skyreels_a2.bench.report import plots
from skyreels_a2.bench.report.page import figure
from skyreels_a2.bench.report.style import STYLE
from skyreels_a2.bench.scoring import Row
from skyreels_a2.bench.statistics import Comparison, Estimate
from skyreels_a2.bench.summary import TOTALS, MetricSummary, compare, summarise
from skyreels_a2.media.atomic import output_errors, write_aside


@dataclass(frozen=True, slots=True)
class Contender:
    """One of two systems.

    Attributes:
        name: What it is called.
        rows: Its scored videos.
    """

    name: str
    rows: Sequence[Row]


def verdict(found: Comparison) -> str:
    """What a comparison says, in words a reader may quote."""
    low, high = found.difference.low, found.difference.high
    if found.difference.count < 2:
        return "one case tells nothing"
    if low > 0:
        return "first is better"
    if high < 0:
        return "second is better"
    return "not told apart"


def write_comparison(first: Contender, second: Contender, path: Path) -> None:
    """Write the page of two systems.

    Raises:
        OutputError: It cannot be written.
    """
    compared = compare(first.rows, second.rows)
    sums = [summarise(c.rows) for c in (first, second)]
    metrics = [{**s.totals, **s.metrics} for s in sums]
    title = escape(f"{first.name} against {second.name}")
    rows = "".join(
        f"<tr><th>{name}</th>{_estimate(metrics[0].get(name))}{_estimate(metrics[1].get(name))}"
        f"<td>{figure(found.difference)}</td><td>{100 * found.probability:.1f} %</td>"
        f"<td>{found.difference.count}</td><td class=says>{verdict(found)}</td></tr>"
        for name, found in compared.items()
    )
    both = {
        name: row
        for name in (*TOTALS, *METRICS)
        if (row := _of_both(name, (first, second), metrics)) and _unit(name)
    }
    axes = [n for n in both if n in METRICS and METRICS[n].dimension is not Dimension.FAULTS]
    charts = []
    if len(axes) > 2:
        values = {
            c.name: {n: found.mean if (found := both[n].get(c.name)) else None for n in axes}
            for c in (first, second)
        }
        charts.append(plots.radar(axes, values))
    if both:
        charts.append(plots.intervals(both))
    figures = "".join(f"<figure>{svg}</figure>" for svg in charts)
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><main><p class=kicker>A2-Bench at home</p>"
        f"<h1>{title}</h1><p>Paired over the cases that both have. The probability is the share "
        "of bootstrap resamples in which the first is better; two systems are told apart when the "
        "95 % interval of their difference leaves out 0.</p><div class=wide><table><tr><th>metric"
        f"</th><th>{escape(first.name)}</th><th>{escape(second.name)}</th><th>difference [95 %]"
        "</th><th>first better</th><th>cases</th><th class=says>verdict</th></tr>"
        f"{rows}</table></div><div class=charts>{figures}</div></main></body></html>\n"
    )
    with write_aside(path, overwrite=True) as part, output_errors(path):
        part.write_text(html, encoding="utf-8")


def _estimate(metric: MetricSummary | None) -> str:
    return f"<td>{figure(metric.estimate if metric else None)}</td>"


def _unit(name: str) -> bool:
    """Whether a figure lies between 0 and 1, so that it can stand in a plot with others."""
    return name not in METRICS or METRICS[name].scale == 1


def _of_both(
    name: str, contenders: Sequence[Contender], metrics: Sequence[dict[str, MetricSummary]]
) -> dict[str, Estimate]:
    return {
        contender.name: summary.estimate
        for contender, sums in zip(contenders, metrics, strict=True)
        if (summary := sums.get(name)) and summary.estimate
    }
