"""Write `docs/training-memory.md`: what training the published 14B model takes on each GPU.

    python tools/training_memory.py [--out FILE]

Everything on the page is counted by `skyreels_a2.training.memory`; no GPU is needed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from skyreels_a2.pipeline.configs import PUBLISHED
from skyreels_a2.training.memory import (
    BLOCK_INPUTS,
    IN_BLOCK,
    IN_FLIGHT,
    OUTSIDE,
    SYMBOLS,
    MemoryPlan,
    lines,
    plan,
    sizes_of,
)
from skyreels_a2.training.trainable import RECIPES
from skyreels_a2.video import VideoSpec

PAGE = Path(__file__).parents[1] / "docs/training-memory.md"
GPUS = (1, 8, 32)
CARDS = (24, 40, 80, 141)
"""GB printed on the card; it has some 7 % more bytes, which are left to CUDA and fragments."""
SPEC = VideoSpec(832, 480, 81, fps=15)
NUM_REFERENCES = 3
GB = 10**9
PARTS = {
    "weights": ("frozen weights", "bfloat16, 2 bytes each, sharded"),
    "master": ("trained weights", "float32, sharded"),
    "moments": ("AdamW", "two float32 moments of each trained weight, sharded"),
    "gradients": ("gradients", "float32, of trained weights only, sharded"),
    "ema": ("EMA", "float32, of trained weights only, sharded; `loop.ema_decay=0` saves it"),
    "gathered": (
        "copies at work",
        "one GPU: all trained weights in bfloat16; more: two blocks, the rest, copies of a block",
    ),
    "block_inputs": ("block inputs", "what gradient checkpointing keeps: L·T·d·2"),
    "activations": (
        "activations",
        "one block computed again, what is outside the blocks, gradients in flight",
    ),
    "step_buffers": (
        "optimiser step",
        "AdamW's temporary values, when copies and activations are gone",
    ),
    "encoders": ("VAE and encoders", "nothing: latents and tokens are cached beforehand"),
    "total": (
        "**peak**",
        "the above, of the optimiser step and its three rows before only what is larger",
    ),
}
INTRODUCTION = """\
# Memory of training the 14B model

Written by `python tools/training_memory.py`, which counts bytes on the meta device; a test fails
when this page is not what the tool writes. 1 GB is 10⁹ bytes.

**Assumed:** one video of 832×480, 81 frames and three references on each GPU; gradient
checkpointing of every block; autocast to bfloat16; frozen weights in bfloat16; all weights and
states sharded by FSDP2 over all GPUs; EMA on; memory-saving attention (flash, or torch's own).
More GPUs do not make activations smaller: only a smaller or shorter video does, or offload.
`loop.sharded=true`, `loop.gradient_checkpointing=true` and a cache as `--data` give this; offload
there is none yet, those rows say what would be needed. Weights are loaded in float32 in the host's
memory, by each process for itself (with its encoders 91 GB), and come to the GPU halved
and spread. While a validation samples videos, the encoders are there too (26 GB more, but no
gradients and no blocks to compute again).

**Not counted:** CUDA's own context, NCCL's buffers and fragments of the allocator. A card has some
7 % more bytes than the GB printed on it; "fits" means that the peak is within the printed GB.
Nothing here was measured on a GPU. Tests compare weights, gradients, AdamW and EMA with real
tensors byte by byte, and activations with what autograd keeps (within 5 %; within 20 % where
everything is trained, because norms keep more on a CPU), all at tiny size on a CPU.
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGE)
    out: Path = parser.parse_args().out
    out.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    plans = {
        recipe: [plan(PUBLISHED["transformer"], recipe, n) for n in GPUS] for recipe in RECIPES
    }
    parts = [INTRODUCTION, _summary(plans), *map(_recipe, plans.values()), _formulas()]
    return "\n".join(parts)


def _summary(plans: dict[str, list[MemoryPlan]]) -> str:
    rows = [
        [f"`{recipe}`", f"{counted[0].num_trained / GB:.2f} B", *map(_cell, counted)]
        for recipe, counted in plans.items()
    ]
    head = ["recipe", "trained", *(f"on {_gpus(number)}" for number in GPUS)]
    return f"## Peak a GPU, and the smallest card that it fits\n\n{_table(head, rows)}"


def _cell(counted: MemoryPlan) -> str:
    fitting = [card for card in CARDS if counted.total <= card * GB]
    return f"{_gb(counted.total)} GB, " + (f"fits {fitting[0]} GB" if fitting else "fits none")


def _recipe(counted: Sequence[MemoryPlan]) -> str:
    first = counted[0]
    rows = [
        [label, *(_gb(getattr(one, part)) for one in counted), meaning]
        for part, (label, meaning) in PARTS.items()
    ]
    rows += [
        [f"fits {card} GB", *("yes" if one.total <= card * GB else "no" for one in counted), ""]
        for card in CARDS
    ]
    head = ["GB a GPU", *map(_gpus, GPUS), "what it is"]
    unchecked = plan(PUBLISHED["transformer"], first.recipe, GPUS[-1], checkpointing=False)
    return (
        f"## `{first.recipe}`: {first.num_trained:,} of {first.num_parameters:,} parameters\n\n"
        f"{_table(head, rows)}\n"
        f"Without checkpointing, even {GPUS[-1]} GPUs need {_gb(unchecked.total)} GB each.\n\n"
        f"{_one_gpu(first)}"
    )


def _one_gpu(counted: MemoryPlan) -> str:
    choices = [("nothing", counted.total), *counted.offloads()]
    rows = [
        [what, _gb(peak), *("yes" if peak <= card * GB else "no" for card in CARDS)]
        for what, peak in choices
    ]
    head = ["in the host's memory", "peak, GB", *(f"{card} GB" for card in CARDS)]
    return f"One GPU with offload:\n\n{_table(head, rows)}"


def _formulas() -> str:
    sizes = sizes_of(PUBLISHED["transformer"], SPEC, NUM_REFERENCES)
    symbols = [[f"`{s}`", f"{sizes[s]:,}", meaning] for s, meaning in SYMBOLS.items()]
    tables = {
        "Kept of one block": IN_BLOCK,
        "Kept outside the blocks": OUTSIDE,
        "Kept by checkpointing": BLOCK_INPUTS,
        "In flight in the backward pass": IN_FLIGHT,
    }
    text = f"## Activations, line by line\n\n{_table(['', 'value', 'is'], symbols)}"
    for title, rows in tables.items():
        counted = [
            [what, f"`{line.formula}`", _gb(line.num_bytes, 3), ", ".join(recipes)]
            for row in rows
            for what, recipes, _ in [row]
            for line in lines((row,), recipes[0], sizes)
        ]
        text += f"\n{title}:\n\n{_table(['what', 'bytes', 'GB', 'recipes'], counted)}"
    return text


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruled = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in ruled)


def _gpus(number: int) -> str:
    return "1 GPU" if number == 1 else f"{number} GPUs"


def _gb(num_bytes: int, digits: int = 1) -> str:
    return f"{num_bytes / GB:,.{digits}f}"


if __name__ == "__main__":
    main()
