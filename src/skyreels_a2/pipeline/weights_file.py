"""A transformer from one file in the place of its folder's weights: GGUF or safetensors.

The config is the folder's. Keys may be diffusers' or those of the original Wan code, which is how
such files are handed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import GGUFQuantizationConfig, WanTransformer3DModel
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from safetensors import SafetensorError
from safetensors.torch import load_file

from skyreels_a2.errors import ModelError, one_line
from skyreels_a2.runtime import gguf_files


def load_transformer(path: Path, folder: Path, dtype: torch.dtype) -> Any:
    """Open a transformer's file.

    Args:
        path: `.gguf` or `.safetensors`.
        folder: The model's, for `transformer/config.json`.
        dtype: To compute in.

    Raises:
        ModelError: The file is broken or of another model.
        MissingExtraError: A GGUF file without the package for it.
    """
    try:
        values = gguf_files.read(path) if is_gguf(path) else load_file(path)
        if any("self_attn" in key for key in values):
            values = convert_wan_transformer_to_diffusers(values)
        _check_keys(path, values, folder)
        packing = GGUFQuantizationConfig(compute_dtype=dtype) if is_gguf(path) else None
        model = WanTransformer3DModel.from_single_file(
            values,
            config=str(folder),
            subfolder="transformer",
            quantization_config=packing,
            local_files_only=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(f"{path} is not this model's transformer: {one_line(error)}") from error
    if packing is None:
        _cast(model, dtype)
    return model.eval().requires_grad_(requires_grad=False)


def _check_keys(path: Path, values: Mapping[str, Any], folder: Path) -> None:
    config = WanTransformer3DModel.load_config(str(folder), subfolder="transformer")
    with torch.device("meta"):
        expected = set(WanTransformer3DModel.from_config(config).state_dict())
    if lacking := sorted(expected - values.keys()):
        raise ModelError(f"{path} lacks {lacking[0]} (of {len(lacking)} keys): not this model's")
    if unknown := sorted(values.keys() - expected):
        raise ModelError(f"{path} has {unknown[0]}, which this model has not")


def _cast(model: Any, dtype: torch.dtype) -> None:
    """As `from_pretrained` does: norms and the time embedding stay in float32."""
    kept = set(model._keep_in_fp32_modules)  # noqa: SLF001  (diffusers' own list)
    for name, value in model.named_parameters():
        value.data = value.data.to(torch.float32 if kept & set(name.split(".")) else dtype)


def is_gguf(path: Path) -> bool:
    """Whether a file is named as GGUF."""
    return path.suffix.lower() == ".gguf"
