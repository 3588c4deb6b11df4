"""Putting a plan into effect: where a pipeline's models live, and how they run.

Order matters: weights change first (quantised, fused), then what goes round them (memo, token
split), then where they live, then compilation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from skyreels_a2.errors import ModelError, one_line
from skyreels_a2.pipeline.encodings import Encodings
from skyreels_a2.pipeline.engine import Engine
from skyreels_a2.pipeline.settling import settle
from skyreels_a2.runtime.advice import NO_PLAN
from skyreels_a2.runtime.choices import Plan
from skyreels_a2.runtime.convolutions import channels_last
from skyreels_a2.runtime.memo import RequestMemo, fuse_self_attention
from skyreels_a2.runtime.parallel import join, split_tokens
from skyreels_a2.runtime.quantise import store_in
from skyreels_a2.runtime.stepcache import parse_step_cache


def place(
    pipeline: Any,
    plan: Plan,
    device: torch.device,
    *,
    encodings: Encodings | None = None,
    ratios: tuple[float, ...] = (),
    disk: Path | None = None,
    advice: str = NO_PLAN,
) -> None:
    """Make a pipeline run by a plan.

    Args:
        pipeline: A `SkyReelsA2Pipeline`, loaded, with its LoRAs on.
        plan: What to do.
        device: Where the work is done.
        encodings: Store of encodings, if they are to be kept.
        ratios: Calibration of the "mag" step cache.
        disk: Folder for weights that come from disk.
        advice: What to try when memory runs out.

    Raises:
        ModelError: The attention backend or the storage cannot be had here.
        SamplingError: A step cache that cannot be had.
    """
    transformer = pipeline.transformer
    has_loras = bool(getattr(transformer, "peft_config", None))
    if plan.storage in ("fp8", "int8") and has_loras:
        pipeline.fuse_lora()
        pipeline.unload_lora_weights()
    store_in(plan.storage, transformer)
    if plan.fused and not has_loras:
        fuse_self_attention(transformer)
    set_attention(transformer, plan.attention)
    on_cpu = device.type == "cpu"
    memo = RequestMemo(transformer, merge_padding=on_cpu) if plan.memo else None
    processes = None
    if plan.parallelism.degree > 1:
        processes = join(plan.parallelism, device)
    if plan.half_vae:
        pipeline.vae.to(torch.bfloat16)
    if on_cpu:
        channels_last(pipeline.vae)
    settle(pipeline, plan, device, disk)
    if processes is not None:
        split_tokens(transformer, processes, plan.parallelism, device)
    if plan.compile:
        transformer.compile_repeated_blocks()
    channels = transformer.config.out_channels
    pipeline.engine = Engine(
        memo=memo,
        batch_guidance=plan.batch_guidance,
        step_cache=parse_step_cache(plan.step_cache, ratios=ratios, latent_channels=channels),
        processes=processes,
        encodings=encodings,
        advice=advice,
    )


def set_attention(transformer: Any, backend: str) -> None:
    """Choose the attention kernel by diffusers' name.

    Raises:
        ModelError: diffusers does not know it, or its package is missing.
    """
    if backend == "native":
        return
    try:
        transformer.set_attention_backend(backend)
    except (ValueError, RuntimeError, ImportError) as error:
        raise ModelError(
            f"attention backend {backend!r} cannot be used here: {one_line(error)}"
        ) from error
