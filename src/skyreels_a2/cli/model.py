"""The model a command works with: chosen by flags, described in manifests, loaded once."""

from __future__ import annotations

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
from skyreels_a2.runtime.hardware import detect
from skyreels_a2.runtime.parallelism import num_processes
from skyreels_a2.runtime.plan import Wishes, chosen_step_cache
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
    """

    name: str = "a2-tiny"
    precision: str = "auto"
    device: str = "auto"
    offload: bool = False
    vae_tiling: bool | None = None
    loras: tuple[str, ...] = ()
    wishes: Wishes = Wishes()  # noqa: RUF009  (frozen)
    keep_encodings: bool = True

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
        if (cache := self.lossy_cache) is not None:
            # Brings torch, so only where it is asked for.
            from skyreels_a2.runtime.stepcache import parse_step_cache

            parse_step_cache(cache, ratios=self.mag_ratios())

    @property
    def lossy_cache(self) -> str | None:
        """The step cache that will be on."""
        return chosen_step_cache(self.wishes)

    def mag_ratios(self) -> tuple[float, ...]:
        """What `calibrate` found of this model."""
        from skyreels_a2.pipeline.calibration import read_ratios

        return read_ratios(folder_fingerprint(self.folder))

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
            step_cache=self.lossy_cache,
            storage=self.wishes.storage or "plain",
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

    from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
    from skyreels_a2.pipeline.loras import load_loras

    transformers.utils.logging.disable_progress_bar()
    device = find_device(choice.device)
    planned = make_the_plan(choice, device, requests)
    loaded: list[str] = []

    def on_load(name: str) -> None:
        bars("load", len(loaded), len(COMPONENTS))
        loaded.append(name)

    pipeline = SkyReelsA2Pipeline.from_pretrained(
        choice.name, precision=choice.precision, on_load=on_load
    )
    bars("load", len(COMPONENTS), len(COMPONENTS))
    load_loras(pipeline, choice.lora_files())
    _place(pipeline, choice, planned, device)
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
    processes = num_processes()
    hardware = replace(detect(str(device), emptied=emptied), num_devices=processes)
    wishes = choice.wishes
    if processes > 1 and choice.lossy_cache is not None:
        raise ModelError(
            "a step cache skips steps by what one process sees, and several would disagree: "
            "under torchrun leave --fast and --step-cache away"
        )
    if choice.offload:
        wishes = replace(wishes, placement="by-component")
    wishes = replace(wishes, vae_tiling=choice.tiles(workload.spec))
    planned = plan_for(choice.folder, workload, hardware, wishes, choice.precision)
    if processes > 1:
        shared, heads = planned.plan.parallelism, planned.needs.num_heads
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
        return torch.empty(0, device=device_named(name)).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = one_line(error, limit=80)
        raise ModelError(f"device {name!r} cannot be used here: {reason}") from error


def device_named(name: str) -> Any:
    """The device of a name, untried: nothing is begun on it."""
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _place(pipeline: Any, choice: ModelChoice, planned: Planned, device: Any) -> None:
    from skyreels_a2.pipeline.encodings import Encodings, default_folder
    from skyreels_a2.pipeline.placing import place

    encodings = None
    if choice.keep_encodings:
        model = f"{folder_fingerprint(choice.folder)}:{choice.precision}:{device.type}"
        encodings = Encodings(default_folder(), model)
    ratios = choice.mag_ratios() if (planned.plan.step_cache or "").startswith("mag") else ()
    disk = default_folder().parent / "blocks" / folder_fingerprint(choice.folder)
    advice = advice_after(planned.plan, planned.needs, planned.hardware)
    place(
        pipeline,
        planned.plan,
        device,
        encodings=encodings,
        ratios=ratios,
        disk=disk,
        advice=advice,
    )


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
