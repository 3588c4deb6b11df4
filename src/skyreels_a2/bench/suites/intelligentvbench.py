"""IntelligentVBench, compositional MI2V: a CSV of up to three subjects and a background.

Columns: `index, subject_img_1[, _2, _3], background_img, prompt`. Videos: `<index>.mp4`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.suites.suite import Suite, element, text_field
from skyreels_a2.elements import Composition, Role
from skyreels_a2.errors import InputError, one_line

_SUBJECTS = ("subject_img_1", "subject_img_2", "subject_img_3")


def read_intelligentvbench(path: Path) -> Suite:
    """Read its CSV; pictures are looked for beside it.

    The file does not say whether a subject acts, so every subject is a character.

    Raises:
        InputError: It is missing, no CSV of these columns, or a row lacks its subject.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"case file {path} cannot be read: {one_line(error)}") from error
    return Suite("intelligentvbench", tuple(_case(row, path) for row in rows))


def _case(row: Mapping[str, str], path: Path) -> Case:
    index = text_field(row, "index", str(path))
    subjects = [row[key] for key in _SUBJECTS if row.get(key)]
    if not subjects:
        raise InputError(f"{path}, row {index} has no subject: expected {_SUBJECTS[0]}")
    elements = [element(Role.CHARACTER, path.parent / name) for name in subjects]
    if place := row.get("background_img"):
        elements.append(element(Role.BACKGROUND, path.parent / place))
    domain = f"{len(subjects)} subject{'s' if len(subjects) > 1 else ''}"
    prompt = text_field(row, "prompt", f"{path}, row {index}")
    return Case(index, Composition(prompt, tuple(elements)), domain)
