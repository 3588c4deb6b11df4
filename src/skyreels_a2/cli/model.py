"""The model a command works with: chosen by flags, described in manifests, loaded once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skyreels_a2.cli import console
from skyreels_a2.cli.planning import Planned, plan_for, workload_of_request
from skyreels_a2.errors import ModelError, one_line
from skyreels_a2.media.manifest import ModelRecord
from skyreels_a2.pipeline.folders import (
    COMPONENTS,
    check_folder,
    folder_fingerprint,
    model_folder,
)
from skyreels_a2.pipeline.presets import ModelDefaults, check_precision
from skyreels_a2.request import GenerationRequest
from skyreels_a2.runtime.advice import advice_after
from skyreels_a2.runtime.choices import Wishes, chosen_step_cache
from skyreels_a2.runtime.combinations import check_interval
from skyreels_a2.runtime.hardware import detect
from skyreels_a2.runtime.parallelism import local_rank, num_processes
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
        wishes: What the user has set of speed and memory; the plan decides the rest.
        keep_encodings: Keep encoded prompts and pictures on disk.
        transformer: A file of the transformer's weights, in place of the folder's.
    """

    name: str = "a2-tiny"
    precision: str = "auto"
    device: str = "auto"
    offload: bool = False
    vae_tiling: bool | None = None
    loras: tuple[str, ...] = ()
    wishes: Wishes = Wishes()  # noqa: RUF009  (frozen)
    keep_encodings: bool = True
    transformer: Path | None = None

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
        self._check_transformer()
        self.lora_files()
        if (cache := self.lossy_cache) is not None:
            # Brings torch, so only where it is asked for.
            from skyreels_a2.runtime.stepcache import parse_step_cache

            parse_step_cache(cache, ratios=self.mag_ratios())

    def _check_transformer(self) -> None:
        path = self.transformer
        if path is None:
            if self.wishes.storage == "gguf":
                raise ModelError(
                    "storage gguf is that of a file: give --transformer FILE.gguf "
                    "(`skyreels-a2 pack` makes one of a model)"
                )
            return
        if path.suffix.lower() not in (".gguf", ".safetensors"):
            raise ModelError(f"--transformer {path}: use a .gguf or .safetensors file")
        if not path.is_file():
            raise ModelError(f"transformer file {path} does not exist")

    @property
    def fingerprint(self) -> str:
        """Names the weights."""
        return folder_fingerprint(self.folder, self.transformer)

    @property
    def lossy_cache(self) -> str | None:
        """The step cache that will be on."""
        return chosen_step_cache(self.wishes)

    def mag_ratios(self) -> tuple[float, ...]:
        """What `calibrate` found of this model."""
        from skyreels_a2.pipeline.calibration import read_ratios

        return read_ratios(self.fingerprint)

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
            fingerprint=self.fingerprint,
            loras=self.loras,
            vae_tiling=self.tiles(spec),
            step_cache=self.lossy_cache,
            storage=self.wishes.storage or "plain",
            half_vae=self.wishes.half_vae,
            transformer=None if self.transformer is None else str(self.transformer),
            preset=self.wishes.preset,
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


def load_pipeline(
    choice: ModelChoice, bars: console.Bars, requests: Sequence[GenerationRequest] = ()
) -> SkyReelsA2Pipeline:
    """Plan, open the model, put its LoRAs on and place it by the plan.

    Args:
        choice: Which model.
        bars: Shows the loading.
        requests: What will be asked of it: the largest decides the plan.

    Raises:
        ModelError: It cannot be opened, or there is no such device.
        MemoryLimitError: Nothing that is allowed would fit.
    """
    # Torch takes seconds to import: only once everything that can be checked without it is.
    import transformers

    from skyreels_a2.runtime.memory import explain_out_of_memory

    transformers.utils.logging.disable_progress_bar()
    device = find_device(choice.device)
    planned = make_the_plan(choice, device, requests)
    advice = advice_after(planned.plan, planned.needs, planned.hardware)
    with explain_out_of_memory(f"room for {choice.name}", advice):
        pipeline = _open(choice, bars)
        _place(pipeline, choice, planned, device, advice)
    return pipeline


def _open(choice: ModelChoice, bars: console.Bars) -> SkyReelsA2Pipeline:
    from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
    from skyreels_a2.pipeline.loading import component_dtypes
    from skyreels_a2.pipeline.loras import load_loras
    from skyreels_a2.pipeline.weights_file import load_transformer

    loaded: list[str] = []

    def on_load(name: str) -> None:
        bars("load", len(loaded), len(COMPONENTS))
        loaded.append(name)

    given = {}
    if choice.transformer is not None:
        dtype = component_dtypes(choice.precision)["transformer"]
        given = {"transformer": load_transformer(choice.transformer, choice.folder, dtype)}
    pipeline = SkyReelsA2Pipeline.from_pretrained(
        choice.name, precision=choice.precision, on_load=on_load, **given
    )
    bars("load", len(COMPONENTS), len(COMPONENTS))
    load_loras(pipeline, choice.lora_files())
    return pipeline


def make_the_plan(
    choice: ModelChoice,
    device: Any,
    requests: Sequence[GenerationRequest],
    *,
    emptied: bool = False,
) -> Planned:
    """The plan for the largest of some requests on a device, under torchrun for all processes.

    Args:
        choice: Which model.
        device: Where it runs.
        requests: None for the model's own size.
        emptied: Plan as if nothing else were in memory, e.g. beside the very model.
    """
    from skyreels_a2.pipeline.needs import workload_of

    workload = workload_of(choice.defaults)
    if requests:
        largest = max(requests, key=lambda r: _pixels(r.sampled_spec))
        workload = workload_of_request(largest)
    for request in requests:
        check_interval(choice.lossy_cache, request.sampling.guidance_interval)
    processes = num_processes()
    hardware = replace(detect(str(device), emptied=emptied), num_devices=processes)
    wishes = choice.wishes
    if choice.offload:
        wishes = replace(wishes, placement="by-component")
    wishes = replace(wishes, vae_tiling=choice.tiles(workload.spec))
    planned = plan_for(
        choice.folder, workload, hardware, wishes, choice.precision, choice.transformer
    )
    shared, heads = planned.plan.parallelism, planned.needs.num_heads
    if shared.degree > 1 or processes > 1:
        shared.check(num_heads=heads, num_processes=processes, device=device.type)
    return planned


def _pixels(spec: VideoSpec) -> int:
    return spec.width * spec.height * spec.num_frames


def find_device(name: str) -> Any:
    """The device of a name.

    Raises:
        ModelError: There is none of that name here.
    """
    import torch

    try:
        device: torch.device = torch.empty(0, device=device_named(name)).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = one_line(error, limit=80)
        raise ModelError(f"device {name!r} cannot be used here: {reason}") from error
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def device_named(name: str) -> Any:
    """The device of a name, untried: nothing is begun on it. Under torchrun, each has its own."""
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and num_processes() > 1:
        name = f"cuda:{local_rank()}"
    return torch.device(name)


def _place(pipeline: Any, choice: ModelChoice, planned: Planned, device: Any, advice: str) -> None:
    from skyreels_a2.pipeline.encodings import Encodings, default_folder
    from skyreels_a2.pipeline.placing import place

    encodings = None
    if choice.keep_encodings:
        how = [choice.precision, device.type, *["half-vae"] * planned.plan.half_vae]
        model = ":".join([folder_fingerprint(choice.folder), *how])
        encodings = Encodings(default_folder(), model)
    ratios = choice.mag_ratios() if (planned.plan.step_cache or "").startswith("mag") else ()
    disk = default_folder().parent / "blocks" / _blocks_name(choice, planned.plan.storage)
    place(
        pipeline,
        planned.plan,
        device,
        encodings=encodings,
        ratios=ratios,
        disk=disk,
        advice=advice,
    )


def _blocks_name(choice: ModelChoice, storage: str) -> str:
    """Names all that decides the weights that are written to disk block by block."""
    decides = [choice.fingerprint, choice.precision, storage, *choice.loras]
    return hashlib.sha256("\n".join(decides).encode()).hexdigest()[:24]


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
