"""A job: what a YAML file, a line of a batch, or the flags of `generate` ask for.

All three become one `Job`, and a `Job` becomes requests once the model's defaults are known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from skyreels_a2.elements import Composition, Element, Role
from skyreels_a2.errors import CompositionError, InputError, SpecError
from skyreels_a2.pipeline.presets import ModelDefaults
from skyreels_a2.request import GenerationRequest, Sampling
from skyreels_a2.video import TIME_STEP, VideoSpec, frames_for, parse_size

_SAMPLING = (
    "num_inference_steps",
    "guidance_scale",
    "image_guidance_scale",
    "guider",
    "guidance_interval",
    "appearance_matching",
    "scheduler",
    "flow_shift",
    "negative_prompt",
)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class JobElement(_Strict):
    """An element in a file: `picture` or `pictures`."""

    role: Role
    picture: Path | None = None
    pictures: tuple[Path, ...] = ()
    name: str | None = None
    description: str | None = None
    strength: float = 1.0

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if (self.picture is None) == (not self.pictures):
            raise ValueError("give either picture or pictures")
        return self

    @property
    def paths(self) -> tuple[Path, ...]:
        """All pictures."""
        return (self.picture,) if self.picture is not None else self.pictures

    def element(self) -> Element:
        """What it describes."""
        return Element(
            role=self.role,
            pictures=self.paths,
            name=self.name,
            description=self.description,
            strength=self.strength,
        )


class Job(_Strict):
    """What to make. Everything that is None is the model's own choice."""

    prompt: str = ""
    elements: tuple[JobElement, ...] = ()
    size: str | None = None
    frames: int | None = None
    seconds: float | None = None
    fps: float | None = None
    seed: int | None = None
    num_videos: int = Field(default=1, ge=1)
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    image_guidance_scale: float | None = None
    guider: str | None = None
    guidance_interval: tuple[float, float] | None = None
    appearance_matching: float | None = None
    scheduler: str | None = None
    flow_shift: float | None = None
    negative_prompt: str | None = None
    output: Path | None = None

    def updated(self, changes: Mapping[str, Any]) -> Job:
        """The job with what is not None in `changes` put in its place."""
        given = {key: value for key, value in changes.items() if value is not None}
        if "frames" in given or "seconds" in given:
            given = {"frames": None, "seconds": None, **given}
        return parse_job({**self.model_dump(), **given}, "options")

    def based_on(self, folder: Path) -> Job:
        """The job with its relative paths taken from a folder: that of the file it stood in."""
        elements = tuple(
            element.model_copy(
                update={"picture": None, "pictures": tuple(folder / p for p in element.paths)}
            )
            for element in self.elements
        )
        output = None if self.output is None else folder / self.output
        return self.model_copy(update={"elements": elements, "output": output})

    def composition(self) -> Composition:
        """Prompt and elements."""
        return Composition(self.prompt, tuple(element.element() for element in self.elements))

    def spec(self, defaults: ModelDefaults, num_references: int) -> VideoSpec:
        """The delivered video's spec.

        Without a length, the model's own window is sampled, the references' frames included.
        """
        fps = defaults.fps if self.fps is None else self.fps
        width, height = defaults.width, defaults.height
        if self.size is not None:
            width, height = parse_size(self.size, area=width * height)
        return VideoSpec(width, height, self._num_frames(defaults, num_references, fps), fps)

    def requests(self, defaults: ModelDefaults, seed: int) -> list[GenerationRequest]:
        """One request a video: seeds count up from the first.

        Args:
            defaults: The model's own choices.
            seed: First seed.
        """
        composition = self.composition()
        spec = self.spec(defaults, len(composition.references))
        sampling = self.sampling(defaults)
        return [
            GenerationRequest(composition, spec, seed + index, sampling)
            for index in range(self.num_videos)
        ]

    def outputs(self, seeds: Sequence[int]) -> list[Path]:
        """Where the videos of these seeds go: as asked, or by prompt and seed."""
        if self.output is None:
            words = re.findall(r"[a-z0-9]+", self.prompt.casefold())
            return [Path(f"{'-'.join([*words[:6], str(seed)])}.mp4") for seed in seeds]
        if len(seeds) == 1:
            return [self.output]
        return [self.output.with_stem(f"{self.output.stem}-{seed}") for seed in seeds]

    def sampling(self, defaults: ModelDefaults) -> Sampling:
        """How it is sampled."""
        return defaults.sampling.updated({key: getattr(self, key) for key in _SAMPLING})

    def _num_frames(self, defaults: ModelDefaults, num_references: int, fps: float) -> int:
        if self.frames is not None and self.seconds is not None:
            raise SpecError("both frames and seconds were given: give one")
        if self.seconds is not None:
            return frames_for(self.seconds, fps)
        if self.frames is not None:
            return self.frames
        left = defaults.num_frames - TIME_STEP * num_references
        if left < 1:
            raise CompositionError(
                f"{num_references} references fill the model's whole window of "
                f"{defaults.num_frames} frames: say the length with --frames"
            )
        return left


def parse_job(given: object, source: str) -> Job:
    """A job from the content of a file or from flags.

    Raises:
        InputError: One line with the source, the key and what is wrong with it.
    """
    if not isinstance(given, Mapping):
        raise InputError(f"{source}: expected keys such as prompt and elements, not {given!r:.60}")
    try:
        return Job.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(Job.model_fields if len(first["loc"]) == 1 else _element_keys())
            raise InputError(f"{source}: unknown key {where!r} (known: {known})") from error
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{source}: {where}: {message}") from error


def read_job_file(path: Path) -> Job:
    """A job from a YAML file; its paths are relative to the file.

    Raises:
        InputError: The file is missing or not what it should be.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"composition file {path} cannot be read: {reason}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    return parse_job(content, str(path)).based_on(path.parent)


def _element_keys() -> list[str]:
    return list(JobElement.model_fields)
