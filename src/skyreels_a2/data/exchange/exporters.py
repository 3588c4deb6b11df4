"""A data set in the layouts of other trainers; files are linked where the disk allows it.

Every export is written aside and appears complete, with `SHA256SUMS` of all its files
(`sha256sum -c SHA256SUMS` checks them).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from skyreels_a2.data.exchange.rows import TripletRow, read_rows
from skyreels_a2.errors import InputError, OutputError
from skyreels_a2.media.atomic import write_aside

CHECKSUMS = "SHA256SUMS"
VIDEOX_MAX_OBJECTS = 4
"""Pictures that VideoX-Fun's subject training takes at most."""
SHARD_SIZE = 500
"""Triplets in a WebDataset shard: about 1 GB at 480p."""


def export(dataset: Path, out: Path, layout: str) -> int:
    """Write a data set in another trainer's layout.

    Args:
        dataset: Folder with `triplets.jsonl`.
        out: Folder that does not exist yet.
        layout: One of `EXPORTERS`.

    Returns:
        How many triplets it has.

    Raises:
        InputError: An unknown layout, no data set, or a file of it that is gone.
        OutputError: The folder exists, or cannot be written.
    """
    if layout not in EXPORTERS:
        raise InputError(f"no layout {layout!r}: choose one of {', '.join(EXPORTERS)}")
    if out.exists():
        raise OutputError(f"{out} exists: choose a folder that does not")
    rows = read_rows(dataset)
    _check_files(dataset, rows)
    out.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(out) as part:
        part.mkdir()
        EXPORTERS[layout](dataset, rows, part)
        _write_checksums(part)
    return len(rows)


def videox_fun(dataset: Path, rows: Sequence[TripletRow], out: Path) -> None:
    """VideoX-Fun: `metadata.json` with the first four pictures of each triplet."""
    entries = []
    for key, row in _keyed(rows):
        entries.append(
            {
                "file_path": _put(dataset, row.video, out / "videos" / f"{key}.mp4", out),
                "text": row.text,
                "type": "video",
                "object_file_path": _put_pictures(dataset, key, row, out)[:VIDEOX_MAX_OBJECTS],
            }
        )
    (out / "metadata.json").write_text(_pretty(entries), encoding="utf-8")


def finetrainers(dataset: Path, rows: Sequence[TripletRow], out: Path) -> None:
    """finetrainers: `videos.txt` and `prompts.txt`, line by line; it knows no references."""
    videos = [
        _put(dataset, row.video, out / "videos" / f"{key}.mp4", out) for key, row in _keyed(rows)
    ]
    (out / "videos.txt").write_text("\n".join(videos) + "\n", encoding="utf-8")
    prompts = [" ".join(row.text.split()) for row in rows]
    (out / "prompts.txt").write_text("\n".join(prompts) + "\n", encoding="utf-8")


def musubi_tuner(dataset: Path, rows: Sequence[TripletRow], out: Path) -> None:
    """musubi-tuner: `metadata.jsonl`, and a `dataset.toml` to start from; run it in that folder.

    `references` is an extra that architectures without references ignore.
    """
    lines = [
        {
            "video_path": _put(dataset, row.video, out / "videos" / f"{key}.mp4", out),
            "caption": row.text,
            "references": _put_pictures(dataset, key, row, out),
        }
        for key, row in _keyed(rows)
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (out / "metadata.jsonl").write_text(text, encoding="utf-8")
    (out / "dataset.toml").write_text(_MUSUBI_TOML, encoding="utf-8")


def webdataset(dataset: Path, rows: Sequence[TripletRow], out: Path) -> None:
    """WebDataset: shards with `KEY.mp4`, `KEY.json` and `KEY.ref0.png` and so on."""
    keyed = list(_keyed(rows))
    for number, first in enumerate(range(0, len(keyed), SHARD_SIZE)):
        with tarfile.open(out / f"triplets-{number:06d}.tar", "w") as shard:
            for key, row in keyed[first : first + SHARD_SIZE]:
                for name, content in _members(dataset, key, row):
                    about = tarfile.TarInfo(name)
                    about.size = len(content)
                    shard.addfile(about, io.BytesIO(content))


EXPORTERS: dict[str, Callable[[Path, Sequence[TripletRow], Path], None]] = {
    "videox-fun": videox_fun,
    "finetrainers": finetrainers,
    "musubi-tuner": musubi_tuner,
    "webdataset": webdataset,
}
"""A layout's name to what writes it."""

_MUSUBI_TOML = """\
[general]
resolution = [832, 480]
batch_size = 1
enable_bucket = true

[[datasets]]
video_jsonl_file = "metadata.jsonl"
cache_directory = "cache"
target_frames = [81]
frame_extraction = "head"
"""


def _keyed(rows: Sequence[TripletRow]) -> Iterator[tuple[str, TripletRow]]:
    yield from ((f"{number:08d}", row) for number, row in enumerate(rows))


def _check_files(dataset: Path, rows: Sequence[TripletRow]) -> None:
    for row in rows:
        for path in (row.video, *row.pictures):
            if not (dataset / path).is_file():
                raise InputError(f"{dataset / path} is gone: check the data set before exporting")


def _put(dataset: Path, path: Path, target: Path, out: Path) -> str:
    """Link or copy a file into the export, and give its name there."""
    target.parent.mkdir(exist_ok=True)
    source = (dataset / path).resolve()
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target.relative_to(out).as_posix()


def _put_pictures(dataset: Path, key: str, row: TripletRow, out: Path) -> list[str]:
    return [
        _put(dataset, path, out / "references" / f"{key}-{number}{path.suffix}", out)
        for number, path in enumerate(row.pictures)
    ]


def _members(dataset: Path, key: str, row: TripletRow) -> Iterator[tuple[str, bytes]]:
    """The files of a triplet in a shard."""
    pictures = {f"{key}.ref{number}{path.suffix}": path for number, path in enumerate(row.pictures)}
    about = {"text": row.text, **row.model_dump(mode="json", exclude_none=True)}
    about["references"] = list(pictures)
    yield f"{key}.mp4", (dataset / row.video).read_bytes()
    yield f"{key}.json", _pretty(about).encode()
    for name, path in pictures.items():
        yield name, (dataset / path).read_bytes()


def _pretty(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _write_checksums(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = []
    for path in files:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{digest}  {path.relative_to(folder).as_posix()}\n")
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
