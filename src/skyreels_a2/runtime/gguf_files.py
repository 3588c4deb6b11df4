"""GGUF files: a transformer's matrices in four to eight bits, in one file.

Reading is diffusers' own; `write` makes such a file of a model folder, since of these weights
nobody has published one. Keys are diffusers' or those of the original Wan code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from skyreels_a2.errors import ModelError, one_line
from skyreels_a2.extras import require

ARCHITECTURE = "wan"
KINDS: Mapping[str, str] = {"q8_0": "Q8_0", "q5_1": "Q5_1", "q5_0": "Q5_0", "q4_0": "Q4_0"}
"""What `write` can make: bits of a matrix's values, in blocks of 32 with a scale each."""
_BLOCK = 32


def stored_bytes(path: Path, dtype: torch.dtype) -> int:
    """Memory of a GGUF file's tensors once loaded; reads none of them.

    Args:
        path: Of the file.
        dtype: What is not quantised gets this type.

    Raises:
        ModelError: It is no GGUF file.
        MissingExtraError: gguf is not installed.
    """
    tensors = _reader(path).tensors
    plain = {"F32", "F16"}
    return sum(
        int(one.n_elements) * dtype.itemsize if one.tensor_type.name in plain else int(one.n_bytes)
        for one in tensors
    )


def read(path: Path) -> dict[str, Any]:
    """Tensors by key; quantised ones stay so.

    Raises:
        ModelError: It is no GGUF file, or one of a kind that diffusers does not read.
        MissingExtraError: gguf is not installed.
    """
    _reader(path)
    from diffusers.models.model_loading_utils import load_gguf_checkpoint  # asks for gguf

    try:
        found: dict[str, Any] = load_gguf_checkpoint(str(path))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {one_line(error)}") from error
    return found


def write(folder: Path, path: Path, kind: str) -> None:
    """Make a GGUF file of a transformer: matrices of the blocks quantised, the rest in float32.

    Args:
        folder: The transformer's, with its safetensors files.
        path: Of the file.
        kind: One of `KINDS`.

    Raises:
        ModelError: An unknown kind, or a folder without weights.
        MissingExtraError: gguf is not installed.
    """
    if kind not in KINDS:
        raise ModelError(f"GGUF kind {kind!r} is unknown: use {', '.join(KINDS)}")
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelError(f"{folder} has no safetensors files")
    gguf = require("gguf", extra="quantize")
    quantised = gguf.GGMLQuantizationType[KINDS[kind]]
    writer = gguf.GGUFWriter(path, ARCHITECTURE, use_temp_file=True)
    for file in files:
        with safe_open(file, framework="pt") as weights:
            for key in weights.keys():  # noqa: SIM118  (it is no mapping)
                _add(gguf, writer, key, weights.get_tensor(key), quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add(gguf: Any, writer: Any, key: str, value: torch.Tensor, quantised: Any) -> None:
    array = value.float().numpy()
    if key.startswith("blocks.") and value.ndim == 2 and value.shape[1] % _BLOCK == 0:
        packed = gguf.quants.quantize(array, quantised)
        writer.add_tensor(key, packed, raw_dtype=quantised)
    else:
        writer.add_tensor(key, array)


def _reader(path: Path) -> Any:
    gguf = require("gguf", extra="quantize")
    try:
        return gguf.GGUFReader(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is no GGUF file: {one_line(error)}") from error
