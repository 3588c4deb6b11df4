"""The processes that train together; one is the rule, and needs no process group."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Self, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from skyreels_a2.errors import InputError

T = TypeVar("T")


class Processes:
    """This process's place among those that `torchrun` started."""

    @classmethod
    def join(cls, device: torch.device) -> Self:
        """Meet the others, if `torchrun` started this process; else be alone."""
        if "WORLD_SIZE" in os.environ and not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls()

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        return dist.get_rank() if dist.is_initialized() else 0

    @property
    def size(self) -> int:
        """Number of processes."""
        return dist.get_world_size() if dist.is_initialized() else 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes checkpoints and logs."""
        return self.rank == 0

    def check_batch(self, size: int) -> None:
        """Make sure that a batch splits evenly.

        Raises:
            InputError: It does not.
        """
        if size % self.size:
            raise InputError(
                f"loop.batch_size is {size}: use a multiple of the {self.size} processes"
            )

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of a batch: every size-th item."""
        return items[self.rank :: self.size]

    def sum_value(self, value: float) -> float:
        """Sum of a number over all processes."""
        if self.size == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(tensor)
        return float(tensor)

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Sum gradients over all processes; losses are already divided by the whole batch."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dist.all_reduce(parameter.grad)
