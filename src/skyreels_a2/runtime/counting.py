"""Counting memory and arithmetic of a piece of work without doing it.

The very modules run on fake tensors: every storage they make is noted when it comes and when it
goes, so the peak is counted, not estimated, and a 14B model takes seconds and no memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    flops: int = sdpa_flop_count(  # type: ignore[no-untyped-call]  # torch has no types for it
        query, key, value
    )
    return flops


# Kernels are named by torch.ops alone.
_ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops}  # noqa: SLF001
"""torch's counter knows the attention kernels of GPUs only."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a piece of work takes.

    Attributes:
        peak_bytes: Most memory at any moment of what it made itself, weights and inputs not
            counted.
        kept_bytes: Of these, what its result still holds.
        flops: Multiplications and additions of its matrix products, attentions, convolutions.
    """

    peak_bytes: int
    kept_bytes: int
    flops: int


@contextmanager
def without_memory() -> Iterator[FakeTensorMode]:
    """Every tensor made inside has a shape and a type, and no content."""
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, torch.no_grad():
        yield mode


def count(work: Callable[[], Any]) -> Counted:
    """Run a piece of work and count it; inside `without_memory` nothing is computed.

    Args:
        work: What to run; all that it returns is taken to be alive until its end.
    """
    memory = _MemoryMode()
    with (
        FlopCounterMode(display=False, custom_mapping=_ATTENTION) as flops,
        memory,
        torch.no_grad(),
    ):
        result = work()
        kept = memory.now
    del result
    return Counted(memory.peak, kept, int(flops.get_total_flops()))


def weight_bytes(
    module: Any, *, bytes_per_value: Callable[[str, Tensor], float] | None = None
) -> int:
    """Memory of a module's parameters and buffers, or what it would be in other types."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    if bytes_per_value is None:
        return sum(_stored_bytes(tensor) for _, tensor in tensors)
    return int(sum(tensor.numel() * bytes_per_value(name, tensor) for name, tensor in tensors))


def _stored_bytes(tensor: Any) -> int:
    """Of a tensor, or of those that a quantised one wraps."""
    if not hasattr(tensor, "__tensor_flatten__"):
        return int(tensor.numel() * tensor.element_size())
    names, _ = tensor.__tensor_flatten__()
    return sum(_stored_bytes(getattr(tensor, name)) for name in names)


class _MemoryMode(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Adds up the storages that operations make, for as long as they live."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.peak = 0
        self.now = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for value in tree_leaves((args, kwargs)):
            if isinstance(value, Tensor):
                self._note(value, fresh=False)
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                self._note(value, fresh=True)
        self.peak = max(self.peak, self.now)
        return result

    def _note(self, tensor: Tensor, *, fresh: bool) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001  (its address)
        if key in self._known:
            return
        self._known.add(key)
        size = storage.nbytes() if fresh else 0
        self.now += size
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size
