"""Training's pace: blocks as they are against compiled ones, with large and small micro-batches.

    python benchmarks/training_speed.py [--batch 32] [--rounds 3] [--json FILE]

Every variant computes the gradients of the same batches of the same rendered scenes with the
embedded model (recipe `full`, bfloat16 autocast, half of the samples cut and a quarter coarse), in
turn, on one thread; the first round compiles and is not counted. The median of a round's seconds is
shown, and how many times faster that is than the first variant. Nothing else should run beside it.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
from skyreels_a2.runtime.attention import plain_attention
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.training.cache import CachedExamples, build_cache
from skyreels_a2.training.compilation import compile_blocks
from skyreels_a2.training.config import Flow
from skyreels_a2.training.flow import FlowTask
from skyreels_a2.training.triplets import SceneTriplets

NUM_EXAMPLES = 64


@dataclass(frozen=True, slots=True)
class Variant:
    """What is compared."""

    compiled: bool
    micro_batch: int
    taught: bool

    @property
    def name(self) -> str:
        """For the table."""
        words = "compiled" if self.compiled else "as they are"
        return f"{words}, {self.micro_batch} at once{', taught' * self.taught}"


def task_of(variant: Variant, pipeline: Any, examples: CachedExamples) -> FlowTask:
    """A task with a transformer of its own."""
    transformer = copy.deepcopy(pipeline.transformer).requires_grad_(requires_grad=True).train()
    flow = Flow(cut=0.5, cut_frames=2, coarse=0.25, correspondence=0.5 * variant.taught)
    if variant.compiled:
        compile_blocks(transformer)
    return FlowTask(transformer, examples, pipeline.conditioner(), flow)


def seconds(task: FlowTask, batch: int, micro_batch: int) -> float:
    """Forward and backward passes of one batch."""
    task.model.zero_grad(set_to_none=True)
    begun = time.perf_counter()
    for first in range(0, batch, micro_batch):
        indices = range(first, min(batch, first + micro_batch))
        generators = [torch.Generator().manual_seed(index) for index in indices]
        with torch.autocast("cpu", dtype=torch.bfloat16), plain_attention():
            losses, _ = task.losses(indices, generators, 0.0)
        losses.sum().backward()  # type: ignore[no-untyped-call]  # torch has no types for it
    return time.perf_counter() - begun


def main() -> None:
    """Measure all variants in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    both = (False, True)
    variants = [
        Variant(compiled, size, taught) for taught in both for compiled in both for size in (32, 4)
    ]
    pipeline = SkyReelsA2Pipeline.from_pretrained("a2-tiny", precision="fp32")
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        triplets = SceneTriplets(BuiltinSource(), count=NUM_EXAMPLES)
        settings: dict[str, object] = {"data": "scenes:builtin"}
        build_cache(pipeline.conditioner(), triplets, cache, count=NUM_EXAMPLES, settings=settings)
        examples = CachedExamples(cache)
        tasks = [task_of(variant, pipeline, examples) for variant in variants]
        rounds = [
            [
                seconds(task, args.batch, variant.micro_batch)
                for task, variant in zip(tasks, variants, strict=True)
            ]
            for _ in range(args.rounds + 1)
        ]
    medians = [statistics.median(taken) / args.batch for taken in zip(*rounds[1:], strict=True)]
    print("| blocks | ms a sample | times as fast |\n|---|---|---|")
    for variant, median in zip(variants, medians, strict=True):
        print(f"| {variant.name} | {1000 * median:.0f} | {medians[0] / median:.2f} |")
    if args.json:
        rows = {v.name: median for v, median in zip(variants, medians, strict=True)}
        args.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
