"""The sampling loop: noise in, latents out. Plain functions over a transformer and a solver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from skyreels_a2.conditioning.conditioner import Conditioning
from skyreels_a2.pipeline.guidance import Branch, Guidance

Branches: TypeAlias = Mapping[Branch, Conditioning]
OnStep: TypeAlias = Callable[[int, Tensor, Tensor], Tensor]


@torch.no_grad()
def denoise(
    transformer: Any,
    scheduler: Any,
    guidance: Guidance,
    branches: Sequence[Branches],
    latents: Tensor,
    on_step: OnStep,
) -> Tensor:
    """Solve the flow from noise to latents.

    Videos go through the transformer one at a time: at tens of thousands of tokens a batch gains
    nothing, costs memory, and would make a video depend on its neighbours in the last bits.

    Args:
        transformer: A `WanTransformer3DModel`.
        scheduler: A solver whose timesteps are set.
        guidance: Passes and their combination.
        branches: For each video, what the transformer is told in each pass.
        latents: Noise (videos, 16, t, h, w) in float32.
        on_step: Called after each step with its index, timestep and latents; returns the latents
            to go on with.

    Returns:
        Latents of the same shape.
    """
    timesteps = scheduler.timesteps
    for step, timestep in enumerate(timesteps):
        passes = guidance.start_step(step, len(timesteps), timestep)
        predictions = {
            branch: torch.cat(
                [
                    _predict(transformer, video[branch], latent, timestep, branch)
                    for video, latent in zip(branches, torch.split(latents, 1), strict=True)
                ]
            )
            for branch in passes
        }
        velocity = guidance.combine(predictions)
        latents = scheduler.step(velocity, timestep, latents, return_dict=False)[0]
        latents = on_step(step, timestep, latents)
    return latents


def _predict(
    transformer: Any, told: Conditioning, latents: Tensor, timestep: Tensor, branch: Branch
) -> Tensor:
    with transformer.cache_context(branch.value):
        inputs = told.transformer_inputs(latents, timestep)
        velocity: Tensor = transformer(**inputs, return_dict=False)[0]
    return velocity
