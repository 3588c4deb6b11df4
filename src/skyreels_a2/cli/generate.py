"""`skyreels-a2 generate`: from pictures and a prompt, a YAML file or a batch to videos."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from skyreels_a2.cli import console, flags
from skyreels_a2.cli.batch import make_batch
from skyreels_a2.cli.flags import elements_of, wishes_of
from skyreels_a2.cli.jobs import Job, parse_job, read_job_file
from skyreels_a2.cli.making import Making, Target, Watching, check_target, make
from skyreels_a2.cli.model import ModelChoice, load_pipeline
from skyreels_a2.cli.preview import describe, write_preview
from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError

DISTILLED: Mapping[str, Any] = {
    "num_inference_steps": 4,
    "guidance_scale": 1.0,
    "flow_shift": 5.0,
    "scheduler": "euler",
}
"""Sampling of step-distilled LoRAs (LightX2V, CausVid): few Euler steps, no second pass."""


def generate(  # noqa: PLR0913  (the flags are the interface)
    context: typer.Context,
    scene: flags.Scene = None,
    *,
    character: flags.Character = None,
    object_: flags.Object = None,
    background: flags.Background = None,
    prompt: flags.Prompt = None,
    negative_prompt: flags.NegativePrompt = None,
    output: flags.Output = None,
    overwrite: flags.Overwrite = False,
    size: flags.Size = None,
    frames: flags.NumFrames = None,
    seconds: flags.Seconds = None,
    fps: flags.Fps = None,
    side_by_side: flags.SideBySide = False,
    seed: flags.Seed = None,
    num_videos: flags.NumVideos = None,
    num_inference_steps: flags.Steps = None,
    guidance_scale: flags.GuidanceScale = None,
    image_guidance_scale: flags.ImageGuidanceScale = None,
    guider: flags.Guider = None,
    guidance_interval: flags.GuidanceInterval = None,
    appearance_matching: flags.AppearanceMatching = None,
    scheduler: flags.Scheduler = None,
    flow_shift: flags.FlowShift = None,
    model: flags.Model = "a2-tiny",
    precision: flags.Precision = "auto",
    device: flags.Device = "auto",
    offload: flags.Offload = False,
    vae_tiling: flags.VaeTiling = None,
    transformer: flags.Transformer = None,
    lora: flags.Lora = None,
    distilled: flags.Distilled = None,
    exact: flags.Exact = False,
    balanced: flags.Balanced = False,
    fast: flags.Fast = False,
    low_memory: flags.LowMemory = False,
    placement: flags.Placement = None,
    storage: flags.Storage = None,
    step_cache: flags.StepCache = None,
    attention: flags.Attention = None,
    half_vae: flags.HalfVae = None,
    batch_guidance: flags.BatchGuidance = None,
    keep_kv: flags.KeepKv = None,
    fuse: flags.Fuse = None,
    compile_: flags.Compile = None,
    parallel: flags.Parallel = None,
    keep_encodings: flags.Encodings = True,
    checkpoint_every: flags.CheckpointEvery = None,
    preview_every: flags.PreviewEvery = None,
    ray: flags.Ray = None,
    batch: flags.Batch = None,
    preview: flags.Preview = None,
    dry_run: flags.DryRun = False,
) -> int:
    """Compose a video from reference pictures and a prompt."""
    choice = _choice(context.params)
    given = _given(context.params)
    watching = Watching(checkpoint_every, preview_every)
    watching.check(choice.lossy_cache)
    if batch is not None:
        if scene or preview or given.keys() & {"prompt", "elements", "frames", "seconds"}:
            raise InputError("--batch brings its own prompts, elements and lengths: give it alone")
        how = Making(side_by_side, overwrite, watching)
        return make_batch(batch, choice, given, how, num_workers=ray)
    if ray is not None:
        raise InputError("--ray shares a batch among workers: give --batch with it")
    targets = _targets(scene, given, choice, side_by_side=side_by_side)
    if preview is not None:
        write_preview(targets[0].request, choice, preview, overwrite=overwrite)
        return 0
    choice.check()
    for target in targets:
        check_target(target, overwrite=overwrite)
    if dry_run:
        describe(targets, choice)
        return 0
    return _make_all(targets, choice, watching, overwrite=overwrite)


def _choice(params: Mapping[str, Any]) -> ModelChoice:
    loras = [*(params["lora"] or ()), *([params["distilled"]] if params["distilled"] else ())]
    return ModelChoice(
        params["model"],
        params["precision"],
        params["device"],
        params["offload"],
        params["vae_tiling"],
        tuple(loras),
        wishes_of(params),
        params["keep_encodings"],
        params["transformer"],
    )


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    """What the user gave of a `Job`, by its fields."""
    elements = [
        *elements_of(Role.CHARACTER, params["character"]),
        *elements_of(Role.OBJECT, params["object_"]),
        *elements_of(Role.BACKGROUND, params["background"]),
    ]
    given = {key: params[key] for key in Job.model_fields if params.get(key) is not None}
    if params["distilled"]:
        given = {**DISTILLED, **given}
    return {**given, "elements": elements} if elements else given


def _targets(
    scene: Path | None, given: Mapping[str, Any], choice: ModelChoice, *, side_by_side: bool
) -> list[Target]:
    """The videos that a file and flags ask for; flags go before the file."""
    job = parse_job(given, "options") if scene is None else read_job_file(scene).updated(given)
    seed = job.seed
    if seed is None:
        seed = secrets.randbelow(2**32)
        console.messages.print(f"seed {seed}")
    requests = job.requests(choice.defaults, seed)
    outputs = job.outputs([request.seed for request in requests])
    return [
        Target(request, output, side_by_side)
        for request, output in zip(requests, outputs, strict=True)
    ]


def _make_all(
    targets: list[Target], choice: ModelChoice, watching: Watching, *, overwrite: bool
) -> int:
    with console.progress_bars() as bars:
        pipeline = load_pipeline(choice, bars, [target.request for target in targets])
        for target in targets:
            make(pipeline, choice, target, bars=bars, overwrite=overwrite, watching=watching)
            console.data.print(str(target.output), markup=False)
    return 0
