"""Blocks compiled for training.

On CPU cores without matrix tiles a pass forward and backward of the tiny model takes about 0.7 of
the time (docs/training.md): what lies between the products is fused. Shapes are dynamic, so a run
compiles a few times in its first minutes and then no more.
"""

from __future__ import annotations

from typing import Any

LIMIT = 64
"""Forms that blocks may be compiled in: what is taught or not, times kinds of shapes."""


def compile_blocks(transformer: Any) -> None:
    """Compile every block of a transformer for itself, in place; names of weights stay."""
    for block in transformer.blocks:
        block.compile(dynamic=True, recompile_limit=LIMIT)
