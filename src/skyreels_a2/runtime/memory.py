"""Out of memory, told as what was needed, what was there and what to try."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from skyreels_a2.errors import MemoryLimitError
from skyreels_a2.runtime.advice import NO_PLAN

_TRIED = re.compile(r"tried to allocate (\d+(?:\.\d+)?) ?(bytes|KiB|MiB|GiB)", re.IGNORECASE)
_UNITS = {"bytes": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30}


@contextmanager
def explain_out_of_memory(what: str, advice: str = NO_PLAN) -> Iterator[None]:
    """Turn an allocator's failure into a `MemoryLimitError`.

    Args:
        what: What was being made, e.g. "832x480, 81 frames".
        advice: What to do about it.

    Raises:
        MemoryLimitError: In place of the out-of-memory errors of torch (CPU and CUDA), NumPy and
            Python; every other error passes.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise MemoryLimitError(
            f"out of memory while making {what}: one step {_needed(error)}; {advice}"
        ) from error


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # The CPU allocator has no exception class of its own.
    return "DefaultCPUAllocator" in str(error) or "can't allocate memory" in str(error)


def _needed(error: BaseException) -> str:
    match = _TRIED.search(str(error))
    free = f"{free_bytes() / 2**30:.1f} GiB are free"
    if match is None:
        return f"needed more than there is ({free})"
    size = float(match[1]) * _UNITS[match[2].lower()]
    return f"needed {size / 2**30:.1f} GiB more ({free})"


def free_bytes() -> int:
    """Free memory of the GPU in use, or of the machine where there is none."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    import psutil

    return int(psutil.virtual_memory().available)
