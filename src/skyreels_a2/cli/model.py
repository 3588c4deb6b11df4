"""The model a command works with: chosen by flags, described in manifests, loaded once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skyreels_a2.cli import console
from skyreels_a2.errors import ModelError, one_line
from skyreels_a2.media.manifest import ModelRecord
from skyreels_a2.pipeline.folders import (
    COMPONENTS,
    check_folder,
    folder_fingerprint,
    model_folder,
)
from skyreels_a2.pipeline.presets import ModelDefaults, check_precision
from skyreels_a2.video import VideoSpec

if TYPE_CHECKING:
    from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline

TILED_ABOVE = 2 * 832 * 480
"""Pixels of a frame above which the VAE works in tiles unless told otherwise."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which weights, and how they run.

    Attributes:
        name: Embedded name, folder or hub id.
        precision: See `skyreels_a2.pipeline.loading.component_dtypes`.
        device: "auto", or a name torch knows.
        offload: Move components to the GPU one at a time.
        vae_tiling: On, off, or None to decide by the size.
        loras: LoRA files, each `FILE` or `FILE=SCALE`.
    """

    name: str = "a2-tiny"
    precision: str = "auto"
    device: str = "auto"
    offload: bool = False
    vae_tiling: bool | None = None
    loras: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The model's folder; downloads it if it is on the hub only."""
        return _folder(self.name)

    @property
    def defaults(self) -> ModelDefaults:
        """Size, length and steps the model was made for."""
        return ModelDefaults.of_folder(self.folder)

    def check(self) -> None:
        """Find what would stop the model from loading, as far as it shows without torch.

        Raises:
            ModelError: A component or LoRA file is missing, or the precision is unknown.
        """
        check_precision(self.precision)
        check_folder(self.folder)
        self.lora_files()

    def tiles(self, spec: VideoSpec) -> bool:
        """Whether the VAE works in tiles for a video."""
        if self.vae_tiling is not None:
            return self.vae_tiling
        return spec.width * spec.height > TILED_ABOVE

    def record(self, spec: VideoSpec) -> ModelRecord:
        """For the manifest of a video."""
        return ModelRecord(
            name=self.name,
            precision=self.precision,
            fingerprint=folder_fingerprint(self.folder),
            loras=self.loras,
            vae_tiling=self.tiles(spec),
        )

    def lora_files(self) -> list[tuple[Path, float]]:
        """Files and scales of the LoRAs.

        Raises:
            ModelError: A file that is not there, or a scale that is no number.
        """
        return [_lora(given) for given in self.loras]


@cache
def _folder(name: str) -> Path:
    return model_folder(name)


def load_pipeline(choice: ModelChoice, bars: console.Bars) -> SkyReelsA2Pipeline:
    """Open the model, bring it to its device and put its LoRAs on.

    Raises:
        ModelError: It cannot be opened, or there is no such device.
    """
    # Torch takes seconds to import: only once everything that can be checked without it is.
    import transformers  # noqa: PLC0415

    from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline  # noqa: PLC0415
    from skyreels_a2.pipeline.loras import load_loras  # noqa: PLC0415

    transformers.utils.logging.disable_progress_bar()
    device = find_device(choice.device)
    loaded: list[str] = []

    def on_load(name: str) -> None:
        bars("load", len(loaded), len(COMPONENTS))
        loaded.append(name)

    pipeline = SkyReelsA2Pipeline.from_pretrained(
        choice.name, precision=choice.precision, on_load=on_load
    )
    bars("load", len(COMPONENTS), len(COMPONENTS))
    _place(pipeline, device, offload=choice.offload)
    load_loras(pipeline, choice.lora_files())
    return pipeline


def find_device(name: str) -> Any:
    """The device of a name.

    Raises:
        ModelError: There is none of that name here.
    """
    import torch  # noqa: PLC0415

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = one_line(error, limit=80)
        raise ModelError(f"device {name!r} cannot be used here: {reason}") from error


def _place(pipeline: Any, device: Any, *, offload: bool) -> None:
    if offload and device.type == "cpu":
        raise ModelError("--offload needs a GPU to bring the components to, and there is none")
    if offload:
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.to(device)


def _lora(given: str) -> tuple[Path, float]:
    path, scale = Path(given), 1.0
    if not path.exists() and "=" in given:
        name, _, number = given.rpartition("=")
        try:
            path, scale = Path(name), float(number)
        except ValueError as error:
            raise ModelError(f"LoRA {given!r}: {number!r} is no scale, use FILE=0.8") from error
    if not path.is_file():
        raise ModelError(f"LoRA file {path} does not exist")
    return path, scale
