"""Guidance: which passes a step needs, and how their predictions become one.

Text guidance is one of diffusers' guiders, by name. Image guidance is ours: the difference that
the references make is scaled apart from the difference that the text makes,

    v = guider(v(text, refs), v(no text, refs)) + (s_image - 1) · (v(no text, refs) - v(nothing))

so that s_image = 1 is the published pipeline, in which only the text is guided (compare
InstructPix2Pix, arXiv 2211.09800, equation 3). Nothing here knows of models or schedulers.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from diffusers.guiders import (
    AdaptiveProjectedGuidance,
    ClassifierFreeGuidance,
    ClassifierFreeZeroStarGuidance,
)
from torch import Tensor

from skyreels_a2.request import Sampling

# Every guider warns that the interface is young; the version of diffusers is pinned.
logging.getLogger("diffusers.guiders.guider_utils").setLevel(logging.ERROR)

# What adaptive projected guidance is about (arXiv 2410.02416): the part of the update along the
# prediction itself is dropped. Its norm threshold was set for one size of picture; a video has
# hundreds of times the values, so that it would switch guidance off.
_projected = partial(AdaptiveProjectedGuidance, eta=0.0, adaptive_projected_guidance_rescale=0.0)
_GUIDERS: Mapping[str, Callable[..., Any]] = {
    "cfg": ClassifierFreeGuidance,
    "cfg-zero-star": ClassifierFreeZeroStarGuidance,
    "apg": _projected,
}


class Branch(StrEnum):
    """What the transformer is told in one pass."""

    FULL = "full"
    NO_TEXT = "no_text"
    NOTHING = "nothing"


class Guidance:
    """Guidance of one run.

    Args:
        sampling: Scales, the guider's name and the interval.
    """

    def __init__(self, sampling: Sampling) -> None:
        start, stop = sampling.guidance_interval
        self._guider = _GUIDERS[sampling.guider](
            guidance_scale=sampling.guidance_scale, start=start, stop=stop
        )
        self._image_scale = sampling.image_guidance_scale
        self._interval = start, stop

    @property
    def uses_text(self) -> bool:
        """Whether any step needs the negative prompt."""
        return self._guider.guidance_scale != 1.0 or self.uses_images

    @property
    def uses_images(self) -> bool:
        """Whether any step needs the pass without references."""
        return not math.isclose(self._image_scale, 1.0)

    def start_step(self, step: int, num_steps: int, timestep: Tensor) -> tuple[Branch, ...]:
        """Begin a step.

        Returns:
            The passes it needs.
        """
        self._guider.set_state(step=step, num_inference_steps=num_steps, timestep=timestep)
        start, stop = self._interval
        images = self.uses_images and int(start * num_steps) <= step < int(stop * num_steps)
        text = images or self._guider.num_conditions > 1
        return (Branch.FULL, *[Branch.NO_TEXT] * text, *[Branch.NOTHING] * images)

    def combine(self, predictions: Mapping[Branch, Tensor]) -> Tensor:
        """One velocity out of those of the passes that `start_step` asked for."""
        no_text = predictions.get(Branch.NO_TEXT)
        velocity: Tensor = self._guider.forward(predictions[Branch.FULL], no_text).pred
        if no_text is not None and Branch.NOTHING in predictions:
            velocity = velocity + (self._image_scale - 1) * (no_text - predictions[Branch.NOTHING])
        return velocity
