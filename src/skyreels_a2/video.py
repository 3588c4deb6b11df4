"""Videos: their specification, and frames that follow it. NumPy only."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from skyreels_a2.errors import SpecError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# As a string, so that importing it does not bring NumPy.
Frames: TypeAlias = "NDArray[np.uint8]"
"""uint8 RGB frames of shape (frames, height, width, 3)."""

SIZE_STEP = 16
"""Sides are multiples of this: 8 by the VAE, 2 by the transformer's patches."""
TIME_STEP = 4
"""Frames come as 4k+1: the causal VAE keeps the first alone and packs each further four."""
MAX_FPS = 240

# As many digits as anyone means; more would overflow.
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """Size, length and rate of a video.

    Attributes:
        width, height: Pixels, multiples of 16.
        num_frames: 4k+1 frames.
        fps: Frames per second.

    Raises:
        SpecError: With the nearest allowed value.
    """

    width: int
    height: int
    num_frames: int
    fps: float

    def __post_init__(self) -> None:
        for side, value in (("width", self.width), ("height", self.height)):
            if value < SIZE_STEP or value % SIZE_STEP:
                near = _both_sides(value, SIZE_STEP, SIZE_STEP)
                raise SpecError(f"{side} is {value}: use a multiple of {SIZE_STEP}, e.g. {near}")
        if self.num_frames < 1 or self.num_frames % TIME_STEP != 1:
            near = _both_sides(self.num_frames - 1, TIME_STEP, 0, add=1)
            raise SpecError(f"number of frames is {self.num_frames}: use 4k+1, e.g. {near}")
        _require_rate(self.fps)

    @property
    def num_latent_frames(self) -> int:
        """Latent frames k+1 of 4k+1 frames."""
        return (self.num_frames - 1) // TIME_STEP + 1

    @property
    def seconds(self) -> float:
        """Running time."""
        return self.num_frames / self.fps

    def with_references(self, num_references: int) -> VideoSpec:
        """The spec to sample so that this one remains once the reference frames are cut off.

        Reference i fills latent frame i, so N references cost the first 4·N frames.
        """
        return replace(self, num_frames=self.num_frames + TIME_STEP * num_references)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}, {self.num_frames} frames at {self.fps:g} fps"


@dataclass(frozen=True, slots=True)
class Video:
    """Frames that follow a spec.

    Attributes:
        frames: uint8 RGB, shape (num_frames, height, width, 3).
        spec: Their size, number and rate.
    """

    frames: Frames
    spec: VideoSpec

    def __post_init__(self) -> None:
        expected = (self.spec.num_frames, self.spec.height, self.spec.width, 3)
        if self.frames.shape != expected:
            raise SpecError(f"frames have shape {self.frames.shape}: {self.spec} needs {expected}")


def parse_size(text: str, *, area: int) -> tuple[int, int]:
    """Read `"832x480"` as it stands, or an aspect ratio such as `"16:9"` at a pixel area.

    Args:
        text: `WIDTHxHEIGHT` or `A:B`.
        area: Pixels that a ratio is scaled to; sides go to the nearest multiple of 16.

    Raises:
        SpecError: Neither form.
    """
    if match := re.fullmatch(r"(\d{1,9})\s*[xX*]\s*(\d{1,9})", text.strip()):
        return int(match[1]), int(match[2])
    if match := re.fullmatch(rf"({_NUMBER}):({_NUMBER})", text.strip()):
        across, down = float(match[1]), float(match[2])
        if across > 0 and down > 0:
            width = math.sqrt(area * across / down)
            return _nearest(width, SIZE_STEP), _nearest(area / width, SIZE_STEP)
    raise SpecError(f"size {text!r} is not understood: use WIDTHxHEIGHT (832x480) or A:B (16:9)")


def frames_for(seconds: float, fps: float) -> int:
    """The 4k+1 frames nearest to a running time.

    Raises:
        SpecError: Time not above zero or endless, or a frame rate that no spec takes.
    """
    if not (math.isfinite(seconds * MAX_FPS) and seconds > 0):
        raise SpecError(f"{seconds:g} seconds: use a number above 0")
    _require_rate(fps)
    return max(0, round((seconds * fps - 1) / TIME_STEP)) * TIME_STEP + 1


def _require_rate(fps: float) -> None:
    if not 0 < fps <= MAX_FPS:
        raise SpecError(f"frame rate is {fps:g}: use a number above 0 and at most {MAX_FPS}")


def _nearest(value: float, step: int) -> int:
    return max(step, round(value / step) * step)


def _both_sides(value: int, step: int, least: int, *, add: int = 0) -> str:
    below = max(least, value // step * step)
    above = max(least, below + step if value > below else below)
    return " or ".join(str(v + add) for v in dict.fromkeys((below, above)))
