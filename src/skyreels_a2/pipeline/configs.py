"""Configs of a model's components, and the models they describe, with no weights to load."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from transformers import CLIPVisionConfig, CLIPVisionModel, UMT5Config, UMT5EncoderModel

from skyreels_a2.errors import ModelError, one_line

PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "transformer": {
        "patch_size": (1, 2, 2),
        "num_attention_heads": 40,
        "attention_head_dim": 128,
        "in_channels": 36,
        "out_channels": 16,
        "text_dim": 4096,
        "freq_dim": 256,
        "ffn_dim": 13824,
        "num_layers": 40,
        "cross_attn_norm": True,
        "qk_norm": "rms_norm_across_heads",
        "eps": 1e-6,
        "image_dim": 1280,
        "added_kv_proj_dim": 5120,
        "rope_max_seq_len": 1024,
        "pos_embed_seq_len": None,
    },
    "vae": {},
    "text_encoder": {
        "vocab_size": 256384,
        "d_model": 4096,
        "d_kv": 64,
        "d_ff": 10240,
        "num_layers": 24,
        "num_heads": 64,
    },
    "image_encoder": {
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "image_size": 224,
        "patch_size": 14,
        "hidden_act": "gelu",
    },
}
"""Configs of the published 14B model: Wan 2.1's transformer and VAE, umT5-XXL, CLIP ViT-H/14."""


def configs_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Configs of the components of a model folder.

    Raises:
        ModelError: One is missing or no JSON.
    """
    configs = {}
    for name in PUBLISHED:
        path = folder / name / "config.json"
        try:
            configs[name] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read: {one_line(error)}") from error
    return configs


def build_models(
    configs: Mapping[str, Mapping[str, Any]], dtypes: Mapping[str, torch.dtype]
) -> dict[str, Any]:
    """Models by their configs, with the weights they begin with; no content in `without_memory`.

    Args:
        configs: As `PUBLISHED`.
        dtypes: A type for each.
    """
    makers: dict[str, Callable[[Any], Any]] = {
        "text_encoder": lambda config: UMT5EncoderModel(UMT5Config(**config)),
        "image_encoder": lambda config: CLIPVisionModel(CLIPVisionConfig(**config)),
        "transformer": WanTransformer3DModel.from_config,
        "vae": AutoencoderKLWan.from_config,
    }
    models = {}
    for name, make in makers.items():
        with _made_in(dtypes[name]):
            models[name] = make(dict(configs[name])).eval()
    return models


def build_transformer(config: Mapping[str, Any], dtype: torch.dtype) -> Any:
    """A transformer by its config; see `build_models`."""
    with _made_in(dtype):
        return WanTransformer3DModel.from_config(dict(config)).eval()


@contextmanager
def _made_in(dtype: torch.dtype) -> Iterator[None]:
    """Weights are made in a type: those without content cannot be cast to it."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)
