"""A whole benchmark run: which videos answer which cases, scored, chosen from, and reported."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.generating import CANDIDATES
from skyreels_a2.bench.ledger import Ledger
from skyreels_a2.bench.metrics.metric import Metric
from skyreels_a2.bench.report.page import write_page
from skyreels_a2.bench.report.system import System
from skyreels_a2.bench.report.tables import write_csv, write_json
from skyreels_a2.bench.scoring import SCORES, Row, score_videos
from skyreels_a2.bench.statistics import estimate
from skyreels_a2.bench.suites.suite import Suite
from skyreels_a2.bench.summary import COMPREHENSIVE, HOME, Summary, row_total, summarise
from skyreels_a2.media.atomic import output_errors, write_aside

Progress = Callable[[str, int, int], None]
"""Phase, done, total."""
SUFFIXES = (".mp4", ".webm", ".mkv", ".mov", ".avi", ".gif", ".webp", ".frames")
"""What a finished video may end in; the first that is there is taken."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where a run stands and what it measures.

    Attributes:
        suite: The cases.
        out: Folder of the report and the ledgers.
        videos: Folder of the videos.
        metrics: What to measure.
        name: What the system is called.
        settings: For the report.
        on_progress: Told of every phase.
        remarks: For the report.
    """

    suite: Suite
    out: Path
    videos: Path
    metrics: Sequence[Metric]
    name: str
    settings: Mapping[str, str]
    on_progress: Progress
    remarks: tuple[str, ...] = field(default=())


def find_video(folder: Path, suite: Suite, case: Case) -> Path:
    """The video that answers a case, whatever format it is in; else where it should be."""
    wanted = folder / suite.video_name(case)
    for suffix in SUFFIXES:
        if (path := wanted.with_suffix(suffix)).exists():
            return path
    return wanted


def score_run(run: Run) -> list[Row]:
    """Score the videos of all cases."""
    pairs = [(case, find_video(run.videos, run.suite, case)) for case in run.suite.cases]
    return score_videos(
        pairs,
        run.videos,
        run.metrics,
        Ledger(run.out / SCORES),
        on_row=lambda done, total: run.on_progress("score", done, total),
    )


def choose_best(run: Run, seeds: Sequence[int]) -> str:
    """Score every seed of each case and put the best where the suite expects it.

    Returns:
        What that cost and brought, in a sentence for the report.
    """
    pairs = [
        (case, run.videos / CANDIDATES / f"{Path(run.suite.video_name(case)).stem}-{seed}.mp4")
        for case in run.suite.cases
        for seed in seeds
    ]
    rows = score_videos(
        pairs,
        run.videos,
        run.metrics,
        Ledger(run.out / "candidates.jsonl"),
        on_row=lambda done, total: run.on_progress("score", done, total),
    )
    gains = []
    for case in run.suite.cases:
        ranked = sorted((row for row in rows if row.case == case.id), key=_rank)
        best = run.videos / ranked[-1].video
        if best.is_file():
            target = run.videos / run.suite.video_name(case)
            with write_aside(target, overwrite=True) as part, output_errors(target):
                shutil.copyfile(best, part)
        gains.append(_rank(ranked[-1]) - sum(map(_rank, ranked)) / len(ranked))
    found = estimate(gains)
    gain = f"{found.mean:+.3f} [{found.interval('+.3f')}]" if found else "nothing"
    return (
        f"best of {len(seeds)} seeds a case by the totals shown here: {len(seeds)} times the "
        f"generation and scoring, {gain} on the total against a seed taken by chance"
    )


def report(run: Run, rows: Sequence[Row]) -> Summary:
    """Write `report.html`, `report.json` and `scores.csv`."""
    summary = summarise(rows)
    system = System(
        name=run.name,
        suite=run.suite.name,
        cases=run.suite.cases,
        rows=rows,
        videos=run.videos,
        settings=run.settings,
        remarks=(*run.suite.remarks, *run.remarks),
        validity=measured_validity(),
    )
    write_json(system, summary, run.out / "report.json")
    write_csv(system, summary, run.out / "scores.csv")
    write_page(
        system,
        summary,
        run.out / "report.html",
        on_case=lambda done, total: run.on_progress("report", done, total),
    )
    return summary


def measured_validity() -> dict[str, float]:
    """Metric to Spearman's rho, as `benchmarks/metric_validity.py` measured it last."""
    path = Path(str(files("skyreels_a2.bench") / "measured_validity.json"))
    if not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: entry["rho"] for name, entry in content["metrics"].items()}


def _rank(row: Row) -> float:
    total = row_total(row, COMPREHENSIVE)
    return total if total is not None else row_total(row, HOME) or 0.0
