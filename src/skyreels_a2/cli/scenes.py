"""`skyreels-a2 scenes`: rendered scenes with ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skyreels_a2.cli import console

app = typer.Typer(help="Rendered scenes with ground truth.", no_args_is_help=True)

Cache = Annotated[
    Path | None, typer.Option("--assets", help="Folder of fetched assets, if not the usual.")
]


@app.command()
def fetch(*, assets: Cache = None) -> None:
    """Fetch the animated subjects and panoramas once (about 760 MB through npm), and pack them."""
    from skyreels_a2.scenes.fluent.fetch import default_cache
    from skyreels_a2.scenes.fluent.fetch import fetch as fetch_assets
    from skyreels_a2.scenes.fluent.source import FluentSource
    from skyreels_a2.scenes.packs import pack, pack_beside

    folder = fetch_assets(
        assets or default_cache(), on_package=lambda name: console.messages.print(f"getting {name}")
    )
    packed = pack_beside(folder)
    if not packed.is_file():
        with console.progress_bars() as bars:
            pack(FluentSource(folder), packed, on_asset=lambda *n: bars("pack", *n))
    console.data.print(str(packed), markup=False)


@app.command()
def render(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for videos and truth.")],
    count: Annotated[int, typer.Option(min=1, help="Videos in the end.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Decides all of them.")] = 0,
    source: Annotated[
        str, typer.Option(help="builtin, fluent, all, or a pack's file.")
    ] = "builtin",
    held_out: Annotated[
        bool, typer.Option("--held-out", help="From identities that are never trained on.")
    ] = False,
    assets: Cache = None,
) -> None:
    """Render raw videos and, apart from them, where everything is in every frame."""
    from skyreels_a2.scenes.dataset import render_dataset
    from skyreels_a2.scenes.sources import open_source
    from skyreels_a2.scenes.splits import Split

    opened = open_source(source, cache=assets)
    with console.progress_bars() as bars:
        render_dataset(
            opened,
            out,
            count=count,
            seed=seed,
            split=Split.HELD_OUT if held_out else Split.TRAIN,
            on_video=lambda *n: bars("render", *n),
        )
    console.data.print(str(out), markup=False)
