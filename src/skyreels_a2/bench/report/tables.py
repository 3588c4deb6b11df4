"""The figures of a report as JSON and CSV, for other programs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skyreels_a2.bench.report.system import System
from skyreels_a2.bench.summary import TOTALS, MetricSummary, Summary, row_total
from skyreels_a2.media.atomic import output_errors, write_aside


def write_json(system: System, summary: Summary, path: Path) -> None:
    """Everything that the page says, without its pictures.

    Raises:
        OutputError: It cannot be written.
    """
    content: dict[str, Any] = {
        "system": system.name,
        "suite": system.suite,
        "settings": dict(system.settings),
        "remarks": list(system.remarks),
        "totals": {name: _told(metric) for name, metric in summary.totals.items()},
        "metrics": {name: _told(metric) for name, metric in summary.metrics.items()},
        "validity": dict(system.validity),
        "flagged": {video: list(flags) for video, flags in summary.flagged.items()},
        "rows": [row.to_json() for row in system.rows],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with write_aside(path, overwrite=True) as part, output_errors(path):
        part.write_text(text, encoding="utf-8")


def write_csv(system: System, summary: Summary, path: Path) -> None:
    """One line a video: totals, then metrics; empty where nothing is known.

    Raises:
        OutputError: It cannot be written.
    """
    names = list(summary.metrics)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["case", "domain", "video", "flags", *TOTALS, *names])
    for row in system.rows:
        figures = [row_total(row, t) for t in TOTALS] + [row.value(n) for n in names]
        cells = ["" if v is None else f"{v:.6g}" for v in figures]
        writer.writerow([row.case, row.domain, row.video, "; ".join(row.flags), *cells])
    with write_aside(path, overwrite=True) as part, output_errors(path):
        part.write_text(text.getvalue(), encoding="utf-8", newline="")


def _told(metric: MetricSummary) -> dict[str, Any]:
    told = asdict(metric)
    del told["name"]
    return told
