"""A user study: a page to hand out that blinds and shuffles, and the sums of what comes back.

The kit is a folder that opens without a server: `study.html` and videos with blind names. Who is
who stands in `key.json`, which is written beside the kit and is not handed out.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from skyreels_a2.bench.agreement import krippendorff_alpha
from skyreels_a2.bench.footage import file_sha256
from skyreels_a2.bench.report.strips import references_strip
from skyreels_a2.bench.report.style import STYLE
from skyreels_a2.bench.running import find_video
from skyreels_a2.bench.statistics import Estimate, estimate
from skyreels_a2.bench.study_page import SCRIPT, STUDY_STYLE
from skyreels_a2.bench.suites.suite import Suite
from skyreels_a2.errors import InputError, OutputError, one_line
from skyreels_a2.media.atomic import output_errors, write_aside

CRITERIA = (
    ("face", "Is the face that of the reference?"),
    ("dress", "Are the clothes those of the reference?"),
    ("background", "Is the place that of the reference?"),
    ("object", "Is the object that of the reference?"),
    ("instruction", "Does the video do what the text says?"),
    ("rationality", "Could what is seen happen?"),
    ("coherence", "Do the subjects stay whole and the same?"),
    ("smoothness", "Is the motion smooth?"),
    ("aesthetics", "Is it good to look at?"),
    ("quality", "Is the picture sharp and free of faults?"),
)
"""The ten published criteria: four of consistency, one of instruction, five of quality."""


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What raters say.

    Attributes:
        marks: System to criterion to mean mark and interval over videos.
        alpha: Criterion to Krippendorff's alpha of ordinal marks; None where it is undefined.
        raters: Who took part.
    """

    marks: Mapping[str, Mapping[str, Estimate]]
    alpha: Mapping[str, float | None]
    raters: Sequence[str]


def write_kit(suite: Suite, systems: Mapping[str, Path], out: Path, *, seed: int = 0) -> Path:
    """Write a kit of all videos of the systems, blind and in one shuffled order.

    Args:
        suite: The cases.
        systems: System to its folder of videos; what is missing there is left out.
        out: Folder of the kit; the key goes beside it as `<out>-key.json`.
        seed: Decides the order.

    Returns:
        The page.

    Raises:
        InputError: No video is there.
        OutputError: The folder is not empty, or cannot be written.
    """
    found = [
        (case, name, video)
        for case in suite.cases
        for name, folder in systems.items()
        if (video := find_video(folder, suite, case)).is_file()
    ]
    if not found:
        raise InputError(
            f"no video of {', '.join(systems)} answers {suite.name}: check the folders"
        )
    if out.exists() and any(out.iterdir()):
        raise OutputError(f"{out} is not empty: choose a new folder")
    order = np.random.default_rng(seed).permutation(len(found))
    kit = _kit_of([video for _, _, video in found], seed)
    items, key = [], {}
    with output_errors(out):
        (out / "videos").mkdir(parents=True, exist_ok=True)
    for number, index in enumerate(order, start=1):
        case, name, video = found[int(index)]
        item = f"{kit}-{number:03d}"
        with output_errors(out):
            shutil.copyfile(video, out / "videos" / f"{item}{video.suffix}")
        key[item] = {"system": name, "case": case.id}
        items.append(
            {
                "id": item,
                "video": f"videos/{item}{video.suffix}",
                "prompt": case.composition.text,
                "references": references_strip(case),
            }
        )
    _write(out.with_name(f"{out.name}-key.json"), json.dumps(key, indent=1))
    page = out / "study.html"
    _write(page, _page(kit, items))
    return page


def aggregate_study(files: Sequence[Path], key: Path) -> StudyResult:
    """Sum up the CSV files that raters exported.

    Raises:
        InputError: A file is no such CSV, speaks of other videos, or has marks beyond 1 to 5.
    """
    names = _read_key(key)
    marks: dict[tuple[str, str, str], float] = {}
    for file in files:
        marks.update(_read_marks(file, names))
    raters = sorted({rater for rater, _, _ in marks})
    systems = dict.fromkeys(entry["system"] for entry in names.values())
    criteria = [name for name, _ in CRITERIA]
    return StudyResult(
        marks={
            system: {
                criterion: found
                for criterion in criteria
                if (found := _mean(marks, criterion, _of_system(names, system)))
            }
            for system in systems
        },
        alpha={c: krippendorff_alpha(_table(marks, c, raters, sorted(names))) for c in criteria},
        raters=raters,
    )


def _kit_of(videos: Sequence[Path], seed: int) -> str:
    """A short name for these very videos in this order: marks of one kit are not another's."""
    told = f"{seed} {' '.join(file_sha256(video) for video in videos)}"
    return hashlib.sha256(told.encode()).hexdigest()[:6]


def _mean(
    marks: Mapping[tuple[str, str, str], float], criterion: str, items: Sequence[str]
) -> Estimate | None:
    """Over videos, each the mean of its raters: videos are what a system is judged by."""
    means = []
    for item in items:
        given = [mark for (_, i, c), mark in marks.items() if (i, c) == (item, criterion)]
        if given:
            means.append(sum(given) / len(given))
    return estimate(means)


def _of_system(names: Mapping[str, Mapping[str, str]], system: str) -> list[str]:
    return [item for item, entry in names.items() if entry["system"] == system]


def _table(
    marks: Mapping[tuple[str, str, str], float],
    criterion: str,
    raters: Sequence[str],
    items: Sequence[str],
) -> list[list[float | None]]:
    """One row a rater, one column a video."""
    return [[marks.get((rater, item, criterion)) for item in items] for rater in raters]


def _read_key(path: Path) -> dict[str, dict[str, str]]:
    try:
        key: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"key {path} cannot be read: {one_line(error)}") from error
    return key


def _read_marks(
    path: Path, names: Mapping[str, Mapping[str, str]]
) -> dict[tuple[str, str, str], float]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}") from error
    marks = {}
    for number, row in enumerate(rows, start=2):
        try:
            rater, item, criterion = row["rater"], row["video"], row["criterion"]
            mark = float(row["mark"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}, line {number}: expected rater,video,criterion,mark as the page exports"
            ) from error
        if item not in names or criterion not in dict(CRITERIA) or not 1 <= mark <= 5:
            raise InputError(
                f"{path}, line {number}: {item}, {criterion}, {mark:g} is no mark of this study"
            )
        marks[rater, item, criterion] = mark
    return marks


def _page(kit: str, items: Sequence[Mapping[str, Any]]) -> str:
    # In a script, only "<" could end it early.
    data = json.dumps({"kit": kit, "items": items, "criteria": CRITERIA}).replace("<", "\\u003c")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape('Video study')}</title><style>{STYLE}{STUDY_STYLE}</style></head>"
        f'<body><main id="study"></main><script>const STUDY={data};{SCRIPT}</script>'
        "</body></html>\n"
    )


def _write(path: Path, text: str) -> None:
    with write_aside(path, overwrite=True) as part, output_errors(path):
        part.write_text(text, encoding="utf-8")
