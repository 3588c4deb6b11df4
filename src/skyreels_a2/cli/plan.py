"""`skyreels-a2 plan`: what a model would take on a machine, before anything is loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from skyreels_a2.cli import console, flags
from skyreels_a2.cli.flags import wishes_of
from skyreels_a2.cli.model import ModelChoice
from skyreels_a2.cli.planning import plan_as_json, plan_for, plan_reasons, plan_table
from skyreels_a2.errors import InputError
from skyreels_a2.runtime.hardware import detect, parse_gpu
from skyreels_a2.video import VideoSpec, parse_size

PUBLISHED_NAME = "a2-14b"
"""The published model, by its configs alone."""


def plan(  # noqa: PLR0913  (the flags are the interface)
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(help=f"Embedded name, folder or hub id; {PUBLISHED_NAME}: published.")
    ] = PUBLISHED_NAME,
    *,
    gpu: Annotated[
        str | None, typer.Option("--gpu", help="Plan for a GPU: rtx4090, 24GB or rtx4090,24GB.")
    ] = None,
    gpus: Annotated[
        int | None, typer.Option("--gpus", min=1, help="How many of them share a video.")
    ] = None,
    size: flags.Size = None,
    frames: Annotated[
        int | None, typer.Option("--frames", help="Sampled frames, references included.")
    ] = None,
    references: Annotated[int, typer.Option("--references", min=1, help="Pictures.")] = 3,
    num_inference_steps: flags.Steps = None,
    precision: flags.Precision = "auto",
    transformer: flags.Transformer = None,
    exact: flags.Exact = False,
    balanced: flags.Balanced = False,
    fast: flags.Fast = False,
    low_memory: flags.LowMemory = False,
    placement: flags.Placement = None,
    storage: flags.Storage = None,
    vae_tiling: flags.VaeTiling = None,
    step_cache: flags.StepCache = None,
    attention: flags.Attention = None,
    half_vae: flags.HalfVae = None,
    batch_guidance: flags.BatchGuidance = None,
    keep_kv: flags.KeepKv = None,
    fuse: flags.Fuse = None,
    compile_: flags.Compile = None,
    parallel: flags.Parallel = None,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
) -> int:
    """Say how a model would run on a machine: memory, bytes moved, time, and why."""
    from skyreels_a2.pipeline.needs import Workload
    from skyreels_a2.pipeline.presets import ModelDefaults

    wishes = wishes_of(context.params)
    folder: Path | None = None
    defaults = ModelDefaults()
    if model != PUBLISHED_NAME:
        choice = ModelChoice(model)
        folder, defaults = choice.folder, choice.defaults
    width, height = defaults.width, defaults.height
    if size is not None:
        width, height = parse_size(size, area=width * height)
    spec = VideoSpec(width, height, frames or defaults.num_frames, defaults.fps)
    if references >= spec.num_latent_frames:
        raise InputError(f"{references} references need {4 * references + 1} frames or more")
    workload = Workload(
        spec=spec,
        num_references=references,
        num_steps=num_inference_steps or defaults.num_inference_steps,
        num_passes=defaults.sampling.num_passes,
    )
    hardware = detect() if gpu is None else parse_gpu(gpu, count=gpus or 1)
    hardware = replace(hardware, num_devices=gpus or hardware.num_devices)
    planned = plan_for(folder, workload, hardware, wishes, precision, transformer)
    if as_json:
        console.data.print_json(json.dumps(plan_as_json(planned)))
        return 0
    console.data.print(plan_table(planned))
    console.data.print(plan_reasons(planned))
    return 0
