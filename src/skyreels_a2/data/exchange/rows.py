"""Rows of `triplets.jsonl`, the file that training opens; importers write it, exporters read it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from skyreels_a2.elements import Composition, Element, Role
from skyreels_a2.errors import InputError
from skyreels_a2.media.atomic import write_aside

TRIPLETS = "triplets.jsonl"


class ElementRow(BaseModel):
    """An element: its role and pictures, relative to the data set."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    role: Role
    pictures: tuple[Path, ...]
    name: str | None = None
    description: str | None = None


class TripletRow(BaseModel):
    """A video, its caption and its elements; paths are relative to the data set."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    video: Path
    prompt: str
    elements: tuple[ElementRow, ...]

    @property
    def pictures(self) -> tuple[Path, ...]:
        """All reference pictures in their order."""
        return tuple(picture for element in self.elements for picture in element.pictures)

    @property
    def text(self) -> str:
        """The caption with every `@name` said in words, for programs that know no names.

        Raises:
            CompositionError: It is empty, or calls a name that no element has.
        """
        elements = tuple(Element(e.role, e.pictures, e.name, e.description) for e in self.elements)
        return Composition(self.prompt, elements).text


def read_rows(folder: Path) -> list[TripletRow]:
    """The rows of a data set.

    Raises:
        InputError: No such file, a line that is no row, or none at all.
    """
    path = folder / TRIPLETS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        reason = error.strerror
        raise InputError(
            f"{path} cannot be read ({reason}): give the folder of a data set"
        ) from error
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(TripletRow.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "row"
            raise InputError(f"{path}:{number}: {where}: {first['msg']}") from error
    if not rows:
        raise InputError(f"{path} has no row: build or import a data set first")
    return rows


def write_rows(folder: Path, rows: Iterable[TripletRow]) -> None:
    """Write a data set's rows, in place of those that it has."""
    with write_aside(folder / TRIPLETS, overwrite=True) as part:
        text = "".join(row.model_dump_json(exclude_none=True) + "\n" for row in rows)
        part.write_text(text, encoding="utf-8")
