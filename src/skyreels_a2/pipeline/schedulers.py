"""Solvers by name. Each is diffusers' own, set to flow matching."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from diffusers import (
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    UniPCMultistepScheduler,
)

PUBLISHED_FLOW_SHIFT = 8.0
"""Shift of the released pipeline; the scheduler file of the published folder says 3 and is
overridden there (the paper compared 1, 3, 5, 8 and 12)."""


def flow_shift_of(scheduler: Any) -> float:
    """The shift of the noise levels that a scheduler is set to."""
    config = scheduler.config
    return float(config.get("flow_shift", config.get("shift", PUBLISHED_FLOW_SHIFT)))


def adds_noise(scheduler: Any) -> bool:
    """Whether every step of a scheduler goes on from new noise, as "euler-ancestral" does.

    What a step made of the video is then all that the next one knows of the last: parts that do
    not fit together are made anew instead of being kept as noise that looks like them.
    """
    return bool(scheduler.config.get("stochastic_sampling", False))


def make_scheduler(name: str, *, flow_shift: float) -> Any:
    """A fresh solver.

    Args:
        name: One of `skyreels_a2.request.SCHEDULERS`.
        flow_shift: Above 0; larger values spend more steps at high noise.
    """
    return _SCHEDULERS[name](flow_shift)


def _unipc(flow_shift: float) -> Any:
    return UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=flow_shift
    )


def _euler(flow_shift: float) -> Any:
    return FlowMatchEulerDiscreteScheduler(shift=flow_shift)


def _euler_ancestral(flow_shift: float) -> Any:
    return FlowMatchEulerDiscreteScheduler(shift=flow_shift, stochastic_sampling=True)


def _dpm(flow_shift: float) -> Any:
    return DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=flow_shift
    )


_SCHEDULERS: Mapping[str, Callable[[float], Any]] = {
    "unipc": _unipc,
    "euler": _euler,
    "euler-ancestral": _euler_ancestral,
    "dpm++": _dpm,
}
