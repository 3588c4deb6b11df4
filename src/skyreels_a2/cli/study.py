"""`skyreels-a2 bench study`: a kit to hand out to raters, and the sums of what they send back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from skyreels_a2.cli import console
from skyreels_a2.errors import InputError

if TYPE_CHECKING:
    from skyreels_a2.bench.statistics import Estimate

app = typer.Typer(help="Ask people: a blind, shuffled page, and its sums.", no_args_is_help=True)


@app.command()
def kit(
    systems: Annotated[
        list[str], typer.Argument(help="Systems and their folders of videos.", metavar="NAME=DIR")
    ],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder of the kit.")],
    suite: Annotated[str, typer.Option("--suite", help="The suite the videos answer.")] = (
        "scenes-50"
    ),
    cases: Annotated[Path | None, typer.Option("--cases", help="Its case file.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="First N cases.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides the order.")] = 0,
) -> None:
    """Make a page that shows the videos without names; hand out the folder, keep the key."""
    from skyreels_a2.bench.study import write_kit
    from skyreels_a2.bench.suites.registry import open_suite

    pairs = [text.partition("=") for text in systems]
    if any(not folder for _, _, folder in pairs):
        raise InputError("each system needs a name and a folder: use NAME=FOLDER")
    folders = {name: Path(folder) for name, _, folder in pairs}
    page = write_kit(open_suite(suite, cases).first(limit), folders, out, seed=seed)
    console.messages.print(
        f"hand out {out}, keep {out.with_name(f'{out.name}-key.json')}", markup=False
    )
    console.data.print(str(page), markup=False)


@app.command()
def aggregate(
    marks: Annotated[list[Path], typer.Argument(help="CSV files that raters exported.")],
    *,
    key: Annotated[Path, typer.Option("--key", help="The key that was written beside the kit.")],
) -> None:
    """Sum up what raters sent: means with intervals, and how far they agree."""
    from skyreels_a2.bench.study import CRITERIA, aggregate_study

    result = aggregate_study(marks, key)
    table = Table("criterion", *result.marks, "agreement (alpha)")
    for criterion, _ in CRITERIA:
        cells = [_told(row.get(criterion)) for row in result.marks.values()]
        alpha = result.alpha[criterion]
        table.add_row(criterion, *cells, "–" if alpha is None else f"{alpha:.2f}")
    console.data.print(table)
    console.messages.print(f"{len(result.raters)} raters: {', '.join(result.raters)}", markup=False)


def _told(found: Estimate | None) -> str:
    return f"{found.mean:.2f} [{found.interval('.2f')}]" if found else "–"
