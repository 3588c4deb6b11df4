"""Defaults that belong to a model: the size, length and steps it was made for.

A folder says them in its `model_index.json` under `defaults`; the published folder says nothing
and gets the values of the released pipeline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from skyreels_a2.errors import ModelError
from skyreels_a2.request import PUBLISHED_NEGATIVE_PROMPT, Sampling
from skyreels_a2.video import VideoSpec

PRECISIONS = ("auto", "fp32", "bf16", "published")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDefaults:
    """What to use where the user says nothing. The values here are the published ones.

    Attributes:
        width, height: Pixels.
        num_frames: Frames that are sampled, those of the references included: the model's window.
        fps: Frames per second.
        num_inference_steps, guidance_scale, image_guidance_scale, guidance_interval,
            appearance_matching, scheduler, negative_prompt: See `Sampling`.
        held_frames: How references are encoded; see `Conditioner`. Decides what the model is
            told, so it is the model's and not the user's to say.
    """

    width: int = 832
    height: int = 480
    num_frames: int = 81
    fps: float = 15.0
    num_inference_steps: int = 50
    guidance_scale: float = 5.0
    image_guidance_scale: float = 1.0
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    appearance_matching: float = 0.0
    scheduler: str = "unipc"
    negative_prompt: str = PUBLISHED_NEGATIVE_PROMPT
    held_frames: int = 1

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any] | None) -> ModelDefaults:
        """Defaults with some values replaced.

        Raises:
            ModelError: A key that is none of these, or no interval.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(given or {}) - known):
            raise ModelError(
                f"model defaults name {', '.join(unknown)}: known are {', '.join(sorted(known))}"
            )
        values = dict(given or {})
        if "guidance_interval" in values:
            values["guidance_interval"] = _interval(values["guidance_interval"])
        return cls(**values)

    @property
    def spec(self) -> VideoSpec:
        """The video that the model samples, references' frames included."""
        return VideoSpec(self.width, self.height, self.num_frames, self.fps)

    @property
    def sampling(self) -> Sampling:
        """How the model samples where nothing is said."""
        own = {field.name for field in fields(Sampling)}
        return Sampling(**{k: v for k, v in self.as_mapping().items() if k in own})

    @classmethod
    def of_folder(cls, folder: Path) -> ModelDefaults:
        """Defaults that a model folder asks for, without loading the model."""
        return cls.from_mapping(read_model_index(folder).get("defaults"))

    def as_mapping(self) -> dict[str, Any]:
        """For `model_index.json`."""
        return asdict(self)


def _interval(given: Any) -> tuple[float, float]:
    """A pair, which is a list in JSON; what it may hold is for `Sampling` to say."""
    if isinstance(given, list | tuple) and len(given) == 2:
        start, stop = given
        if isinstance(start, int | float) and isinstance(stop, int | float):
            return float(start), float(stop)
    raise ModelError(
        f"model defaults name guidance_interval {given!r}: give two fractions of the steps, "
        "such as [0, 0.6]"
    )


def check_precision(precision: str) -> None:
    """Make sure that a precision is one of `PRECISIONS`.

    Raises:
        ModelError: It is not.
    """
    if precision not in PRECISIONS:
        raise ModelError(f"precision {precision!r} is unknown: use one of {', '.join(PRECISIONS)}")


def read_model_index(folder: Path) -> dict[str, Any]:
    """The `model_index.json` of a folder.

    Raises:
        ModelError: No folder, no such file in it, or not JSON.
    """
    path = folder / "model_index.json"
    if not folder.is_dir():
        raise ModelError(f"model folder {folder} does not exist")
    if not path.is_file():
        raise ModelError(f"{folder} is no model folder: it has no model_index.json")
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(index, dict):
        raise ModelError(f"{path} holds no JSON object")
    return index
