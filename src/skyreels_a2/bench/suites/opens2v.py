"""OpenS2V-Eval v1.0 and v1.1: the same case files; the versions differ in the motion score.

Case files: `{"<id>": {"img_paths": [...], "prompt": "...", "class_label": [...]}}`. Videos:
`<id>.mp4` in one folder, as its own scorer expects.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.suites.suite import Suite, element, read_json, text_field
from skyreels_a2.elements import Composition, Element, Role
from skyreels_a2.errors import InputError

_PEOPLE = {"man", "woman", "boy", "girl", "person", "human", "face"}
_PLACES = {"environment", "scene", "background"}


def read_opens2v(path: Path) -> Suite:
    """Read one of the three case files (open, single or human domain).

    Pictures are looked for beside the file. A man or a woman is a character, a picture in a
    folder `environment` or `scene` is a background, all else is an object.

    Raises:
        InputError: It is missing, or an entry is not as published.
    """
    content = read_json(path)
    if not isinstance(content, Mapping):
        raise InputError(f"{path} is no OpenS2V case file: expected an object of entries by id")
    domain = next((d for d in ("human", "single", "open") if d in path.stem.lower()), "open")
    cases = [_case(key, entry, path, domain) for key, entry in content.items()]
    return Suite("opens2v", tuple(cases))


def _case(key: str, entry: Any, path: Path, domain: str) -> Case:
    where = f"{path}, entry {key}"
    if not isinstance(entry, Mapping) or not isinstance(entry.get("img_paths"), list):
        raise InputError(f"{where} has no img_paths: expected a list of pictures")
    pictures = entry["img_paths"]
    labels = list(entry.get("class_label") or [])
    labels += [""] * (len(pictures) - len(labels))
    elements = tuple(_element(path.parent, *pair) for pair in zip(pictures, labels, strict=False))
    return Case(key, Composition(text_field(entry, "prompt", where), elements), domain)


def _element(folder: Path, picture: str, label: str) -> Element:
    parts = {part.lower() for part in Path(picture).parts}
    role = Role.OBJECT
    if parts & _PLACES:
        role = Role.BACKGROUND
    elif label.lower() in _PEOPLE:
        role = Role.CHARACTER
    return element(role, folder / picture, label.lower() or None)
