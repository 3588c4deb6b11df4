"""Checking a data set that somebody else made: tables, files, checksums, references, leaks."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skyreels_a2.data.exchange.rows import read_rows
from skyreels_a2.data.tables import has_table, read_table
from skyreels_a2.errors import InputError, SkyReelsA2Error, one_line
from skyreels_a2.media.images import open_picture
from skyreels_a2.media.videos import probe


def check(dataset: Path) -> Iterator[str]:
    """Problems of a data set, one line each; nothing when it is good.

    Raises:
        InputError: It is no data set, or of another version.
    """
    if not dataset.is_dir():
        raise InputError(f"{dataset} is not there: give the folder of a data set")
    if not has_table(dataset, "shots"):
        yield from _rows(dataset)
        return
    shots, elements, triplets = (read_table(dataset, n) for n in ("shots", "elements", "triplets"))
    yield from _videos(dataset, shots)
    yield from _pictures(dataset, elements)
    yield from _references(shots, elements, triplets)
    yield from _leaks(shots, elements)


def _rows(dataset: Path) -> Iterator[str]:
    """Problems of a set that was imported: it has the rows that training reads, and no tables."""
    seen: set[Path] = set()
    for number, row in enumerate(read_rows(dataset), start=1):
        try:
            _ = row.text
        except SkyReelsA2Error as error:
            yield f"triplet {number}: {one_line(error)}"
        files = dict.fromkeys(row.pictures, open_picture) | {row.video: probe}
        for path, look in files.items():
            if path in seen:
                continue
            seen.add(path)
            try:
                look(dataset / path)
            except SkyReelsA2Error as error:
                yield f"triplet {number}: {one_line(error)}"


def _videos(dataset: Path, shots: list[dict[str, Any]]) -> Iterator[str]:
    for row in shots:
        path = dataset / row["path"]
        try:
            info = probe(path)
        except SkyReelsA2Error as error:
            yield one_line(error)
            continue
        told = (row["width"], row["height"], row["num_frames"])
        if (info.width, info.height, info.num_frames) != told:
            yield f"{path} is {info.width}x{info.height}x{info.num_frames}, not as its row says"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != row["sha256"]:
            yield f"{path} is not the file it was: its checksum differs"


def _pictures(dataset: Path, elements: list[dict[str, Any]]) -> Iterator[str]:
    for row in elements:
        try:
            open_picture(dataset / row["path"])
        except SkyReelsA2Error as error:
            yield one_line(error)


def _references(
    shots: list[dict[str, Any]], elements: list[dict[str, Any]], triplets: list[dict[str, Any]]
) -> Iterator[str]:
    known = {row["shot_id"]: row for row in shots}
    found = {row["element_id"]: row for row in elements}
    for row in triplets:
        name = row["triplet_id"]
        if row["shot_id"] not in known:
            yield f"triplet {name}: its shot {row['shot_id']} is not in the table"
        for slot in row["slots"]:
            missing = {slot["element_id"], slot["reference_id"]} - set(found)
            if missing:
                yield f"triplet {name}: no element {', '.join(sorted(missing))}"
                continue
            other = found[slot["reference_id"]]["shot_id"]
            if (slot["pair_kind"] == "same_shot") != (other == row["shot_id"]):
                yield f"triplet {name}: {slot['reference_id']} is no {slot['pair_kind']} reference"
            start, stop = slot["phrase_start"], slot["phrase_stop"]
            said = row["caption"][start:stop].casefold()
            if start >= 0 and said != slot["phrase"].casefold():
                yield f"triplet {name}: the caption does not say {slot['phrase']!r} at {start}"


def _leaks(shots: list[dict[str, Any]], elements: list[dict[str, Any]]) -> Iterator[str]:
    """Sources, and identities of subjects, on both sides of the split."""
    sides: dict[str, set[str]] = defaultdict(set)
    side_of = {row["shot_id"]: row["split"] for row in shots}
    for row in shots:
        sides[f"source {row['source_id']}"].add(row["split"])
    for row in elements:
        if row["kind"] in {"character", "object"}:
            sides[f"identity {row['identity']}"].add(side_of.get(row["shot_id"], ""))
    for name, found in sides.items():
        if len(found) > 1:
            yield f"{name} is on both sides of the split"
