"""`skyreels-a2 train` and `skyreels-a2 cache`: fine-tune a model, from a laptop to a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from skyreels_a2.cli import console
from skyreels_a2.cli.flags import as_shard
from skyreels_a2.cli.model import find_device

if TYPE_CHECKING:
    from skyreels_a2.training.setup import Setup

Data = Annotated[
    str, typer.Option("--data", help="scenes:builtin, a folder with triplets.jsonl, or a cache.")
]
Model = Annotated[str, typer.Option("--model", "-m", help="The model to go on from.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda …")]
Assets = Annotated[
    Path | None, typer.Option("--assets", help="Folder of fetched scene assets, if not the usual.")
]

Buckets = Annotated[
    list[str] | None,
    typer.Option(
        "--bucket",
        help="WIDTHxHEIGHTxFRAMES that videos of a manifest are brought to; of several, each takes "
        "the nearest in shape, then the longest that it fills. The model's own if not given.",
    ),
]


def train(  # noqa: PLR0913  (the flags are the interface)
    recipe: Annotated[
        str | None,
        typer.Argument(help="paper, lora, full, vae, decoder, dual-encoder or segmenter."),
    ] = None,
    *,
    data: Data = "scenes:builtin",
    model: Model = "a2-tiny",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the run: checkpoints, logs, model."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, e.g. optim.lr=1e-5.")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on from the newest checkpoint in the run's folder.")
    ] = True,
    lora_rank: Annotated[int, typer.Option(help="Rank of the lora recipe.")] = 64,
    buckets: Buckets = None,
    device: Device = "auto",
    assets: Assets = None,
) -> None:
    """Train by a recipe; without one, list them."""
    from skyreels_a2.cli.training_bar import TrainingBar
    from skyreels_a2.training.callbacks import JsonLog, Validation
    from skyreels_a2.training.loop import Trainer
    from skyreels_a2.training.processes import Processes
    from skyreels_a2.training.recipes import export_model, find_recipe
    from skyreels_a2.training.setup import Setup
    from skyreels_a2.training.tensorboard import TensorBoardLog

    if recipe is None:
        _list_recipes()
        return
    chosen = find_recipe(recipe)
    config = chosen.config.with_settings(settings or ())
    setup = Setup(model, data, find_device(device), lora_rank, assets, tuple(buckets or ()))
    run = out or Path("runs") / recipe
    task = chosen.task(setup, config)
    processes = Processes.join(setup.device)
    logs = [JsonLog(), *([TensorBoardLog()] if config.loop.tensorboard else [])]
    shown = [*logs, TrainingBar()] if processes.is_first else []
    trainer = Trainer(
        task,
        config,
        run,
        device=setup.device,
        callbacks=[*shown, Validation()],
        processes=processes,
    )
    trainer.train(resume=resume)
    with trainer.averaged():
        weights = trainer.trained()
    if processes.is_first:
        # Onto a fresh model: the trained one may be spread over processes.
        fresh = chosen.task(setup, config)
        fresh.model.load_state_dict(weights, strict=False)
        written = export_model(chosen, setup, fresh, run / "model")
        console.data.print(str(written), markup=False)


def cache(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the cache.")],
    *,
    data: Data = "scenes:builtin",
    model: Model = "a2-tiny",
    count: Annotated[int, typer.Option(min=1, help="Examples to hold in the end.")] = 4096,
    shard: Annotated[
        str, typer.Option(help="Part I/N of the work, for several runs at once: 0/4 to 3/4.")
    ] = "0/1",
    precision: Annotated[
        Literal["fp32", "bf16"], typer.Option(help="bf16 encodes in bfloat16, quicker.")
    ] = "fp32",
    buckets: Buckets = None,
    device: Device = "auto",
    assets: Assets = None,
) -> None:
    """Encode examples once, so that training need not; a second run goes on."""
    import torch

    from skyreels_a2.training.cache import build_cache
    from skyreels_a2.training.setup import Setup

    setup = Setup(model, data, find_device(device), assets=assets, buckets=tuple(buckets or ()))
    triplets = setup.triplets()
    halved = torch.autocast(setup.device.type, dtype=torch.bfloat16, enabled=precision == "bf16")
    with console.progress_bars() as bars, halved:
        made = build_cache(
            setup.pipeline_for_flow().conditioner(),
            triplets,
            out,
            count=min(count, len(triplets)),
            settings=_cache_settings(setup, precision),
            part=as_shard(shard),
            on_shard=lambda done, total: bars("cache", done, total),
        )
    console.messages.print(f"{made} examples encoded now")
    console.data.print(str(out), markup=False)


def _cache_settings(setup: Setup, precision: str) -> dict[str, object]:
    from skyreels_a2.pipeline.folders import folder_fingerprint, model_folder
    from skyreels_a2.pipeline.presets import ModelDefaults

    folder = model_folder(setup.model)
    settings: dict[str, object] = {"model": folder_fingerprint(folder), "data": setup.data}
    held = ModelDefaults.of_folder(folder).held_frames
    settings |= {"held_frames": held} if held != 1 else {}
    settings |= {"precision": precision} if precision != "fp32" else {}
    return settings | ({"buckets": setup.buckets} if setup.buckets else {})


def _list_recipes() -> None:
    from skyreels_a2.training.recipes import RECIPES

    table = Table("recipe", "trains", "cost", "memory", "expect", show_lines=True)
    for recipe in RECIPES.values():
        table.add_row(recipe.name, recipe.trains, recipe.cost, recipe.memory, recipe.expect)
    console.data.print(table)
