"""Calibrating step caches on a model: what MagCache must know, and what each dial costs."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skyreels_a2.errors import ModelError
from skyreels_a2.media.atomic import write_aside
from skyreels_a2.pipeline.encodings import default_folder
from skyreels_a2.request import GenerationRequest
from skyreels_a2.runtime.stepcache import StepCache, calibration
from skyreels_a2.video import Frames

_HEAD_HOOK = "mag_cache_leader_block_hook"
DIALS = {
    "fbc": (0.03, 0.08, 0.15, 0.3),
    "mag": (0.03, 0.06, 0.12),
    "sea": (0.1, 0.25, 0.5),
    "taylor": (2, 3, 4),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One dial of one cache against exact.

    Attributes:
        cache: `NAME:DIAL`.
        speedup: Sampling time of exact over that of the cache.
        psnr: Decibels between the two videos.
    """

    cache: str
    speedup: float
    psnr: float


def measure_ratios(pipeline: Any, request: GenerationRequest) -> tuple[float, ...]:
    """How much a model's features grow from step to step: MagCache's table (arXiv 2506.09045).

    Args:
        pipeline: A `SkyReelsA2Pipeline` without a step cache.
        request: A usual one.
    """
    steps = request.sampling.num_inference_steps
    found: list[list[float]] = []
    # One step more than there is, since the hook forgets its ratios after the last.
    pipeline.transformer.enable_cache(calibration(steps + 1))
    # diffusers keeps its hooks, and what they found, to itself.
    hook = pipeline.transformer.blocks[0]._diffusers_hook.hooks[_HEAD_HOOK]  # noqa: SLF001

    def watch(phase: str, done: int, total: int) -> None:
        if phase == "sample" and done == total:
            states = hook.state_manager._state_cache.values()  # noqa: SLF001
            found.extend(list(state.calibration_ratios) for state in states)

    try:
        for _ in pipeline.stream(request, on_progress=watch):
            pass
    finally:
        pipeline.transformer.disable_cache()
    if not found:
        raise ModelError("the model's blocks told no ratios: it cannot be calibrated")
    return tuple(float(value) for value in np.mean(found, axis=0))


def compare_caches(
    pipeline: Any, request: GenerationRequest, caches: Sequence[StepCache]
) -> Iterator[Trial]:
    """Run caches against exact on one request."""
    exact, exact_seconds = _timed(pipeline, request)
    usual = pipeline.engine
    try:
        for cache in caches:
            pipeline.engine = replace(usual, step_cache=cache)
            frames, seconds = _timed(pipeline, request)
            yield Trial(str(cache), exact_seconds / seconds, psnr(exact, frames))
    finally:
        pipeline.engine = usual


def psnr(one: Frames, other: Frames) -> float:
    """Peak signal-to-noise ratio of two videos in decibels; infinite for equal ones."""
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ratios_file(fingerprint: str) -> Path:
    """Where the ratios of a model are kept."""
    return default_folder().parent / "calibration" / f"{fingerprint}.json"


def save_ratios(fingerprint: str, ratios: Sequence[float]) -> Path:
    """Keep the ratios of a model for `--step-cache mag`."""
    path = ratios_file(fingerprint)
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(path, overwrite=True) as aside:
        aside.write_text(json.dumps({"mag_ratios": list(ratios)}), encoding="utf-8")
    return path


def read_ratios(fingerprint: str) -> tuple[float, ...]:
    """The ratios of a model; empty if it was not calibrated."""
    try:
        content = json.loads(ratios_file(fingerprint).read_text(encoding="utf-8"))
        return tuple(float(value) for value in content["mag_ratios"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _timed(pipeline: Any, request: GenerationRequest) -> tuple[Frames, float]:
    """Frames, and the seconds that sampling took."""
    marks: list[float] = []

    def watch(phase: str, *_: int) -> None:
        if phase == "sample":
            marks.append(time.perf_counter())

    def begin(*_: Any) -> None:
        if not marks:
            marks.append(time.perf_counter())

    handle = pipeline.transformer.register_forward_pre_hook(begin)
    try:
        frames = np.concatenate(list(pipeline.stream(request, on_progress=watch)))
    finally:
        handle.remove()
    return frames, marks[-1] - marks[0]
