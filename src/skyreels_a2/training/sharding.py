"""A model spread over processes with torch's FSDP2, and its state in one piece again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(model: Any) -> None:
    """Shard a transformer: every block for itself, then what lies outside the blocks.

    Weights, and with them gradients, moments and averages, are split over all processes; a block
    is gathered when it is needed.
    """
    for block in model.blocks:
        fully_shard(block)
    fully_shard(model)


def forget_gathered(model: nn.Module) -> None:
    """Drop gathered weights, so that the next pass sees what was put into the shards."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def whole(tensor: Tensor) -> Tensor:
    """A tensor in one piece on the CPU; every process must ask."""
    full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return full.detach().cpu()


@torch.no_grad()
def put(target: Tensor, value: Tensor) -> None:
    """Copy a tensor in one piece into one that may be sharded."""
    target.copy_(_like(target, value))


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """An optimiser's state, in one piece if it is sharded; every process must ask."""
    state = optimizer.state_dict()
    pieces = {
        number: {k: whole(v) if isinstance(v, Tensor) else v for k, v in moments.items()}
        for number, moments in state["state"].items()
    }
    return {**state, "state": pieces}


def load_optimizer_state(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """The inverse of `optimizer_state`; moments are spread as their parameters are."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    spread = {
        number: {
            # The step's count is a scalar and belongs to no shard.
            k: _like(parameters[number], v) if isinstance(v, Tensor) and v.ndim else v
            for k, v in moments.items()
        }
        for number, moments in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": spread})


def _like(target: Tensor, value: Tensor) -> Tensor:
    """A tensor in one piece, moved and spread as another is."""
    value = value.to(target.device, target.dtype)
    if isinstance(target, DTensor):
        return distribute_tensor(value, target.device_mesh, target.placements)
    return value
