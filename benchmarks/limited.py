"""Does a plan keep what it promises? Whole requests with the memory limited, counted and measured.

    python benchmarks/limited.py --model 14b --device cuda --limits 24 40 80 [--json FILE]
    python benchmarks/limited.py --model mid --device cpu --size 160x160 --frames 25   # rehearsal

For each limit (GB) and preset a plan is made, a model of that size is placed by it, and one short
request runs with torch's allocator held to the limit. Printed are the peaks of each phase as
counted and as the allocator tells, and seconds of a step. Weights are zeros: neither depends on
values. On a CPU nothing can be limited or moved, so that only the counting is rehearsed.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mid_model
import torch
from growth import peak
from inference import request_for
from transformers import AutoTokenizer, CLIPImageProcessorPil

from skyreels_a2 import GenerationRequest
from skyreels_a2.errors import SkyReelsA2Error, one_line
from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
from skyreels_a2.pipeline.configs import PUBLISHED, build_models
from skyreels_a2.pipeline.folders import model_folder
from skyreels_a2.pipeline.loading import component_dtypes
from skyreels_a2.pipeline.needs import Workload, needs_of
from skyreels_a2.pipeline.placing import place
from skyreels_a2.pipeline.schedulers import make_scheduler
from skyreels_a2.runtime.choices import PRESETS, Needs, Plan, Wishes
from skyreels_a2.runtime.counting import weight_bytes
from skyreels_a2.runtime.hardware import GIB, Hardware, detect
from skyreels_a2.runtime.plan import make_plan

CONFIGS = {"14b": PUBLISHED, "mid": mid_model.CONFIGS}
GROUPS = {"encode": ("text", "pictures", "encode"), "sample": ("sample",), "decode": ("decode",)}
"""What can be told apart while a request runs, and the phases of the plan in it."""
_COMPONENTS = ("text_encoder", "image_encoder", "transformer", "vae")


def build(name: str, precision: str) -> SkyReelsA2Pipeline:
    """A pipeline of a size whose weights are zeros; 14B are there in seconds."""
    dtypes = component_dtypes(precision)
    with torch.device("meta"):
        models = build_models(CONFIGS[name], dtypes)
    for model in models.values():
        model.to_empty(device="cpu").requires_grad_(requires_grad=False)
        if hasattr(model, "tie_weights"):  # which `to_empty` has torn apart
            model.tie_weights()
        for value in itertools.chain(model.parameters(), model.buffers()):
            value.zero_()
    pipeline = SkyReelsA2Pipeline(
        tokenizer=AutoTokenizer.from_pretrained(model_folder("a2-tiny") / "tokenizer"),
        image_processor=CLIPImageProcessorPil(),
        scheduler=make_scheduler("unipc", flow_shift=8.0),
        **models,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def run(pipeline: Any, request: GenerationRequest, device: torch.device) -> dict[str, Any]:
    """Peak bytes by group of phases, and seconds of a step."""
    if device.type == "cpu":
        weights = sum(weight_bytes(getattr(pipeline, name)) for name in _COMPONENTS)
        begin = time.perf_counter()
        most = peak(lambda: _drain(pipeline, request))
        return {"all": weights + most, "seconds": time.perf_counter() - begin}
    peaks: dict[str, int] = {}
    steps: list[float] = []

    def note(phase: str) -> None:
        torch.cuda.synchronize()
        peaks[phase] = max(peaks.get(phase, 0), torch.cuda.max_memory_allocated())
        torch.cuda.reset_peak_memory_stats()

    def watch(phase: str, *_: int) -> None:
        note(phase)
        if phase == "sample":
            steps.append(time.perf_counter())

    torch.cuda.reset_peak_memory_stats()
    handle = pipeline.transformer.register_forward_pre_hook(
        lambda *_: None if peaks else note("encode")
    )
    try:
        _drain(pipeline, request, watch)
    finally:
        handle.remove()
    return {**peaks, "seconds": min(b - a for a, b in itertools.pairwise(steps))}


def _drain(
    pipeline: Any, request: GenerationRequest, watch: Callable[..., None] | None = None
) -> None:
    for _ in pipeline.stream(request, on_progress=watch):
        pass


def limited(machine: Hardware, limit: int | None) -> Hardware:
    """The machine with less memory on its device, which torch's allocator is then held to."""
    if limit is None or machine.device == "cpu":
        return machine
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, limit * GIB / total))
    return replace(machine, memory=min(limit * GIB, total))


def measure(arguments: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """One row a limit and preset."""
    device = torch.device(arguments.device)
    precision = "bf16" if device.type == "cuda" else "fp32"
    machine = replace(detect(arguments.device, emptied=True), num_devices=1)
    request = request_for(arguments, folder)
    workload = Workload(
        spec=request.sampled_spec,
        num_references=arguments.references,
        num_steps=arguments.steps,
    )
    needs = needs_of(CONFIGS[arguments.model], workload, precision=precision)
    for limit, preset in itertools.product(arguments.limits, arguments.presets):
        told = {"limit": limit, "preset": preset}
        try:
            plan = make_plan(needs, limited(machine, limit), Wishes(preset=preset))
            yield {**told, **_tried(plan, needs, arguments, request, device, precision)}
        except (SkyReelsA2Error, torch.OutOfMemoryError, RuntimeError) as error:
            yield {**told, "reason": one_line(error, limit=120)}
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()


def _tried(
    plan: Plan,
    needs: Needs,
    arguments: argparse.Namespace,
    request: GenerationRequest,
    device: torch.device,
    precision: str,
) -> dict[str, Any]:
    pipeline = build(arguments.model, precision)
    place(pipeline, plan, device)
    found = run(pipeline, request, device)
    counted = {name: max(plan.peaks[phase] for phase in part) for name, part in GROUPS.items()}
    kept = {"kept": needs.kept if plan.memo else 0}
    return {"plan": f"{plan.placement}, {plan.storage}", "counted": counted, **kept, **found}


def show(rows: list[dict[str, Any]]) -> None:
    """A Markdown table, counted / measured GiB."""
    print("| limit, GB | preset | plan | encode | sample | decode | s a step |")
    print("|" + "---|" * 7)
    for row in rows:
        head = f"| {row['limit'] or '-'} | {row['preset']} |"
        if "reason" in row:
            print(f"{head} not run: {row['reason']} | | | | |")
            continue
        cells = [
            f"{row['counted'][name] / GIB:.2f} / {row.get(name, row.get('all', 0)) / GIB:.2f}"
            for name in GROUPS
        ]
        print(f"{head} {row['plan']} | {' | '.join(cells)} | {row['seconds']:.2f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", choices=sorted(CONFIGS), default="14b")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--limits", nargs="*", type=int, default=[24, 40, 80])
    parser.add_argument("--presets", nargs="*", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--size", default="832x480")
    parser.add_argument("--frames", type=int, default=81, help="sampled, references included")
    parser.add_argument("--references", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.device == "cpu":
        arguments.limits = [None]
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measure(arguments, Path(folder)))
    show(rows)
    if arguments.device == "cpu":
        print("\nOn a CPU the measured figure is that of the whole request, in every column.")
    if arguments.json:
        arguments.json.write_text(json.dumps([vars(arguments), rows], default=str))


if __name__ == "__main__":
    main()
