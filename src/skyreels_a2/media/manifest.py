"""The manifest: what a video file says of its own making, so that it can be made again.

It is JSON in the file's metadata: model, composition with the hashes of its pictures, spec, seed,
every setting, and versions. Pictures themselves are not stored; `Manifest.request` finds them
again by path or by hash.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from skyreels_a2.elements import Composition, Element, PictureSource, Role
from skyreels_a2.errors import InputError, PictureError
from skyreels_a2.media.images import picture_sha256
from skyreels_a2.media.videos import read_metadata
from skyreels_a2.request import GenerationRequest, Sampling
from skyreels_a2.video import VideoSpec

METADATA_KEY = "skyreels_a2"
_PACKAGES = ("skyreels-a2", "torch", "diffusers", "transformers")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PictureRecord(_Strict):
    """A picture by where it was and what it held; no path for one given in memory."""

    path: str | None
    sha256: str


class ElementRecord(_Strict):
    """An `Element` whose pictures are records."""

    role: Role
    pictures: tuple[PictureRecord, ...]
    name: str | None = None
    description: str | None = None
    strength: float = 1.0


class ModelRecord(_Strict):
    """Which weights made the video, and how they were run."""

    name: str
    precision: str = "auto"
    fingerprint: str | None = None
    loras: tuple[str, ...] = ()
    vae_tiling: bool = False
    step_cache: str | None = None
    storage: str = "plain"
    half_vae: bool | None = None
    transformer: str | None = None
    preset: str = "exact"


class Manifest(_Strict):
    """All that decides a video."""

    format: Literal[1] = 1
    model: ModelRecord
    prompt: str
    elements: tuple[ElementRecord, ...]
    spec: VideoSpec
    seed: int
    sampling: Sampling
    trim_references: bool = True
    side_by_side: bool = False
    versions: dict[str, str]

    @classmethod
    def of(
        cls, request: GenerationRequest, model: ModelRecord, *, side_by_side: bool = False
    ) -> Manifest:
        """The manifest of a video that is about to be made."""
        return cls(
            model=model,
            prompt=request.composition.prompt,
            elements=tuple(_record(element) for element in request.composition.elements),
            spec=request.spec,
            seed=request.seed,
            sampling=request.sampling,
            trim_references=request.trim_references,
            side_by_side=side_by_side,
            versions=versions(),
        )

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest in a video file.

        Raises:
            InputError: The file is none, has none, or has one of another version.
        """
        text = read_metadata(path).get(METADATA_KEY)
        if text is None:
            raise InputError(f"{path} says nothing of its making: it was not made by skyreels-a2")
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(
                f"{path} has a manifest that this version cannot read: {where}: {first['msg']}"
            ) from error

    def request(self, search: Sequence[Path] = ()) -> GenerationRequest:
        """The request that made the video.

        Args:
            search: Folders to look for the pictures in, besides the paths they had.

        Raises:
            PictureError: A picture is gone or has changed.
        """
        elements = tuple(
            Element(
                role=record.role,
                pictures=tuple(_find(picture, search) for picture in record.pictures),
                name=record.name,
                description=record.description,
                strength=record.strength,
            )
            for record in self.elements
        )
        return GenerationRequest(
            composition=Composition(self.prompt, elements),
            spec=self.spec,
            seed=self.seed,
            sampling=self.sampling,
            trim_references=self.trim_references,
        )

    def metadata(self) -> dict[str, str]:
        """For the writer of a video."""
        return {METADATA_KEY: self.model_dump_json()}

    def decides_as(self, other: Manifest) -> bool:
        """Whether both describe the same video; paths and versions decide nothing."""
        return self._deciding() == other._deciding()

    def identity(self) -> str:
        """A hash of all that decides the video."""
        return hashlib.sha256(
            json.dumps(self._deciding(), sort_keys=True, default=str).encode()
        ).hexdigest()

    def _deciding(self) -> Mapping[str, Any]:
        own = self.model_dump(exclude={"versions": True, "elements": {"__all__": {"pictures"}}})
        own["hashes"] = [[p.sha256 for p in element.pictures] for element in self.elements]
        return own


def versions() -> dict[str, str]:
    """Versions of what takes part in the making."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _record(element: Element) -> ElementRecord:
    return ElementRecord(
        role=element.role,
        pictures=tuple(
            PictureRecord(
                path=str(source) if isinstance(source, Path) else None,
                sha256=picture_sha256(source),
            )
            for source in element.pictures
        ),
        name=element.name,
        description=element.description,
        strength=element.strength,
    )


def _find(record: PictureRecord, search: Sequence[Path]) -> PictureSource:
    """The file that a record means: at its path, or anywhere in the folders by hash."""
    paths = [Path(record.path)] if record.path else []
    for folder in search:
        paths += [folder / path.name for path in paths[:1]]
        paths += sorted(path for path in folder.iterdir() if path.is_file())
    for path in paths:
        if path.is_file() and picture_sha256(path) == record.sha256:
            return path
    if record.path and Path(record.path).is_file():
        raise PictureError(
            f"{record.path} is not the picture it was (its hash differs): "
            "name the folder of the original with --pictures"
        )
    raise PictureError(
        f"the picture {record.path or 'that was given in memory'} is not there: "
        "name the folder that has it with --pictures"
    )
