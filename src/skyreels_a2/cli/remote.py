"""A model that a server holds, in the place of one that a command opens itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from skyreels_a2.errors import InputError
from skyreels_a2.media.manifest import ModelRecord
from skyreels_a2.pipeline.presets import ModelDefaults
from skyreels_a2.video import VideoSpec, parse_size

if TYPE_CHECKING:
    from skyreels_a2.serving.client import ServerComposer
    from skyreels_a2.serving.schemas import ModelAnswer

KEY = "SKYREELS_A2_KEY"
"""Variable of the environment that holds the API key, where the server asks for one."""


@dataclass(frozen=True, slots=True)
class RemoteChoice:
    """Which server, and which of its models. Can be pickled; the key stays in the environment.

    Attributes:
        address: Where it listens; `#NAME` at the end names a model, else it is the server's first.
    """

    address: str

    @property
    def name(self) -> str:
        """Address and model."""
        return f"{self._url}#{self._model.id}"

    @property
    def defaults(self) -> ModelDefaults:
        """Size, length and steps the model was made for."""
        told = self._model
        width, height = parse_size(told.size, area=0)
        return ModelDefaults(
            width=width,
            height=height,
            num_frames=told.num_frames,
            fps=told.fps,
            num_inference_steps=told.num_inference_steps,
            guidance_scale=told.guidance_scale,
            image_guidance_scale=told.image_guidance_scale,
            guidance_interval=told.guidance_interval,
            appearance_matching=told.appearance_matching,
            scheduler=told.scheduler,
            negative_prompt=told.negative_prompt,
        )

    def check(self) -> None:
        """Find what would stop it from answering.

        Raises:
            InputError: It is no address, or the server has no such model.
            ServerError: It does not answer.
        """
        _models(self._url)

    def record(self, spec: VideoSpec) -> ModelRecord:
        """For the manifest of a video."""
        del spec
        return ModelRecord(name=self.name, fingerprint=self._model.fingerprint)

    def composer(self) -> ServerComposer:
        """The server as a composer."""
        return _composer(self._url, self._model.id)

    @property
    def _url(self) -> str:
        return self.address.partition("#")[0].rstrip("/")

    @property
    def _model(self) -> ModelAnswer:
        wanted, models = self.address.partition("#")[2], _models(self._url)
        found = [model for model in models if wanted in ("", model.id)]
        if not found:
            known = ", ".join(model.id for model in models)
            raise InputError(f"{self._url} has no model {wanted!r}: it has {known}")
        return found[0]


def is_address(model: str) -> bool:
    """Whether the name of a model is the address of a server."""
    return model.startswith(("http://", "https://"))


@cache
def _models(url: str) -> list[ModelAnswer]:
    return _composer(url, None).models()


def _composer(url: str, model: str | None) -> ServerComposer:
    from skyreels_a2.serving.client import ServerComposer

    return ServerComposer(url, key=os.environ.get(KEY), model=model)
