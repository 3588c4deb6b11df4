"""Triplets of a data set as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skyreels_a2.data.exchange.rows import TripletRow, read_rows
from skyreels_a2.data.tables import has_table, read_table


@dataclass(frozen=True, slots=True)
class Listed:
    """A triplet: one line of it, and all that is known."""

    headline: str
    details: str


def listed(dataset: Path) -> dict[str, Listed]:
    """Triplets by id; those of an imported set, which has no tables, by their number from 1.

    Raises:
        InputError: It is no data set.
    """
    if has_table(dataset, "triplets"):
        rows = read_table(dataset, "triplets")
        return {row["triplet_id"]: _built(dataset, row) for row in rows}
    return {
        str(number): _imported(dataset, row)
        for number, row in enumerate(read_rows(dataset), start=1)
    }


def _built(dataset: Path, row: Mapping[str, Any]) -> Listed:
    lines = [row["caption"], f"video  {dataset / row['video']}"]
    for slot in row["slots"]:
        gap = f", {slot['gap_s']:.1f} s away" if slot["gap_s"] > 0 else ""
        lines.append(f"{slot['role']:10} {slot['phrase']}\n           {dataset / slot['picture']}")
        lines.append(f"           {slot['pair_kind']}, similarity {slot['similarity']:.3f}{gap}")
    return Listed(f"{row['split']:5}  {row['caption']}", "\n".join(lines))


def _imported(dataset: Path, row: TripletRow) -> Listed:
    lines = [row.prompt, f"video  {dataset / row.video}"]
    for element in row.elements:
        lines.append(
            f"{element.role.value:10} {element.description or element.name or ''}".rstrip()
        )
        lines += [f"           {dataset / picture}" for picture in element.pictures]
    return Listed(row.prompt, "\n".join(lines))
