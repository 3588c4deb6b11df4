"""Predictors: how the passes of one step go through the transformer.

One after another (as published), in one batch, or shared between processes. All give the same
velocities but for the last bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from skyreels_a2.conditioning.conditioner import Conditioning
from skyreels_a2.pipeline.guidance import Branch
from skyreels_a2.pipeline.sampling import Branches, Moment, Predictor
from skyreels_a2.runtime.memo import RequestMemo
from skyreels_a2.runtime.parallel import exchange


class OneByOne:
    """Every branch by itself, as the released pipeline runs them.

    Args:
        transformer: A `WanTransformer3DModel`.
        memo: Keeps what does not change from step to step, if anything is to be kept.
    """

    def __init__(self, transformer: Any, memo: RequestMemo | None = None) -> None:
        self._transformer = transformer
        self._memo = memo

    def __call__(self, told: Branches, latents: Tensor, moment: Moment) -> dict[Branch, Tensor]:
        """Velocities of the branches."""
        return {
            branch: self._run(value, latents, moment, branch.value)
            for branch, value in told.items()
        }

    def _run(self, told: Conditioning, latents: Tensor, moment: Moment, name: str) -> Tensor:
        with _context(self._transformer, self._memo, moment, name):
            inputs = told.transformer_inputs(latents, moment.timestep)
            velocity: Tensor = self._transformer(**inputs, return_dict=False)[0]
        return velocity


class InOneBatch:
    """All branches in one pass: every weight is read once a step."""

    def __init__(self, transformer: Any, memo: RequestMemo | None = None) -> None:
        self._inner = OneByOne(transformer, memo)

    def __call__(self, told: Branches, latents: Tensor, moment: Moment) -> dict[Branch, Tensor]:
        """Velocities of the branches."""
        values = list(told.values())
        together = Conditioning(
            torch.cat([value.prompt_embeds for value in values]),
            torch.cat([value.image_embeds for value in values]),
            torch.cat([value.condition for value in values]),
        )
        batch = latents.expand(len(values), -1, -1, -1, -1)
        name = "+".join(branch.value for branch in told)
        velocities = self._inner._run(together, batch, moment, name)  # noqa: SLF001  (its batch)
        return dict(zip(told, torch.split(velocities, 1), strict=True))


class AmongProcesses:
    """Each process runs some of the branches and tells the others their velocities.

    Args:
        inner: Runs a process's own branches.
        group: Processes that share a video's branches.
    """

    def __init__(self, inner: Predictor, group: Any) -> None:
        self._inner = inner
        self._group = group

    def __call__(self, told: Branches, latents: Tensor, moment: Moment) -> dict[Branch, Tensor]:
        """Velocities of the branches."""

        def run(branch: Branch) -> Tensor:
            return self._inner({branch: told[branch]}, latents, moment)[branch]

        return dict(zip(told, exchange(run, list(told), self._group), strict=True))


@contextmanager
def _context(
    transformer: Any, memo: RequestMemo | None, moment: Moment, name: str
) -> Iterator[None]:
    with transformer.cache_context(
        f"{name}.{moment.scope}",
        step_index=moment.step,
        num_inference_steps=moment.num_steps,
        timestep=moment.timestep,
        sigma=min(moment.sigma, 1.0),
    ):
        if memo is None:
            yield
            return
        with memo.told(name):
            yield
