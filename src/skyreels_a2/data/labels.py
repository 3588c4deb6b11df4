"""What is told of a raw video beside its pixels: where it is from, its type, its labels.

    raw/pexels/cooking/000123.mp4      labels: raw, pexels, cooking
    raw/pexels/cooking/000123.json     {"source": "me", "type": "live action", "labels": ["knife"]}

The names of its last three folders count, and the words of a JSON file of its name beside it.
"""

from __future__ import annotations

import json
from pathlib import Path

FOLDERS = 3
KEYS = ("source", "type", "label", "labels")


def labels_of(video: Path) -> tuple[str, ...]:
    """All words, in lower case and sorted; a file that is no JSON object says nothing."""
    words = {part.lower() for part in video.parts[-1 - FOLDERS : -1]}
    beside = video.with_suffix(".json")
    if beside.is_file():
        words |= _told(beside)
    return tuple(sorted(words - {"", "/"}))


def _told(beside: Path) -> set[str]:
    try:
        row = json.loads(beside.read_text("utf-8"))
    except (OSError, ValueError):
        return set()
    if not isinstance(row, dict):
        return set()
    told = [row.get(key) or [] for key in KEYS]
    values = [value if isinstance(value, list) else [value] for value in told]
    return {str(word).lower() for words in values for word in words}
