"""LoRA files: put on a pipeline's transformer by diffusers' own Wan loader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from skyreels_a2.errors import ModelError, one_line


def load_loras(pipeline: Any, files: Sequence[tuple[Path, float]]) -> None:
    """Put LoRAs on; several add up, each with its scale.

    Args:
        pipeline: A `SkyReelsA2Pipeline`.
        files: Safetensors files in any layout that diffusers reads for Wan, and their scales.

    Raises:
        ModelError: A file that is no LoRA for this transformer.
    """
    for index, (path, _) in enumerate(files):
        name = f"lora_{index}"
        try:
            pipeline.load_lora_weights(
                str(path.parent), weight_name=path.name, adapter_name=name, local_files_only=True
            )
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
            raise ModelError(f"{path} is no LoRA for this model: {one_line(error)}") from error
        if name not in getattr(pipeline.transformer, "peft_config", {}):
            raise ModelError(f"{path} is no LoRA for this model: none of its layers matches")
    if files:
        names = [f"lora_{index}" for index in range(len(files))]
        pipeline.set_adapters(names, [scale for _, scale in files])
