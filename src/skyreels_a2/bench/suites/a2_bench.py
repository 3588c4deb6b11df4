"""`a2-bench`: cases of a character, an object and a background from a manifest or a folder.

The field names of the published set are unknown (it was never released), so they are a mapping:
a JSON or JSONL file of rows, or a folder with one sub-folder a case. See `docs/bench.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.suites.suite import Suite, element, read_json, text_field
from skyreels_a2.elements import Composition, Element, Role
from skyreels_a2.errors import InputError

DEFAULT_FIELDS = {
    "id": "id",
    "prompt": "prompt",
    "character": "character",
    "object": "object",
    "background": "background",
}
"""Ours to theirs; changed one by one with `--field prompt=caption`."""
_ROLES = (Role.CHARACTER, Role.OBJECT, Role.BACKGROUND)
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


def read_a2_bench(path: Path, fields: Mapping[str, str] | None = None) -> Suite:
    """Read a manifest (JSON list, JSON object of rows, JSONL) or a folder of case folders.

    Args:
        path: The file, or a folder with `<case>/{prompt.txt,character.*,object.*,background.*}`.
        fields: Ours to theirs, for those that differ from `DEFAULT_FIELDS`.

    Raises:
        InputError: It is missing or a row lacks what a case needs.
    """
    names = dict(DEFAULT_FIELDS)
    for ours, theirs in (fields or {}).items():
        if ours not in names:
            raise InputError(f"no field is called {ours!r}: map {', '.join(names)}")
        names[ours] = theirs
    if path.is_dir():
        return Suite("a2-bench", tuple(_from_folders(path)))
    rows = list(_rows(path))
    cases = [_from_row(row, names, path, number) for number, row in enumerate(rows, start=1)]
    return Suite("a2-bench", tuple(cases))


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    content = _json_lines(path) if path.suffix == ".jsonl" else read_json(path)
    if isinstance(content, Mapping):
        content = [
            {"id": key, **row} if isinstance(row, Mapping) else row for key, row in content.items()
        ]
    for number, row in enumerate(content, start=1):
        if not isinstance(row, Mapping):
            raise InputError(f"{path}, row {number}: expected an object, not {row!r:.40}")
        yield row


def _json_lines(path: Path) -> list[Any]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"case file {path} cannot be read: {error}") from error


def _from_row(row: Mapping[str, Any], names: Mapping[str, str], path: Path, number: int) -> Case:
    where = f"{path}, row {number}"
    elements: list[Element] = []
    for role in _ROLES:
        given = row.get(names[role.value])
        pictures = [given] if isinstance(given, str) else given or []
        elements += [element(role, path.parent / picture) for picture in pictures]
    if not elements:
        wanted = ", ".join(names[role.value] for role in _ROLES)
        raise InputError(f"{where} has no picture under any of {wanted}: map them with --field")
    prompt = text_field(row, names["prompt"], where)
    return Case(str(row.get(names["id"], f"{number:03d}")), Composition(prompt, tuple(elements)))


def _from_folders(path: Path) -> Iterator[Case]:
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        prompt = folder / "prompt.txt"
        if not prompt.is_file():
            continue
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in _PICTURES)
        elements = [
            element(role, file)
            for role in _ROLES
            for file in files
            if file.stem.rstrip("0123456789-_") == role.value
        ]
        if not elements:
            raise InputError(f"{folder} has a prompt and no character, object or background")
        yield Case(folder.name, Composition(prompt.read_text("utf-8").strip(), tuple(elements)))
