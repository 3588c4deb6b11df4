"""Scoring: every video by every metric, one row a video, appended as soon as it is known.

The rows are the only record. A score is not made again unless its video, its metric or a network
has changed; metrics that were not asked for then are added. Nothing here stops for a broken video.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from skyreels_a2.bench.cases import Case, Score, Status
from skyreels_a2.bench.footage import Footage, UnusableVideoError, file_sha256, read_footage
from skyreels_a2.bench.ledger import Ledger
from skyreels_a2.bench.metrics.metric import Metric, NotApplicableError
from skyreels_a2.bench.networks.weights import NetworkMissingError
from skyreels_a2.errors import InputError, PictureError, one_line

SCORES = "scores.jsonl"
"""The ledger of a run's folder."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one video.

    Attributes:
        case: Id of its case.
        video: Its path, relative to the folder of videos.
        sha256: Its content; empty when it is missing.
        flags: What is odd about it.
        domain: That of the case.
        scores: By metric.
    """

    case: str
    video: str
    sha256: str
    flags: tuple[str, ...] = ()
    domain: str = ""
    scores: Mapping[str, Score] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether the video could not be judged at all."""
        return any(flag.startswith(("missing", "unreadable", "empty:")) for flag in self.flags)

    def value(self, metric: str) -> float | None:
        """A metric's value: 0 for a video that failed, None where nothing is known."""
        score = self.scores.get(metric)
        return score.value if score else None

    def to_json(self) -> dict[str, Any]:
        """For a line of `scores.jsonl`."""
        return {
            "case": self.case,
            "video": self.video,
            "sha256": self.sha256,
            "flags": list(self.flags),
            "domain": self.domain,
            "scores": {
                name: {
                    "status": score.status.value,
                    "value": score.value,
                    "reason": score.reason,
                    "details": dict(score.details),
                    "by": score.by,
                }
                for name, score in self.scores.items()
            },
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Row:
        """From a line of `scores.jsonl`.

        Raises:
            KeyError, ValueError: It is no such line.
        """
        scores = {
            name: Score(
                name, Status(s["status"]), s["value"], s["reason"], s["details"], s.get("by", "")
            )
            for name, s in given["scores"].items()
        }
        return cls(
            given["case"],
            given["video"],
            given["sha256"],
            tuple(given["flags"]),
            given["domain"],
            scores,
        )


def score_videos(
    pairs: Sequence[tuple[Case, Path]],
    folder: Path,
    metrics: Sequence[Metric],
    ledger: Ledger,
    *,
    on_row: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Score videos, going on where an earlier run ended.

    Args:
        pairs: Cases and the videos that answer them.
        folder: What the videos' paths are told relative to.
        metrics: What to measure.
        ledger: The rows so far; new ones are appended.
        on_row: Told how many of how many videos are scored, after each.

    Returns:
        One row a pair, in order.
    """
    known = {(row.case, row.video): row for row in read_rows(ledger)}
    rows = []
    for number, (case, path) in enumerate(pairs, start=1):
        video = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
        row = known.get((case.id, video))
        sha256 = file_sha256(path)
        if row is None or row.sha256 != sha256:
            row = Row(case.id, video, sha256, domain=case.domain)
        pending = [metric for metric in metrics if not _is_known(row, metric)]
        if pending:
            row = _scored(row, case, path, pending)
            ledger.append(row.to_json())
        rows.append(row)
        if on_row:
            on_row(number, len(pairs))
    return rows


def read_rows(ledger: Ledger) -> list[Row]:
    """All rows of a ledger, the last of each video; lines that are no rows are left out."""
    latest: dict[tuple[str, str], Row] = {}
    for line in ledger.read():
        try:
            row = Row.from_json(line)
        except (KeyError, ValueError, TypeError, AttributeError):
            logger.warning("%s has a line that is no row: it is left out", ledger.path)
            continue
        latest[row.case, row.video] = row
    return list(latest.values())


def read_run(folder: Path) -> list[Row]:
    """The rows of a run's folder.

    Raises:
        InputError: It has none.
    """
    rows = read_rows(Ledger(folder / SCORES))
    if not rows:
        raise InputError(f"{folder} is no run: expected {SCORES} in it, as bench writes it")
    return rows


def measure_all(case: Case, footage: Footage, metrics: Iterable[Metric]) -> dict[str, Score]:
    """Every metric's score of footage."""
    return {m.name: replace(_measure(case, footage, m), by=m.by) for m in metrics}


def _is_known(row: Row, metric: Metric) -> bool:
    """Kept is what is known, by the metric as it is now: a missing network may be there by now."""
    score = row.scores.get(metric.name)
    return score is not None and score.status is not Status.MISSING and score.by == metric.by


def _scored(row: Row, case: Case, path: Path, metrics: Sequence[Metric]) -> Row:
    flags: tuple[str, ...] = ()
    try:
        footage = read_footage(path)
    except UnusableVideoError as error:
        flags = (str(error),)
        failed = Status.FAILED, 0.0, str(error)
        scores = {m.name: Score(m.name, *failed, by=m.by) for m in metrics}
    else:
        flags = footage.flags
        scores = measure_all(case, footage, metrics)
    return Row(row.case, row.video, row.sha256, flags, row.domain, {**dict(row.scores), **scores})


def _measure(case: Case, footage: Footage, metric: Metric) -> Score:
    if metric.needs_motion and len(footage.frames) < 2:
        return Score(metric.name, Status.FAILED, 0.0, "one frame is no motion")
    try:
        measured = metric.measure(case, footage)
    except (NotApplicableError, PictureError) as error:
        return Score(metric.name, Status.NOT_APPLICABLE, reason=str(error))
    except NetworkMissingError as error:
        return Score(metric.name, Status.MISSING, reason=str(error))
    except Exception as error:
        # One odd video or network must not end a run of hours; it is told in the report.
        logger.warning("%s of case %s: %s", metric.name, case.id, one_line(error))
        logger.debug("where it happened", exc_info=True)
        return Score(metric.name, Status.MISSING, reason=f"error: {one_line(error, limit=160)}")
    return Score(metric.name, Status.OK, float(measured.value), details=measured.details)
