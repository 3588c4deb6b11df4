"""Requests and what comes of them, and the protocol that everything which composes follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from skyreels_a2.elements import Composition
from skyreels_a2.errors import SamplingError
from skyreels_a2.video import Video, VideoSpec

GUIDERS = ("cfg", "cfg-zero-star", "apg")
SCHEDULERS = ("unipc", "euler", "euler-ancestral", "dpm++")
MAX_SEED = 2**63 - 1

PUBLISHED_NEGATIVE_PROMPT = (
    "Bright tones, overexposed, static, blurred details, subtitles, style, works, paintings, "
    "images, static, overall gray, worst quality, low quality, JPEG compression residue, ugly, "
    "incomplete, extra fingers, poorly drawn hands, poorly drawn faces, deformed, disfigured, "
    "misshapen limbs, fused fingers, still picture, messy background, three legs, many people "
    "in the background, walking backwards"
)
"""The negative prompt that Wan 2.1 and the released SkyReels-A2 script use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a video is sampled. The defaults are those of the released SkyReels-A2.

    Attributes:
        num_inference_steps: Solver steps.
        guidance_scale: Text guidance; at 1 the pass without text is left out.
        image_guidance_scale: Guidance of the references; 1 is the published behaviour, another
            value costs a third pass without references.
        guider: Formula of the text guidance, one of `GUIDERS`.
        guidance_interval: Fractions of the steps between which guidance acts; outside of it
            only the conditional pass runs.
        appearance_matching: How far elements are drawn to what their references show, 0 to 1
            (`pipeline.appearance`). For models alone that were taught where to look: their own
            value is above 0.
        scheduler: Solver, one of `SCHEDULERS`.
        flow_shift: Shift of the noise levels; None is the model's own (8 as published).
        negative_prompt: Text of the unconditional pass.

    Raises:
        SamplingError: A value outside its range or an unknown name.
    """

    num_inference_steps: int = 50
    guidance_scale: float = 5.0
    image_guidance_scale: float = 1.0
    guider: str = "cfg"
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    appearance_matching: float = 0.0
    scheduler: str = "unipc"
    flow_shift: float | None = None
    negative_prompt: str = PUBLISHED_NEGATIVE_PROMPT

    def __post_init__(self) -> None:
        _require("steps", self.num_inference_steps, "at least 1", self.num_inference_steps >= 1)
        _require_scale("guidance scale", self.guidance_scale)
        _require_scale("image guidance scale", self.image_guidance_scale)
        _require_one_of("guider", self.guider, GUIDERS)
        _require_one_of("scheduler", self.scheduler, SCHEDULERS)
        start, stop = self.guidance_interval
        given, rule = f"{start:g} to {stop:g}", "two rising fractions of the steps from 0 to 1"
        _require("guidance interval", given, rule, 0 <= start < stop <= 1)
        matching = self.appearance_matching
        _require("appearance matching", matching, "a number from 0 to 1", 0 <= matching <= 1)
        if (shift := self.flow_shift) is not None:
            _require("flow shift", shift, "above 0", math.isfinite(shift) and shift > 0)

    def updated(self, changes: Mapping[str, Any]) -> Sampling:
        """A model's own way with what is not None in `changes` put in its place.

        Raises:
            SamplingError: A value outside its range, or of what the model cannot do.
        """
        changed = replace(self, **{k: v for k, v in changes.items() if v is not None})
        changed.check_for(self)
        return changed

    def check_for(self, own: Sampling) -> None:
        """Make sure that a model can sample so.

        Args:
            own: How it samples where nothing is said.

        Raises:
            SamplingError: It was not taught where to look, and appearance matching needs that.
        """
        if self.appearance_matching and not own.appearance_matching:
            raise SamplingError(
                f"appearance matching is {self.appearance_matching:g}: use 0 with this model, "
                "which was not taught where to look (flow.correspondence)"
            )

    @property
    def num_passes(self) -> int:
        """Passes of the transformer in a guided step: all, without text, without anything."""
        images = self.image_guidance_scale != 1.0
        return 1 + (self.guidance_scale != 1.0 or images) + images


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """All that decides a video: composition, spec, seed and sampling.

    The spec is that of the video delivered: `N` references are sampled as `4·N` further frames
    (`sampled_spec`) and cut off again. A request with `trim_references=False` delivers them too.
    """

    composition: Composition
    spec: VideoSpec
    seed: int
    sampling: Sampling = field(default_factory=Sampling)
    trim_references: bool = True

    def __post_init__(self) -> None:
        _require("seed", self.seed, f"from 0 to {MAX_SEED}", 0 <= self.seed <= MAX_SEED)

    @property
    def sampled_spec(self) -> VideoSpec:
        """The spec that the model samples: that of the delivered video and the references."""
        return self.spec.with_references(len(self.composition.references))

    @property
    def delivered_spec(self) -> VideoSpec:
        """The spec of the video that comes out."""
        return self.spec if self.trim_references else self.sampled_spec


@dataclass(frozen=True, slots=True)
class Generation:
    """A video and the request that made it."""

    video: Video
    request: GenerationRequest


@runtime_checkable
class Composer(Protocol):
    """Whatever turns a request into a video: the pipeline, a server's client, a test double."""

    def generate(self, request: GenerationRequest) -> Generation:
        """Make the video that the request describes."""
        ...


def _require(name: str, given: object, rule: str, /, holds: object) -> None:
    if not holds:
        raise SamplingError(f"{name} is {given}: use {rule}")


def _require_scale(name: str, given: float) -> None:
    _require(name, given, "a number, 0 or above", math.isfinite(given) and given >= 0)


def _require_one_of(name: str, given: str, known: tuple[str, ...]) -> None:
    _require(name, repr(given), f"one of {', '.join(known)}", given in known)
