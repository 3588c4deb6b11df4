"""One video on several processes: context parallelism of diffusers, and work shared by turns.

Started by torchrun. The first processes split the tokens of a pass (Ulysses or ring attention),
the groups of them the passes of guidance, and all of them the tiles of the VAE.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from diffusers import ContextParallelConfig
from diffusers.hooks import apply_context_parallel
from diffusers.models._modeling_parallel import ParallelConfig
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh

from skyreels_a2.runtime.parallelism import Parallelism

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among those that make one video.

    Attributes:
        rank: Its number; 0 writes files and shows progress.
        world: All of them, for the tiles of the VAE.
        passes: Those that share the passes of guidance; None without guidance parallelism.
        tokens: Mesh ("ring", "ulysses") of those that share the tokens; None likewise.
    """

    rank: int
    world: Any
    passes: Any
    tokens: Any


def join(parallelism: Parallelism, device: torch.device) -> Processes:
    """Join the processes that torchrun started and divide them into groups."""
    if not dist.is_initialized():
        dist.init_process_group("gloo" if device.type == "cpu" else "nccl")
        atexit.register(leave)
    names = ("guidance", "ring", "ulysses")
    shape = (parallelism.guidance, parallelism.ring, parallelism.ulysses)
    mesh = init_device_mesh(device.type, shape, mesh_dim_names=names)
    splits_tokens = parallelism.ring * parallelism.ulysses > 1
    return Processes(
        rank=dist.get_rank(),
        world=dist.group.WORLD,
        passes=mesh.get_group("guidance") if parallelism.guidance > 1 else None,
        tokens=mesh["ring", "ulysses"] if splits_tokens else None,
    )


def leave() -> None:
    """Part from the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def split_tokens(
    transformer: Any, processes: Processes, parallelism: Parallelism, device: torch.device
) -> None:
    """Let a transformer compute its share of the tokens of each pass.

    The same steps as diffusers' `enable_parallelism`, which asks for an accelerator.
    """
    if processes.tokens is None:
        return
    context = ContextParallelConfig(
        ring_degree=parallelism.ring,
        ulysses_degree=parallelism.ulysses,
        ulysses_anything=parallelism.ring == 1,
        ring_anything=parallelism.ulysses == 1,
        mesh=processes.tokens,
    )
    config = ParallelConfig(context_parallel_config=context)
    config.setup(processes.rank, dist.get_world_size(), device, mesh=processes.tokens)
    transformer._parallel_config = config  # noqa: SLF001  (what enable_parallelism sets)
    for module in transformer.modules():
        processor = getattr(module, "processor", None)
        if processor is not None and hasattr(processor, "_parallel_config"):
            processor._parallel_config = config  # noqa: SLF001  (likewise)
    apply_context_parallel(transformer, context, transformer._cp_plan)  # noqa: SLF001  (likewise)


def exchange(run: Callable[[Item], Tensor], items: Sequence[Item], group: Any) -> list[Tensor]:
    """Results of all items: each process runs its share, by turns, and tells the others.

    Every process returns the same tensors, in the order of the items.
    """
    size, own = dist.get_world_size(group), dist.get_rank(group)
    mine = {index: run(items[index]) for index in range(own, len(items), size)}
    told: list[Any] = [None] * size
    dist.all_gather_object(told, {index: value.cpu() for index, value in mine.items()}, group=group)
    everything = {index: value for part in told for index, value in part.items()}
    device = next(iter(mine.values())).device if mine else _own_device()
    return [
        mine[index] if index in mine else everything[index].to(device)
        for index in range(len(items))
    ]


def _own_device() -> torch.device:
    return torch.device("cuda") if torch.cuda.is_available() else torch.device("cpu")
