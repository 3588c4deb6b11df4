"""VBench's custom input: a folder of videos and a prompt file for `--custom_input --prompt_file`.

VBench itself has no references, so the case file is ours: `{"<id>": {"prompt": "...",
"images": [...]}}` or a list of such rows. Written are `<id>.mp4` and `prompts.json`, which maps
each video's path to its prompt as VBench's `evaluate.py` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.suites.suite import Suite, element, read_json, text_field
from skyreels_a2.elements import Composition, Role
from skyreels_a2.errors import InputError

PROMPTS = "prompts.json"


def read_vbench(path: Path) -> Suite:
    """Read a case file; pictures are looked for beside it.

    Each row has `prompt` (or VBench's `prompt_en`) and `images`: names, or objects of `path` and
    `role`; without a role it is an object.

    Raises:
        InputError: It is missing, or a row has no prompt or no picture.
    """
    content = read_json(path)
    rows = list(content.items()) if isinstance(content, Mapping) else list(enumerate(content, 1))
    cases = tuple(_case(str(key), row, path) for key, row in rows)
    prompts = {f"{case.id}.mp4": case.composition.text for case in cases}
    text = json.dumps(prompts, indent=2, ensure_ascii=False) + "\n"
    return Suite("vbench", cases, files={PROMPTS: text})


def _case(key: str, row: Any, path: Path) -> Case:
    where = f"{path}, row {key}"
    if not isinstance(row, Mapping) or not row.get("images"):
        raise InputError(f"{where} has no images: a reference is needed, VBench's own have none")
    prompt = text_field(row, "prompt_en" if "prompt_en" in row else "prompt", where)
    elements = []
    for image in row["images"]:
        entry = {"path": image} if isinstance(image, str) else image
        try:
            role = Role(entry.get("role", Role.OBJECT))
        except ValueError:
            roles = ", ".join(Role)
            raise InputError(f"{where}: role {entry['role']!r} is none of {roles}") from None
        elements.append(element(role, path.parent / text_field(entry, "path", where)))
    return Case(str(row.get("id", key)), Composition(prompt, tuple(elements)))
