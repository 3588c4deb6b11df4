"""What each recipe trains, by parameter name of `WanTransformer3DModel`.

The one place that decides `requires_grad`. It knows names and the LoRA adapter; it does not know
data, losses, optimisers or how many GPUs there are.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from peft import LoraConfig
from torch import nn

from skyreels_a2.errors import InputError

RECIPES = ("paper", "lora", "full")
"""What can be trained of a transformer."""
LORA_TARGETS = (
    "to_q",
    "to_k",
    "to_v",
    "to_out.0",
    "add_k_proj",
    "add_v_proj",
    "ffn.net.0.proj",
    "ffn.net.2",
)
"""Linear layers of every block that get an adapter: both attentions and the feed-forward."""
_PATTERNS = {
    # The image cross-attention, and the two layers by which references come in.
    "paper": re.compile(
        r"blocks\.\d+\.attn2\.(add_k_proj|add_v_proj|norm_added_k)\."
        r"|patch_embedding\."
        r"|condition_embedder\.image_embedder\."
    ),
    "lora": re.compile(r".*\.lora_[AB]\."),
    "full": re.compile(""),
}


def select(transformer: Any, recipe: str, *, lora_rank: int = 64) -> list[nn.Parameter]:
    """Freeze a transformer but for what a recipe trains.

    `paper` is the selection of the paper (arXiv 2504.02436): 2.11 B of 16.39 B parameters of the
    published model. `lora` adds an adapter and trains it alone. `full` trains everything.

    Args:
        transformer: A `WanTransformer3DModel`; changed in place, on the meta device too.
        recipe: One of `RECIPES`.
        lora_rank: Rank of the adapter, whose alpha equals it: the scale is 1.

    Returns:
        The parameters that are trained, in the order of the model.

    Raises:
        InputError: An unknown recipe, a rank below 1, or a second adapter on one model.
    """
    if recipe not in RECIPES:
        raise InputError(f"no recipe {recipe!r} for a transformer: use {', '.join(RECIPES)}")
    if recipe == "lora":
        _add_lora(transformer, lora_rank)
    pattern = _PATTERNS[recipe]
    for name, parameter in transformer.named_parameters():
        parameter.requires_grad_(pattern.match(name) is not None)
    return [parameter for parameter in transformer.parameters() if parameter.requires_grad]


def halve_frozen(model: Any) -> None:
    """Bring the frozen matrices and kernels of a model to bfloat16, in place.

    Under bfloat16 autocast they compute in it anyway. Vectors stay, and so do the modules that
    diffusers keeps in float32 (`_keep_in_fp32_modules`): they are small and sensitive.
    """
    kept = tuple(getattr(model, "_keep_in_fp32_modules", None) or ())
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear | nn.Conv3d) or any(part in name for part in kept):
            continue
        for parameter in module.parameters(recurse=False):
            if not parameter.requires_grad:
                parameter.data = parameter.data.to(torch.bfloat16)


def trained_names(transformer: nn.Module) -> tuple[str, ...]:
    """Names of the parameters that are trained as the transformer stands."""
    named = transformer.named_parameters()
    return tuple(name for name, parameter in named if parameter.requires_grad)


def _add_lora(transformer: Any, rank: int) -> None:
    if rank < 1:
        raise InputError(f"LoRA rank is {rank}: use 1 or more")
    if getattr(transformer, "peft_config", None):
        raise InputError("the transformer has a LoRA adapter already: fuse or unload it first")
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=list(LORA_TARGETS))
    transformer.add_adapter(config)
