"""`skyreels-a2 eval-tiny`: are the elements in the videos that a model makes?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from skyreels_a2.cli import console
from skyreels_a2.cli.model import ModelChoice, load_pipeline

if TYPE_CHECKING:
    from skyreels_a2.training.fidelity.study import Answer


def eval_tiny(
    *,
    model: Annotated[str, typer.Option("--model", "-m", help="The model to look at.")] = "a2-tiny",
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for answers and pictures.")
    ] = Path("runs/eval-tiny"),
    count: Annotated[int, typer.Option(min=1, help="Held-out compositions.")] = 200,
    source: Annotated[str, typer.Option(help="builtin, fluent, all, or a pack's file.")] = "all",
    assets: Annotated[
        Path | None, typer.Option("--assets", help="Folder of fetched assets, if not the usual.")
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda …")] = "auto",
) -> None:
    """Measure a model on scenes of identities that nobody was trained on; goes on if broken off.

    Elements and backgrounds must fit the video better than those of 19 others; the character must
    go where the prompt says. The same is asked of the rendered truth, of the truth through the
    VAE, and of the model without references.
    """
    from skyreels_a2.scenes.sources import open_source
    from skyreels_a2.training.fidelity.study import conditions_of, study
    from skyreels_a2.training.fidelity.suite import Suite

    choice = ModelChoice(name=model, device=device, precision="fp32")
    choice.check()
    defaults = choice.defaults
    suite = Suite(
        open_source(source, cache=assets),
        count=count,
        spec=defaults.spec,
        sampling=defaults.sampling,
    )
    with console.progress_bars() as bars:
        pipeline = load_pipeline(choice, bars)
        pipeline.set_progress_bar_config(disable=True)
        answers = study(
            suite,
            conditions_of(pipeline, pipeline.vae),
            out,
            on_answer=lambda _, done, total: bars("judge", done, total),
        )
    console.data.print(_table(answers))
    console.messages.print(f"answers and pictures are in {out}")


def _table(answers: list[Answer]) -> Table:
    from skyreels_a2.training.fidelity.study import mean_psnr, rates

    table = Table("videos", "elements", "backgrounds", "directions", "PSNR")
    for condition in dict.fromkeys(answer.condition for answer in answers):
        cells = [
            f"{rate.value:.1%} ({rate.interval[0]:.0%} to {rate.interval[1]:.0%}, n={rate.count})"
            for rate in rates(answers, condition).values()
        ]
        psnr = mean_psnr(answers, condition)
        table.add_row(condition, *cells, "" if math.isnan(psnr) else f"{psnr:.1f} dB")
    table.add_row("chance", "5 %", "5 %", "25 %", "")
    return table
