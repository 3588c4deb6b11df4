"""Encodings kept on disk by content: a second seed with the same elements encodes nothing.

A file is named by the hash of all that decides it: the model's weights, the text or pictures, the
size. Files are written aside and renamed, read without running code, and the ones used longest ago
go when the store grows beyond its limit; a file that cannot be read is encoded anew.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from skyreels_a2.conditioning.conditioner import Conditioner, EncodedReferences
from skyreels_a2.elements import Reference
from skyreels_a2.media.atomic import write_aside
from skyreels_a2.media.images import picture_sha256
from skyreels_a2.video import VideoSpec

logger = logging.getLogger(__name__)

_SUFFIX = ".encoding.safetensors"
LIMIT_BYTES = 4 * 2**30


def default_folder() -> Path:
    """`$SKYREELS_A2_CACHE`, or `skyreels_a2` in the user's cache folder."""
    if given := os.environ.get("SKYREELS_A2_CACHE"):
        return Path(given) / "encodings"
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "skyreels_a2" / "encodings"


class Encodings:
    """A folder of encodings.

    Args:
        folder: Made when first written to. Only files that are named as encodings are touched.
        model: Names the weights, e.g. `folder_fingerprint`, and how they run.
        limit: Bytes above which the ones used longest ago go.
    """

    def __init__(self, folder: Path, model: str, *, limit: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._model = model
        self._limit = limit

    def get(self, what: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """Tensors by what they are made of; made and kept where they are not there.

        Args:
            what: All that decides them beside the model.
            make: Encodes them.
        """
        name = hashlib.sha256(f"{self._model}\n{what}".encode()).hexdigest()
        path = self._folder / f"{name}{_SUFFIX}"
        try:
            found: dict[str, Tensor] = load_file(path)
            os.utime(path)
        except FileNotFoundError:
            pass
        except (OSError, SafetensorError) as error:
            logger.debug("encoding %s cannot be read: %s", path, error)
        else:
            return found
        made = {key: value.detach().cpu().contiguous() for key, value in make().items()}
        self._keep(path, made)
        return made

    def _keep(self, path: Path, tensors: dict[str, Tensor]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with write_aside(path, overwrite=True) as aside:
                save_file(tensors, aside)
            self._clean()
        except (OSError, SafetensorError) as error:
            # A store that cannot be written to costs time, not the video.
            logger.warning("encodings are not kept in %s: %s", self._folder, error)

    def _clean(self) -> None:
        """Remove the files used longest ago until the rest is within the limit."""
        files = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files)[:-1]:
            if total <= self._limit:
                return
            path.unlink(missing_ok=True)
            total -= size


class RememberingConditioner(Conditioner):
    """A conditioner that looks into the store first.

    Args:
        encodings: The store.
        components: See `Conditioner`.
    """

    def __init__(self, encodings: Encodings, **components: Any) -> None:
        super().__init__(**components)
        self._encodings = encodings

    def text(self, prompt: str) -> Tensor:
        """Embeddings (1, 512, text_dim) of one prompt."""
        make = super().text
        return self._encodings.get(f"text:{prompt}", lambda: {"text": make(prompt)})["text"]

    def references(
        self, references: Sequence[Reference], spec: VideoSpec, *, with_absent: bool = False
    ) -> EncodedReferences:
        """Both branches over the references; see `Conditioner.references`."""
        encode = super().references

        def make() -> dict[str, Tensor]:
            made = encode(references, spec, with_absent=with_absent)
            tensors = {
                "image_embeds": made.image_embeds,
                "parameters": made.posterior.parameters,
                "mask": made.mask,
            }
            return tensors if made.absent is None else {**tensors, "absent": made.absent}

        what = _content(references, spec, self.held_frames, with_absent=with_absent)
        kept = self._encodings.get(what, make)
        return EncodedReferences(
            image_embeds=kept["image_embeds"],
            posterior=DiagonalGaussianDistribution(kept["parameters"].to(self._device)),
            mask=kept["mask"],
            absent=kept.get("absent"),
            strengths=tuple(reference.element.strength for reference in references),
        )

    @property
    def _device(self) -> Any:
        return self.device or self.vae.device


def _content(
    references: Sequence[Reference], spec: VideoSpec, held_frames: int, *, with_absent: bool
) -> str:
    """All that decides how references are encoded."""
    told = [
        f"{reference.role.value}:{reference.element.strength}:{picture_sha256(reference.picture)}"
        for reference in references
    ]
    size = f"{spec.width}x{spec.height}x{spec.num_frames}"
    return "\n".join([f"references:{size}:{held_frames}:{with_absent}", *told])
