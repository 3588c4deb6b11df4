"""Smaller weights: 8-bit floats by diffusers' layerwise casting, 8-bit integers by torchao."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from skyreels_a2.extras import require


def store_in(storage: str, transformer: Any) -> None:
    """Store the matrices of a transformer's blocks in fewer bits; norms and embeddings stay.

    Args:
        storage: One of `plan.STORAGES`.
        transformer: A `WanTransformer3DModel`.

    Raises:
        MissingExtraError: int8 without torchao.
    """
    _WAYS[storage](transformer)


def _plain(_: Any) -> None:
    """Leave the weights as they are."""


def _fp8(transformer: Any) -> None:
    transformer.enable_layerwise_casting(
        storage_dtype=torch.float8_e4m3fn, compute_dtype=transformer.dtype
    )


def _int8(transformer: Any) -> None:
    quantization = require("torchao.quantization", extra="quantize")

    def in_block(module: torch.nn.Module, name: str) -> bool:
        return name.startswith("blocks.") and isinstance(module, torch.nn.Linear)

    quantization.quantize_(
        transformer, quantization.Int8WeightOnlyConfig(version=2), filter_fn=in_block
    )


_WAYS: Mapping[str, Callable[[Any], None]] = {
    "plain": _plain,
    "fp8": _fp8,
    "int8": _int8,
    "gguf": _plain,  # comes so from its file
}
