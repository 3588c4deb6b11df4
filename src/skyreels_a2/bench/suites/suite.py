"""A suite: its cases, how its videos are called, and what is done with too many references."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from skyreels_a2.bench.cases import Case
from skyreels_a2.elements import Composition, Element, Role
from skyreels_a2.errors import InputError, one_line


class TooMany(StrEnum):
    """What to do with a case that has more references than the model takes."""

    FAIL = "fail"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases and the layout of the videos that answer them.

    Attributes:
        name: As asked for.
        cases: In the suite's own order.
        files: Further text files that the suite's own scorer wants beside the videos.
        remarks: What was left out on reading, one line each.
    """

    name: str
    cases: tuple[Case, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.cases:
            raise InputError(f"suite {self.name} has no case: check its file")
        ids = [case.id for case in self.cases]
        if double := next((i for i in ids if ids.count(i) > 1), None):
            raise InputError(f"suite {self.name} has two cases {double!r}: give each its own id")

    def video_name(self, case: Case) -> str:
        """File name of the video that answers a case."""
        return f"{case.id}.mp4"

    def first(self, limit: int | None) -> Suite:
        """The suite with its first cases only; all of them without a limit."""
        return self if limit is None else replace(self, cases=self.cases[:limit])

    def shard(self, index: int, count: int) -> tuple[Case, ...]:
        """Every `count`-th case from `index` on: shards are disjoint and cover the suite.

        Raises:
            InputError: Not 0 <= index < count.
        """
        if not 0 <= index < count:
            raise InputError(f"shard {index}/{count}: use 0/{count} to {count - 1}/{count}")
        return self.cases[index::count]


def limit_references(suite: Suite, most: int, policy: TooMany) -> Suite:
    """The suite for a model that takes at most `most` references.

    With `drop`, further views of an element go first, then elements from the end of the case's
    own order; a background goes last, as without it the place is free.

    Raises:
        InputError: A case has more, and the policy is to fail.
    """
    cases, remarks = [], list(suite.remarks)
    for case in suite.cases:
        count = len(case.composition.references)
        if count <= most:
            cases.append(case)
            continue
        if policy is TooMany.FAIL:
            raise InputError(
                f"case {case.id} has {count} references and the model takes {most}: "
                "allow dropping some with --on-too-many drop, or raise --max-references"
            )
        kept = _dropped(case.composition, most)
        cases.append(replace(case, composition=kept))
        remarks.append(f"case {case.id}: {count - most} of {count} references were dropped")
    return replace(suite, cases=tuple(cases), remarks=tuple(remarks))


def read_json(path: Path) -> Any:
    """JSON of a suite's file.

    Raises:
        InputError: It is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"case file {path} cannot be read: {one_line(error)}") from error


def element(role: Role, picture: Path, description: str | None = None) -> Element:
    """An element of one picture; the suites do not name theirs in prompts."""
    return Element(role, (picture,), description=description)


def text_field(row: Mapping[str, Any], key: str, where: str) -> str:
    """A text that a row must have.

    Raises:
        InputError: It is absent, empty or no text.
    """
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        known = ", ".join(map(str, row)) or "nothing"
        raise InputError(f"{where} has no text under {key!r} (it has: {known})")
    return value


def _dropped(composition: Composition, most: int) -> Composition:
    single = tuple(replace(e, pictures=e.pictures[:1]) for e in composition.elements)
    places = [e for e in single if e.role is Role.BACKGROUND][:most]
    others = [e for e in single if e.role is not Role.BACKGROUND][: most - len(places[:1])]
    keep: Sequence[Element] = [*others, *places[:1]][:most]
    ordered = tuple(e for e in single if any(e is k for k in keep))
    return replace(composition, elements=ordered)
