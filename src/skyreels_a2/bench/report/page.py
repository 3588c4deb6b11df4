"""The page: one HTML file that holds all it shows. Plain words, no script, no colour needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from skyreels_a2.bench.cases import Case, Status
from skyreels_a2.bench.formulas import A2_METRICS
from skyreels_a2.bench.metrics.metric import Dimension
from skyreels_a2.bench.metrics.registry import METRICS
from skyreels_a2.bench.published import A2_BENCH, A2_TOTALS
from skyreels_a2.bench.report import plots
from skyreels_a2.bench.report.strips import strip
from skyreels_a2.bench.report.style import STYLE
from skyreels_a2.bench.report.system import System
from skyreels_a2.bench.scoring import Row
from skyreels_a2.bench.statistics import Estimate
from skyreels_a2.bench.summary import (
    COMPREHENSIVE,
    HOME,
    JUDGE_LEAST,
    JUDGE_MEAN,
    MetricSummary,
    Summary,
    row_total,
)
from skyreels_a2.media.atomic import output_errors, write_aside

WEAK = 0.8
"""Spearman's rho under which a metric is marked weak."""
_DRAWN = {"image-text": 0.02}
"""What a metric beyond 1 is multiplied by in a plot: its factor in the Comprehensive score."""


def write_page(
    system: System,
    summary: Summary,
    path: Path,
    *,
    on_case: Callable[[int, int], None] | None = None,
) -> None:
    """Write the report of a system.

    Raises:
        OutputError: It cannot be written.
    """
    parts = [
        _head(system, summary),
        _headline(system, summary),
        _published_table(system, summary),
        _standins(system, summary),
        _charts(system, summary),
        _cases(system, on_case),
        _settings(system),
        "</main></body></html>\n",
    ]
    with write_aside(path, overwrite=True) as part, output_errors(path):
        part.write_text("\n".join(parts), encoding="utf-8")


def figure(found: Estimate | None, digits: int = 3) -> str:
    """A mean with its interval."""
    if found is None:
        return "–"
    return f"{found.mean:.{digits}f} <small>[{found.interval(f'.{digits}f')}]</small>"


def _head(system: System, summary: Summary) -> str:
    del summary
    title = escape(f"{system.name} on {system.suite}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>"
        f"<header><p class=kicker>A2-Bench at home</p><h1>{title}</h1></header>"
    )


def _headline(system: System, summary: Summary) -> str:
    failed = sum(row.failed for row in system.rows)
    boxes = []
    for name, words in ((COMPREHENSIVE, "Comprehensive (as published)"), (HOME, "Home total")):
        total = summary.totals[name]
        note = total.missing or (
            "weighted mean of the stand-ins; not comparable with published totals"
            if name == HOME
            else "95 % interval over cases"
        )
        value = f"<b>{figure(total.estimate)}</b>" if total.estimate else "<b>missing</b>"
        boxes.append(f"<div class=box><h2>{words}</h2>{value}<p>{escape(note)}</p></div>")
    for name, words in ((JUDGE_MEAN, "Judge, mean"), (JUDGE_LEAST, "Judge, least")):
        if found := summary.totals[name].estimate:
            note = "of three marks from 1 to 5, summed as IntelligentVBench does"
            boxes.append(
                f"<div class=box><h2>{words}</h2><b>{figure(found)}</b><p>{note}</p></div>"
            )
    judged = f"{len(system.rows) - failed} of {len(system.rows)}"
    odd = f"{len(summary.flagged)} with something odd; a video that cannot be judged counts as 0"
    boxes.append(f"<div class=box><h2>Videos judged</h2><b>{judged}</b><p>{odd}</p></div>")
    remarks = "".join(f"<li>{escape(r)}</li>" for r in system.remarks)
    return f"<section class=boxes>{''.join(boxes)}</section>" + (
        f"<ul class=remarks>{remarks}</ul>" if remarks else ""
    )


def _published_table(system: System, summary: Summary) -> str:
    heads = "".join(f"<th>{name.replace('-', ' ')}</th>" for name in A2_METRICS)
    rows = []
    own = [summary.metrics.get(name) for name in A2_METRICS]
    cells = "".join(f"<td>{_cell(m)}</td>" for m in own)
    total = summary.totals[COMPREHENSIVE].estimate
    rows.append(f"<tr class=own><th>{escape(system.name)}</th>{cells}<td>{figure(total)}</td></tr>")
    for name, values in A2_BENCH.items():
        cells = "".join(
            f"<td>{values[m]:.3f}</td>" if m != "image-text" else f"<td>{values[m]:.2f}</td>"
            for m in A2_METRICS
        )
        rows.append(f"<tr><th>{escape(name)}</th>{cells}<td>{A2_TOTALS[name]:.3f}</td></tr>")
    missing = {m.missing for m in own if m and m.missing}
    notes = "".join(f"<li>{escape(reason)}</li>" for reason in sorted(missing))
    told = f"<p>Missing is not 0. Why:</p><ul class=why>{notes}</ul>" if notes else ""
    return (
        "<section><h2>Beside the published systems</h2>"
        "<p>The rows below the first are those of the paper, on its own 50 cases, which were "
        "never released: they show the scale, not a race.</p>"
        f"<div class=wide><table><tr><th>system</th>{heads}<th>total</th></tr>"
        f"{''.join(rows)}</table></div>{told}</section>"
    )


def _cell(metric: MetricSummary | None) -> str:
    if metric is None:
        return "not asked"
    return figure(metric.estimate) if metric.estimate else "missing"


def _standins(system: System, summary: Summary) -> str:
    rows, absent = [], []
    for name, metric in summary.metrics.items():
        kind = METRICS[name]
        if kind.published:
            continue
        if metric.estimate is None:
            absent.append(f"<li>{name}: {escape(metric.missing or 'no case asks it')}</li>")
            continue
        rho = system.validity.get(name)
        valid = "not measured" if rho is None else f"{rho:.2f}"
        mark = " <em>weak</em>" if rho is not None and rho < WEAK else ""
        rows.append(
            f"<tr><th>{name}{mark}</th><td>{kind.dimension.value}</td>"
            f"<td>{figure(metric.estimate)}</td><td>{metric.estimate.count}</td>"
            f"<td>{valid}</td><td class=says>{escape(kind.says)} · {escape(kind.uses)}</td></tr>"
        )
    told = f"<p>Not measured here:</p><ul class=why>{''.join(absent)}</ul>" if absent else ""
    return (
        "<section><h2>Stand-ins and faults</h2><p>These have names of their own: none of them is "
        "a published figure. Higher is better. Validity is Spearman's ρ of the metric with known "
        f"truth on rendered scenes; under {WEAK} it is called weak.</p><div class=wide><table><tr>"
        "<th>metric</th><th>measures</th><th>mean [95 %]</th><th>videos</th><th>validity</th>"
        f"<th class=says>how</th></tr>{''.join(rows)}</table></div>{told}</section>"
    )


def _charts(system: System, summary: Summary) -> str:
    charts = []
    published = {name: m.estimate for name, m in summary.metrics.items() if METRICS[name].published}
    systems: dict[str, dict[str, float | None]] = {
        name: {m: value * _DRAWN.get(m, 1.0) for m, value in values.items()}
        for name, values in A2_BENCH.items()
    }
    if any(published.values()):
        own = {n: e.mean * _DRAWN.get(n, 1.0) if e else None for n, e in published.items()}
        systems = {system.name: own, **systems}
    charts.append(
        (
            "Published metrics (text similarity x 0.02, as in the total)",
            plots.radar(A2_METRICS, systems),
        )
    )
    home = {
        name: m.estimate
        for name, m in summary.metrics.items()
        if not METRICS[name].published and m.estimate and METRICS[name].scale == 1
    }
    weak = {name for name, rho in system.validity.items() if rho < WEAK}
    consistent = [n for n in home if METRICS[n].dimension is not Dimension.FAULTS and n not in weak]
    if len(consistent) > 2:
        values = {n: found.mean for n in consistent if (found := home[n])}
        charts.append((f"Stand-ins, {system.name}", plots.radar(consistent, {system.name: values})))
    if home:
        rows = {name: {system.name: found} for name, found in home.items() if found}
        charts.append(("Means and 95 % intervals", plots.intervals(rows)))
    figures = "".join(
        f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>" for title, svg in charts
    )
    return f"<section><h2>Plots</h2><div class=charts>{figures}</div></section>"


def _cases(system: System, on_case: Callable[[int, int], None] | None) -> str:
    cases = {case.id: case for case in system.cases}
    ordered = sorted(system.rows, key=_worst_first)
    told = list(_case_figures(ordered, cases, system.videos, on_case))
    return (
        "<section><h2>Cases, worst first</h2><p>References left, six frames of the video right."
        f"</p>{''.join(told)}</section>"
    )


def _worst_first(row: Row) -> tuple[float, str]:
    total = row_total(row, COMPREHENSIVE)
    if total is None:
        total = row_total(row, HOME)
    return (-1.0 if total is None else total, row.case)


def _case_figures(
    rows: Sequence[Row],
    cases: dict[str, Case],
    videos: Path,
    on_case: Callable[[int, int], None] | None,
) -> Iterator[str]:
    for number, row in enumerate(rows, start=1):
        case = cases[row.case]
        total = _worst_first(row)[0]
        flags = "".join(f"<li>{escape(flag)}</li>" for flag in row.flags)
        scores = " · ".join(_scores(row))
        yield (
            f"<article><h3>{escape(case.id)} <span>{max(total, 0):.3f}</span></h3>"
            f'<img loading=lazy alt="references and frames of {escape(case.id)}" '
            f'src="{strip(case, videos / row.video)}">'
            f"<p>{escape(case.composition.text)}</p>"
            f"{f'<ul class=flags>{flags}</ul>' if flags else ''}<p class=scores>{scores}</p>"
            "</article>"
        )
        if on_case:
            on_case(number, len(rows))


def _scores(row: Row) -> Iterable[str]:
    for name, score in row.scores.items():
        if score.status is Status.OK and score.value is not None:
            yield f"{name}&nbsp;{score.value:.2f}"


def _settings(system: System) -> str:
    rows = "".join(
        f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>"
        for key, value in system.settings.items()
    )
    return f"<section><h2>Settings and versions</h2><table class=plain>{rows}</table></section>"
