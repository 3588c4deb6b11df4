"""`skyreels-a2 calibrate`: tell the step caches of a model, and see what each dial costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from skyreels_a2.cli import console, flags
from skyreels_a2.cli.jobs import read_job_file
from skyreels_a2.cli.model import ModelChoice, load_pipeline
from skyreels_a2.pipeline.folders import folder_fingerprint
from skyreels_a2.request import GenerationRequest


def calibrate(
    scene: Annotated[Path, typer.Argument(metavar="SCENE.YAML", help="A usual composition.")],
    *,
    model: flags.Model = "a2-tiny",
    precision: flags.Precision = "auto",
    device: flags.Device = "auto",
    num_inference_steps: flags.Steps = None,
    seed: Annotated[int, typer.Option("--seed", help="Names the video.")] = 0,
    compare: Annotated[
        bool, typer.Option("--compare/--no-compare", help="Also try every cache at some dials.")
    ] = True,
) -> int:
    """Measure what step caches need of a model, keep it, and compare their dials with exact."""
    choice = ModelChoice(model, precision, device)
    job = read_job_file(scene).updated({"num_inference_steps": num_inference_steps})
    request = job.requests(choice.defaults, job.seed or seed)[0]
    choice.check()
    from skyreels_a2.pipeline.calibration import measure_ratios, save_ratios

    with console.progress_bars() as bars:
        pipeline = load_pipeline(choice, bars, [request])
        ratios = measure_ratios(pipeline, request)
        path = save_ratios(folder_fingerprint(choice.folder), ratios)
        console.messages.print(f"{len(ratios)} ratios of {model} kept in {path}", markup=False)
        if compare:
            console.data.print(_compared(pipeline, request, ratios))
    return 0


def _compared(pipeline: object, request: GenerationRequest, ratios: tuple[float, ...]) -> Table:
    from skyreels_a2.pipeline.calibration import DIALS, compare_caches
    from skyreels_a2.runtime.stepcache import StepCache

    caches = [
        StepCache(name=name, dial=dial, ratios=ratios)
        for name, dials in DIALS.items()
        for dial in dials
    ]
    table = Table("--step-cache", "faster", "PSNR")
    for trial in compare_caches(pipeline, request, caches):
        table.add_row(trial.cache, f"{trial.speedup:.2f} x", f"{trial.psnr:.1f} dB")
    return table
