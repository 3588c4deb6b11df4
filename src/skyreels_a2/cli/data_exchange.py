"""`skyreels-a2 data export` and `data import`: other people's data sets and trainers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skyreels_a2.cli import console

if TYPE_CHECKING:
    from skyreels_a2.data.exchange.importers import Imported

importing = typer.Typer(help="Take in data sets that others made.", no_args_is_help=True)

Dataset = Annotated[Path, typer.Argument(help="Folder of a data set.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the new data set.")]


def add_to(app: typer.Typer) -> None:
    """Put the verbs of this module into the command line's `data`."""
    app.command("export")(export)
    app.add_typer(importing, name="import")


def export(
    dataset: Dataset,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder that does not exist yet.")],
    layout: Annotated[
        str, typer.Option("--for", help="videox-fun, finetrainers, musubi-tuner or webdataset.")
    ],
) -> None:
    """Write a data set as another trainer wants it; files are linked where that is possible."""
    from skyreels_a2.data.exchange.exporters import export as export_dataset

    count = export_dataset(dataset, out, layout)
    console.messages.print(f"{count} triplets")
    console.data.print(str(out), markup=False)


@importing.command("folder")
def import_folder(
    source: Annotated[Path, typer.Argument(help="Folder of NAME.mp4, NAME.txt and NAME/.")],
    *,
    out: Out,
) -> None:
    """Videos with captions and reference pictures that you have already.

    The pictures of NAME.mp4 are in the folder NAME and are named by role: character.png,
    object-ball.png (the caption calls it @ball), object-ball_2.png (another view of it).
    """
    from skyreels_a2.data.exchange import importers

    _tell(importers.import_folder(source, out), out)


@importing.command("opens2v")
def import_opens2v(
    annotations: Annotated[Path, typer.Argument(help="A JSON file of OpenS2V-5M.")],
    videos: Annotated[Path, typer.Argument(help="Folder that its paths start from.")],
    *,
    out: Out,
    min_gme: Annotated[float, typer.Option(help="Least score of a subject's picture.")] = 0.6,
) -> None:
    """Videos with the annotations that OpenS2V-5M publishes; pictures are cut from the videos."""
    from skyreels_a2.data.exchange import opens2v

    _tell(opens2v.import_opens2v(annotations, videos, out, min_gme=min_gme), out)


def _tell(imported: Imported, out: Path) -> None:
    """What was left out and why, on stderr; the folder on stdout."""
    for reason, count in imported.dropped.most_common():
        console.messages.print(f"left out: {reason} ({count})", markup=False)
    for detail in imported.details[:10]:
        console.messages.print(f"  {detail}", markup=False)
    console.messages.print(f"{len(imported.rows)} triplets")
    console.data.print(str(out), markup=False)
