"""What a report is about: a system's rows, its cases, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.scoring import Row


@dataclass(frozen=True, slots=True)
class System:
    """A system that was benchmarked.

    Attributes:
        name: As readers know it.
        suite: Name of the suite.
        cases: In the suite's order.
        rows: One for each case that has a video, or should have.
        videos: Folder of the videos.
        settings: What a reader needs to repeat it, as pairs.
        remarks: What was left out, one line each.
        validity: Metric to measured Spearman's rho; weak ones are marked.
    """

    name: str
    suite: str
    cases: Sequence[Case]
    rows: Sequence[Row]
    videos: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    validity: Mapping[str, float] = field(default_factory=dict)
