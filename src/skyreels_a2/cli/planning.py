"""Planning for the command line: the plan of a request, kept counts, and the table."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from skyreels_a2.errors import OutputError
from skyreels_a2.media.atomic import write_aside
from skyreels_a2.request import GenerationRequest
from skyreels_a2.runtime.choices import PHASES, Needs, Plan, Wishes
from skyreels_a2.runtime.hardware import GIB, Hardware
from skyreels_a2.runtime.plan import make_plan
from skyreels_a2.video import VideoSpec

if TYPE_CHECKING:
    from skyreels_a2.pipeline.needs import Workload


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan and what it was made from.

    Attributes:
        plan: How it will run.
        needs: What was counted.
        hardware: For which machine.
        precision: The computing type: "fp32", "bf16" or "published".
    """

    plan: Plan
    needs: Needs
    hardware: Hardware
    precision: str


def plan_for(
    folder: Path | None,
    workload: Workload,
    hardware: Hardware,
    wishes: Wishes,
    precision: str,
    transformer: Path | None = None,
) -> Planned:
    """Count and plan.

    Args:
        folder: A model folder; None for the published 14B model.
        workload: What is asked for.
        hardware: The machine.
        wishes: What the user has set.
        precision: See `loading.component_dtypes`.
        transformer: A file of the transformer's weights, in place of the folder's.

    Raises:
        MemoryLimitError: Nothing fits.
        InputError: Wishes that exclude each other.
    """
    from skyreels_a2.pipeline.configs import PUBLISHED, configs_of

    if precision == "auto":
        precision = "bf16" if hardware.device == "cuda" else "fp32"
    configs = dict(PUBLISHED) if folder is None else configs_of(folder)
    window = _window(folder)
    needs = _counted(configs, workload, precision, window)
    if transformer is not None and wishes.storage == "gguf":
        needs = _with_file(needs, transformer, precision)
    return Planned(make_plan(needs, hardware, wishes), needs, hardware, precision)


def _with_file(needs: Needs, path: Path, precision: str) -> Needs:
    """The needs with what a GGUF file really holds."""
    from skyreels_a2.pipeline.loading import component_dtypes
    from skyreels_a2.runtime.gguf_files import stored_bytes

    size = stored_bytes(path, component_dtypes(precision)["transformer"])
    return replace(needs, stored={**needs.stored, "gguf": size})


def workload_of_request(request: GenerationRequest) -> Workload:
    """What one request asks of the machine."""
    from skyreels_a2.pipeline.needs import Workload

    sampling = request.sampling
    return Workload(
        spec=request.sampled_spec,
        num_references=len(request.composition.references),
        num_steps=sampling.num_inference_steps,
        num_passes=sampling.num_passes,
    )


def plan_table(planned: Planned) -> Table:
    """Peak memory, bytes moved, operations and time of each phase."""
    plan = planned.plan
    table = Table(title=f"{planned.hardware.name}: {_headline(plan)}", title_justify="left")
    for column in ("phase", "component", "peak GiB", "moved GiB", "TFLOP", "seconds"):
        table.add_column(column, justify="left" if column in {"phase", "component"} else "right")
    for phase, component in PHASES.items():
        table.add_row(phase, component, *_numbers(plan, phase))
    total = sum(plan.flops.values()) / 1e12
    moved = sum(plan.moved.values()) / GIB
    table.add_row(
        "all",
        "",
        f"{plan.peak / GIB:.2f}",
        f"{moved:.2f}",
        f"{total:.3g}",
        f"{plan.total_seconds:.3g}",
        style="bold",
    )
    return table


def plan_reasons(planned: Planned) -> Table:
    """One line of why for every choice."""
    plan = planned.plan
    shared = plan.parallelism
    chosen = {
        "placement": plan.placement,
        "storage": plan.storage,
        "vae tiles": _switch(plan.vae_tiling),
        "vae type": "bf16" if plan.half_vae else "own",
        "guidance": "one batch" if plan.batch_guidance else "one by one",
        "memo": _switch(plan.memo),
        "fused": _switch(plan.fused),
        "attention": plan.attention,
        "compile": _switch(plan.compile),
        "step cache": plan.step_cache or "none",
        "devices": f"guidance {shared.guidance} x ulysses {shared.ulysses} x ring {shared.ring}",
    }
    table = Table(show_header=False, box=None)
    table.add_row("precision", planned.precision, _PRECISION[planned.precision])
    for name, value in chosen.items():
        table.add_row(name, value, plan.why[name])
    return table


def _switch(value: bool) -> str:  # noqa: FBT001  (what is shown)
    return "on" if value else "off"


_PRECISION = {
    "fp32": "a CPU computes it as fast, and nothing is rounded",
    "bf16": "half the memory of fp32; VAE and CLIP stay in float32",
    "published": "all in bfloat16, as the released code casts",
}


def plan_as_json(planned: Planned) -> dict[str, Any]:
    """The plan for other programs."""
    return {
        "hardware": asdict(planned.hardware),
        "plan": asdict(planned.plan),
        "peak_bytes": planned.plan.peak,
        "seconds": planned.plan.total_seconds,
    }


def _headline(plan: Plan) -> str:
    return f"{plan.placement}, {plan.storage} weights, {plan.peak / GIB:.2f} GiB at most"


def _numbers(plan: Plan, phase: str) -> tuple[str, ...]:
    return (
        f"{plan.peaks[phase] / GIB:.2f}",
        f"{plan.moved[phase] / GIB:.2f}",
        f"{plan.flops[phase] / 1e12:.3g}",
        f"{plan.seconds[phase]:.3g}",
    )


def _window(folder: Path | None) -> int:
    from skyreels_a2.pipeline.presets import ModelDefaults

    defaults = ModelDefaults() if folder is None else ModelDefaults.of_folder(folder)
    return defaults.num_frames


def _counted(configs: Any, workload: Workload, precision: str, window: int) -> Needs:
    """Counts are the same for equal configs and sizes: kept, since counting takes seconds."""
    from skyreels_a2.pipeline.encodings import default_folder
    from skyreels_a2.pipeline.needs import needs_of

    same_rate = replace(workload, spec=_at_any_rate(workload.spec))
    decides = [configs, asdict(same_rate), precision, window, _versions()]
    name = hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()
    path = default_folder().parent / "counts" / f"{name[:32]}.json"
    try:
        return Needs(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        pass
    needs = needs_of(configs, workload, precision=precision, window=window)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_aside(path, overwrite=True) as aside:
            aside.write_text(json.dumps(asdict(needs)), encoding="utf-8")
    except (OSError, OutputError):
        pass
    return needs


def _at_any_rate(spec: VideoSpec) -> VideoSpec:
    return replace(spec, fps=1.0)


def _versions() -> list[str]:
    return [version(name) for name in ("torch", "diffusers", "transformers")]
