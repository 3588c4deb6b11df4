"""Write docs/plans.md: how the published 14B model would run on GPUs of every size.

    python benchmarks/plans_page.py [--output docs/plans.md]

Everything in it is counted on the model's configs; no GPU is needed, and none was asked.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from skyreels_a2.errors import MemoryLimitError
from skyreels_a2.pipeline.configs import PUBLISHED
from skyreels_a2.pipeline.needs import needs_of, workload_of
from skyreels_a2.pipeline.presets import ModelDefaults
from skyreels_a2.runtime.choices import PHASES, PRESETS, Needs, Plan, Wishes
from skyreels_a2.runtime.hardware import GIB, parse_gpu
from skyreels_a2.runtime.plan import make_plan

GPUS = (
    ("8 GB", "rtx4060,8GB", 1),
    ("12 GB", "rtx3060,12GB", 1),
    ("16 GB", "rtx4080,16GB", 1),
    ("24 GB", "rtx4090,24GB", 1),
    ("40 GB", "a100,40GB", 1),
    ("80 GB", "h100,80GB", 1),
    ("141 GB", "h200,141GB", 1),
)
SEVERAL = (
    ("2 x 24 GB", "rtx4090,24GB", 2),
    ("4 x 24 GB", "rtx4090,24GB", 4),
    ("2 x 80 GB", "h100,80GB", 2),
    ("8 x 80 GB", "h100,80GB", 8),
)
HEAD = """# Plans for the published 14B model

Written by `python benchmarks/plans_page.py`; do not edit. 832x480, 81 sampled frames, three
references, 50 steps with guidance, bfloat16 (VAE and CLIP in float32), a machine of 64 GB.

Memory is counted: every phase runs its real modules on tensors without content, and the peak is
that of the storages alive at once. Kernels' own workspaces and what the allocator leaves between
blocks come on top; the planner leaves 8 % of the memory for them. On the CPU these counts agree
with torch's allocator (tests/pipeline/test_needs.py). **On GPUs they have not been measured yet**,
and the times are estimates: 45 % of the maker's dense bf16 figure, the link at the rate in
`runtime/hardware.py`, no step cache unless the plan says so.

"""


def row(label: str, plan: Plan) -> str:
    """One GPU."""
    peaks = " | ".join(f"{plan.peaks[phase] / GIB:.1f}" for phase in PHASES)
    vae = ("tiles" if plan.vae_tiling else "whole") + (", bf16" if plan.half_vae else "")
    ways = [plan.placement, f"{plan.storage} weights", f"VAE {vae}"]
    ways += ["K/V kept"] * plan.memo + [f"cache {plan.step_cache}"] * bool(plan.step_cache)
    ways += ["compiled"] * plan.compile
    shared = plan.parallelism
    if shared.degree > 1:
        ways.append(f"guidance {shared.guidance} x ulysses {shared.ulysses} x ring {shared.ring}")
    moved = sum(plan.moved.values()) / GIB
    minutes = plan.total_seconds / 60
    return (
        f"| {label} | {', '.join(ways)} | {peaks} | {plan.peak / GIB:.1f} | {moved:.0f} | "
        f"{minutes:.0f} |"
    )


def table(title: str, needs: Needs, wishes: Wishes, gpus: tuple[tuple[str, str, int], ...]) -> str:
    """A section: one row a machine."""
    columns = ["memory", "plan", *PHASES, "peak GiB", "moved GiB", "minutes"]
    lines = [f"\n## {title}\n", f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for label, gpu, count in gpus:
        try:
            lines.append(row(label, make_plan(needs, parse_gpu(gpu, count=count), wishes)))
        except MemoryLimitError as error:
            lines.append(f"| {label} | {str(error).split(': ', 1)[-1]} |" + " |" * 8)
    return "\n".join(lines) + "\n"


def page(needs: Needs) -> str:
    """The whole page."""
    parts = [HEAD]
    flops = ", ".join(f"{phase} {needs.flops[phase]:.2e}" for phase in PHASES)
    weights = ", ".join(f"{name} {size / GIB:.1f}" for name, size in needs.weights.items())
    parts.append(
        f"Operations of each phase (sampling: one pass): {flops}. Weights, GiB: {weights}.\n"
    )
    parts += [table(f"`--{preset}`", needs, Wishes(preset=preset), GPUS) for preset in PRESETS]
    title = "`--transformer FILE.gguf` at four bits (Q4_0)"
    parts.append(table(title, needs, Wishes(storage="gguf"), GPUS))
    parts.append(table("Several GPUs, `--balanced`", needs, Wishes(), SEVERAL))
    parts.append("\nNumbers by phase are GiB on the GPU at that phase's worst moment.\n")
    return "".join(parts)


def main() -> None:
    """Count, plan, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("docs/plans.md"))
    arguments = parser.parse_args()
    needs = needs_of(PUBLISHED, workload_of(ModelDefaults()), precision="bf16")
    arguments.output.write_text(page(needs), encoding="utf-8")


if __name__ == "__main__":
    main()
