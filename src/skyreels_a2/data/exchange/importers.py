"""Data sets that others made, as folders that training opens. Made anew, they only do what is new.

Whatever cannot be used is left out with a counted reason; it never ends an import.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from skyreels_a2.data.exchange.rows import ElementRow, TripletRow, write_rows
from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError, OutputError, SkyReelsA2Error, one_line
from skyreels_a2.media.atomic import try_folder, write_aside
from skyreels_a2.media.images import open_picture
from skyreels_a2.media.videos import probe

VIDEOS = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"})
_PICTURE = re.compile(r"(character|object|background)(?:-([^\W\d_][\w-]*?))?(?:_\d+)?")
"""`ROLE`, `ROLE-NAME` or either with `_NUMBER` for further views."""

_UNSAFE = re.compile(r"[^\w.-]|^\.")

T = TypeVar("T")


@dataclass
class Imported:
    """What came of an import.

    Attributes:
        rows: The triplets.
        dropped: Reasons for what was left out, with their counts.
        details: One line for each of the first that were left out.
    """

    rows: list[TripletRow] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)

    def drop(self, what: str, reason: str, detail: str = "") -> None:
        """Count something that cannot be used."""
        self.dropped[reason] += 1
        if len(self.details) < 100:
            self.details.append(f"{what}: {reason}{f' ({detail})' if detail else ''}")


class UnusableError(SkyReelsA2Error):
    """One item of somebody's data cannot be used; the import goes on.

    Args:
        reason: A few words that are counted.
        detail: The figures behind it.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


def import_each(
    items: Iterable[tuple[str, T]], make: Callable[[str, T], TripletRow], out: Path
) -> Imported:
    """Make a row of each item, count what cannot be used, and write the data set.

    Args:
        items: Key and content; the key names the files.
        make: Writes an item's files and gives its row.
        out: Folder of the data set.

    Raises:
        InputError: Not one item can be used.
        OutputError: The disk is full or the folder cannot be written.
    """
    try_folder(out)
    imported = Imported()
    for key, item in items:
        try:
            imported.rows.append(make(_UNSAFE.sub("_", key), item))
        except UnusableError as error:
            imported.drop(key, error.reason, error.detail)
        except OutputError:
            raise
        except SkyReelsA2Error as error:
            imported.drop(key, "broken file", one_line(error))
    if not imported.rows:
        counted = ", ".join(f"{n} {reason}" for reason, n in imported.dropped.most_common(3))
        raise InputError(f"nothing could be imported ({counted or 'nothing was found'})")
    write_rows(out, imported.rows)
    return imported


def import_folder(source: Path, out: Path) -> Imported:
    """A plain folder: `NAME.mp4`, its caption `NAME.txt`, its references in the folder `NAME/`.

    References are named by role, and by what the caption calls them if it does:
    `character.png`, `object-ball.jpg` (`@ball`), `object-ball_2.jpg` (another view of it).

    Raises:
        InputError: No such folder, or nothing in it can be used.
        OutputError: `out` cannot be written.
    """
    if not source.is_dir():
        raise InputError(f"{source} is no folder: give one with NAME.mp4, NAME.txt and NAME/")
    found = sorted(path for path in source.iterdir() if path.suffix.lower() in VIDEOS)

    def make(key: str, video: Path) -> TripletRow:
        caption = video.with_suffix(".txt")
        if not caption.is_file():
            raise UnusableError("no caption", f"{caption.name} is missing")
        elements = _elements_of(video.with_suffix(""))
        probe(video)
        copied = tuple(
            element.model_copy(
                update={
                    "pictures": tuple(_copy(p, out, f"references/{key}") for p in element.pictures)
                }
            )
            for element in elements
        )
        prompt = caption.read_text(encoding="utf-8").strip()
        row = TripletRow(video=_copy(video, out, "videos"), prompt=prompt, elements=copied)
        _ = row.text
        return row

    return import_each(((path.stem, path) for path in found), make, out)


def _elements_of(folder: Path) -> list[ElementRow]:
    """The elements whose pictures are in a folder, each with all of its views."""
    views: dict[tuple[Role, str | None], list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _PICTURE.fullmatch(path.stem)
        if match is None:
            raise UnusableError("reference of no role", f"{path.name}: name it ROLE or ROLE-NAME")
        open_picture(path)
        views.setdefault((Role(match[1]), match[2]), []).append(path)
    if not views:
        raise UnusableError("no reference", f"{folder.name}/ has no picture")
    order = list(Role)
    return [
        ElementRow(role=role, pictures=tuple(pictures), name=name)
        for (role, name), pictures in sorted(views.items(), key=lambda v: order.index(v[0][0]))
    ]


def _copy(path: Path, out: Path, folder: str) -> Path:
    """Copy a file into the data set unless it is there, and give its place."""
    place = Path(folder) / path.name
    target = out / place
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_file() or target.stat().st_size != path.stat().st_size:
        with write_aside(target, overwrite=True) as part:
            shutil.copyfile(path, part)
    return place
