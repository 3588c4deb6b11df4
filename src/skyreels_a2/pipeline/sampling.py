"""The sampling loop: noise in, latents out. Plain functions over a predictor and a solver."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor

from skyreels_a2.conditioning.conditioner import Conditioning
from skyreels_a2.pipeline.guidance import Branch, Guidance
from skyreels_a2.runtime.seeds import of_step

Branches: TypeAlias = Mapping[Branch, Conditioning]
OnStep: TypeAlias = Callable[[int, Tensor, Tensor], Tensor]
OnClean: TypeAlias = Callable[[int, Tensor], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a prediction stands in its run.

    Attributes:
        step, num_steps: Index of the solver step, and how many there are.
        timestep: On the scale of the scheduler, 0 to 1000.
        sigma: Noise level, 0 to 1.
        scope: Names the video (and window) whose features a step cache keeps.
    """

    step: int
    num_steps: int
    timestep: Tensor
    sigma: float
    scope: str


class Predictor(Protocol):
    """The transformer as the solver sees it; see `prediction` and `windows` for the kinds."""

    def __call__(self, told: Branches, latents: Tensor, moment: Moment) -> dict[Branch, Tensor]:
        """Velocities (1, 16, t, h, w) of every branch that is told, of one video."""
        ...


@torch.no_grad()
def denoise(
    predict: Predictor,
    scheduler: Any,
    guidance: Guidance,
    branches: Sequence[Branches],
    latents: Tensor,
    on_step: OnStep,
    *,
    start: int = 0,
    seeds: Sequence[int] = (),
    on_clean: OnClean | None = None,
) -> Tensor:
    """Solve the flow from noise to latents.

    Videos go through the transformer one at a time: at tens of thousands of tokens a batch gains
    nothing, costs memory, and would make a video depend on its neighbours in the last bits.

    Args:
        predict: Runs the transformer.
        scheduler: A solver whose timesteps are set.
        guidance: Passes and their combination.
        branches: For each video, what the transformer is told in each pass.
        latents: Noise (videos, 16, t, h, w) in float32, or where a stopped run was.
        on_step: Called after each step with its index, timestep and latents; returns the latents
            to go on with.
        start: Steps that were made before.
        seeds: One a video, of the noise that a scheduler adds in every step, if it does.
        on_clean: Called in each step with its index and the clean latents that its prediction
            points at, x - sigma · v; a solver may add noise to them again.

    Returns:
        Latents of the same shape.
    """
    timesteps = scheduler.timesteps
    for step in range(start, len(timesteps)):
        timestep, sigma = timesteps[step], float(scheduler.sigmas[step])
        passes = guidance.start_step(step, len(timesteps), timestep)
        predicted = [
            predict(
                {branch: video[branch] for branch in passes},
                latent,
                Moment(step, len(timesteps), timestep, sigma, scope=str(index)),
            )
            for index, (video, latent) in enumerate(
                zip(branches, torch.split(latents, 1), strict=True)
            )
        ]
        velocity = guidance.combine(
            {branch: torch.cat([video[branch] for video in predicted]) for branch in passes}
        )
        if on_clean is not None:
            on_clean(step, latents - sigma * velocity)
        noise = {"generator": of_step(seeds, step)} if seeds else {}
        latents = scheduler.step(velocity, timestep, latents, return_dict=False, **noise)[0]
        latents = on_step(step, timestep, latents)
    return latents
