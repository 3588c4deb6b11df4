"""Step caches: skip steps whose features hardly change. Nearly lossless, off by default.

All four are diffusers'. Here each gets a name, one dial, and the reason where it does not work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.hooks import (
    FirstBlockCacheConfig,
    MagCacheConfig,
    SeaCacheConfig,
    TaylorSeerCacheConfig,
)
from torch import Tensor

from skyreels_a2.errors import SamplingError


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCache:
    """One step cache and its dial.

    Attributes:
        name: One of `STEP_CACHES`.
        dial: Larger is faster and further from exact; None for the cache's own default. For
            "taylor" the interval of steps that are computed, for the others a threshold.
        ratios: For "mag": how much features grow from step to step, from `calibrate`.
        latent_channels: For "sea": channels of the noisy latents among the inputs.
    """

    name: str
    dial: float | None = None
    ratios: tuple[float, ...] = ()
    latent_channels: int = 16

    def enable(self, transformer: Any, num_steps: int) -> None:
        """Put it on a transformer for a run of so many steps."""
        transformer.enable_cache(_CONFIGS[self.name](self, num_steps))

    def disable(self, transformer: Any) -> None:
        """Take it off again."""
        transformer.disable_cache()

    def __str__(self) -> str:
        return f"{self.name}:{self.chosen_dial:g}"

    @property
    def chosen_dial(self) -> float:
        """The dial, or the default."""
        return DEFAULT_DIALS[self.name] if self.dial is None else self.dial


DEFAULT_DIALS: Mapping[str, float] = {"fbc": 0.08, "mag": 0.06, "sea": 0.25, "taylor": 3}
STEP_CACHES = tuple(DEFAULT_DIALS)


def parse_step_cache(
    text: str | None, *, ratios: Sequence[float] = (), latent_channels: int = 16
) -> StepCache | None:
    """Read `NAME` or `NAME:DIAL`.

    Raises:
        SamplingError: No such cache, a dial that is none, or "mag" without its ratios.
    """
    if text is None:
        return None
    name, _, dial = text.partition(":")
    if name not in STEP_CACHES:
        raise SamplingError(f"step cache {name!r} is unknown: use {', '.join(STEP_CACHES)}")
    try:
        value = float(dial) if dial else None
    except ValueError as error:
        raise SamplingError(f"step cache {text!r}: {dial!r} is no number") from error
    if value is not None and not (value > 0 and (name != "taylor" or value >= 2)):
        raise SamplingError(
            f"step cache {text!r}: use a number above 0 (taylor: whole steps from 2)"
        )
    if name == "mag" and not ratios:
        raise SamplingError(
            "step cache mag needs to know this model: run `skyreels-a2 calibrate` once"
        )
    return StepCache(name=name, dial=value, ratios=tuple(ratios), latent_channels=latent_channels)


def calibration(num_steps: int) -> MagCacheConfig:
    """Diffusers' calibration run of MagCache; nothing is skipped."""
    return MagCacheConfig(calibrate=True, num_inference_steps=num_steps)


# All makers have one signature.
def _first_block(cache: StepCache, num_steps: int) -> FirstBlockCacheConfig:  # noqa: ARG001
    return FirstBlockCacheConfig(threshold=cache.chosen_dial)


def _mag(cache: StepCache, num_steps: int) -> MagCacheConfig:
    return MagCacheConfig(
        threshold=cache.chosen_dial,
        num_inference_steps=num_steps,
        mag_ratios=torch.tensor(cache.ratios),
    )


def _sea(cache: StepCache, num_steps: int) -> SeaCacheConfig:  # noqa: ARG001  (one signature)
    channels = cache.latent_channels

    def video(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
        hidden: Tensor = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        return [sample[:channels] for sample in hidden]

    return SeaCacheConfig(threshold=cache.chosen_dial, raw_vision_callback=video)


def _taylor(cache: StepCache, num_steps: int) -> TaylorSeerCacheConfig:
    return TaylorSeerCacheConfig(
        cache_interval=int(cache.chosen_dial),
        disable_cache_before_step=min(3, num_steps),
        # The last steps draw the details.
        disable_cache_after_step=max(num_steps - 1, 1),
        max_order=1,
        taylor_factors_dtype=torch.float32,
        # Whole blocks are skipped and the last projection foretold: one tensor is kept, where
        # the other mode keeps two of every attention.
        use_lite_mode=True,
    )


_CONFIGS: Mapping[str, Callable[[StepCache, int], Any]] = {
    "fbc": _first_block,
    "mag": _mag,
    "sea": _sea,
    "taylor": _taylor,
}
