"""The data set's tables as Parquet, by pyarrow. The only module that imports it.

shots.parquet      a row a shot that went through all stages
elements.parquet   a row an element of these; boxes are fractions, masks run lengths (COCO)
triplets.parquet   a row a triplet: a shot and its slots
embeddings.parquet element_id and a float16 vector
dropped.parquet    a row for everything left out, with stage, reason and figures
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skyreels_a2.errors import InputError
from skyreels_a2.extras import require
from skyreels_a2.media.atomic import output_errors, write_aside

SCHEMA = 2
"""Version of the tables, in the metadata of each file."""
COLUMNS: dict[str, dict[str, str]] = {
    "shots": {
        **dict.fromkeys(("shot_id", "source_id", "source", "path", "sha256"), "string"),
        **dict.fromkeys(("start", "stop", "fps"), "double"),
        **dict.fromkeys(("width", "height", "num_frames"), "int32"),
        **dict.fromkeys(("motion", "subject_area", "sharpness", "luma", "contrast"), "float"),
        **dict.fromkeys(("text", "aesthetic"), "float"),
        "hashes": "list<string>",
        **dict.fromkeys(("caption", "concepts", "captioner", "split"), "string"),
    },
    "elements": {
        **dict.fromkeys(("element_id", "shot_id", "kind", "label", "phrase"), "string"),
        **dict.fromkeys(("phrase_start", "phrase_stop", "frame"), "int32"),
        "box": "list<float>",
        "mask": "list<int32>",
        **dict.fromkeys(("score", "presence"), "float"),
        **dict.fromkeys(("path", "hash", "part_of", "identity"), "string"),
    },
    "triplets": {
        **dict.fromkeys(("triplet_id", "shot_id", "video", "caption", "split"), "string"),
        "slots": "list<slot>",
    },
    "embeddings": {"element_id": "string", "embedding": "list<halffloat>"},
    "dropped": dict.fromkeys(("what", "stage", "reason", "detail"), "string"),
}
SLOT = {
    **dict.fromkeys(("element_id", "reference_id", "picture", "role", "phrase"), "string"),
    **dict.fromkeys(("phrase_start", "phrase_stop"), "int32"),
    "pair_kind": "string",
    **dict.fromkeys(("similarity", "gap_s"), "float"),
}


def write_table(folder: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one of the tables whole.

    Raises:
        OutputError: It cannot be written.
    """
    pa = require("pyarrow", extra="data")
    parquet = require("pyarrow.parquet", extra="data")
    fields = [pa.field(column, _type(pa, kind)) for column, kind in COLUMNS[name].items()]
    schema = pa.schema(fields, metadata={"skyreels_a2.schema": str(SCHEMA)})
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    path = folder / f"{name}.parquet"
    with write_aside(path, overwrite=True) as part, output_errors(path):
        parquet.write_table(table, part, compression="zstd")


def has_table(folder: Path, name: str) -> bool:
    """Whether a data set has one of the tables; an imported one has none."""
    return (folder / f"{name}.parquet").exists()


def read_table(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of one of the tables.

    Raises:
        InputError: It is missing, broken, or of another version.
    """
    parquet = require("pyarrow.parquet", extra="data")
    arrow = require("pyarrow", extra="data")
    path = folder / f"{name}.parquet"
    try:
        table = parquet.read_table(path)
    except (OSError, arrow.ArrowException) as error:
        raise InputError(f"{path} cannot be read: build the data set again") from error
    version = (table.schema.metadata or {}).get(b"skyreels_a2.schema", b"").decode()
    if version != str(SCHEMA):
        raise InputError(f"{path} has schema {version or 'none'}, not {SCHEMA}: build it again")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _type(pa: Any, kind: str) -> Any:
    if kind == "list<slot>":
        return pa.list_(pa.struct([pa.field(k, _type(pa, v)) for k, v in SLOT.items()]))
    if kind.startswith("list<"):
        return pa.list_(_type(pa, kind[5:-1]))
    names = {"halffloat": "float16", "double": "float64", "float": "float32"}
    return getattr(pa, names.get(kind, kind))()
