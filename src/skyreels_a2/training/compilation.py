"""Blocks compiled for training.

On CPU cores without matrix tiles a pass forward and backward of the tiny model takes about 0.7 of
the time (docs/training.md): what lies between the products is fused. Shapes are dynamic, so a run
compiles a few times in its first minutes and then no more.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def compile_blocks(transformer: Any, *, but: Collection[Any] = ()) -> None:
    """Compile every block of a transformer for itself, in place; names of weights stay.

    Args:
        transformer: With `blocks`.
        but: Blocks to leave as they are: a hook inside of a compiled one is not called.
    """
    for block in transformer.blocks:
        if not any(block is other for other in but):
            block.compile(dynamic=True)
