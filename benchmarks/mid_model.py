"""A model of the published classes at about 300 million weights, random, for measuring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "transformer": {
        "patch_size": (1, 2, 2),
        "num_attention_heads": 8,
        "attention_head_dim": 128,
        "in_channels": 36,
        "out_channels": 16,
        "text_dim": 1024,
        "freq_dim": 256,
        "ffn_dim": 4096,
        "num_layers": 16,
        "image_dim": 1280,
        "added_kv_proj_dim": 1024,
    },
    "vae": {"base_dim": 32, "z_dim": 16},
    "text_encoder": {
        "vocab_size": 5000,
        "d_model": 1024,
        "d_kv": 64,
        "d_ff": 2048,
        "num_layers": 4,
        "num_heads": 16,
    },
    "image_encoder": {
        "hidden_size": 1280,
        "intermediate_size": 2560,
        "num_hidden_layers": 4,
        "num_attention_heads": 16,
        "image_size": 224,
        "patch_size": 14,
        "hidden_act": "gelu",
    },
}


def build(seed: int = 0) -> dict[str, Any]:
    """The four models in float32, by component."""
    import torch

    from skyreels_a2.pipeline.configs import build_models

    torch.manual_seed(seed)
    return build_models(CONFIGS, dict.fromkeys(CONFIGS, torch.float32))
