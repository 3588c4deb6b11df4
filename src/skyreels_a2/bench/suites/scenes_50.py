"""`scenes-50`: the built-in suite. 50 cases of 150 held-out pictures of the rendered scenes.

Shaped like A2-Bench: a character, an object, a background and a short prompt each. Nobody trains
on these identities (`scenes.splits`). `tools/build_scenes_50.py` made it; licences stand beside
the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.suites.suite import Suite, read_json
from skyreels_a2.elements import Composition, Element, Role

FOLDER = Path(str(files("skyreels_a2.bench.suites") / "scenes_50_data"))


@dataclass(frozen=True, slots=True)
class Origin:
    """The scene a case was taken from: with its assets at hand, the truth can be rendered.

    Attributes:
        source: Name for `scenes.sources.open_source`.
        seed: Seed of the scene.
    """

    source: str
    seed: int


def read_scenes_50() -> Suite:
    """The suite, from inside the package."""
    return Suite("scenes-50", tuple(_case(row) for row in _rows()))


def origins() -> dict[str, Origin]:
    """Case id to the scene it was taken from."""
    return {row["id"]: Origin(row["source"], row["seed"]) for row in _rows()}


def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_json(FOLDER / "cases.json")
    return rows


def _case(row: dict[str, Any]) -> Case:
    elements = tuple(
        Element(Role(e["role"]), (FOLDER / e["picture"],), e["name"], e["description"])
        for e in row["elements"]
    )
    return Case(row["id"], Composition(row["prompt"], elements), "scenes")
