"""Hardware: what is there, or a named machine to plan for. Knows no model."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from skyreels_a2.errors import InputError

GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """A machine as far as a plan needs it.

    Attributes:
        name: For people.
        device: "cpu" or "cuda".
        memory: Bytes free on one GPU; of the machine where there is none.
        host_memory: Bytes free in the machine.
        flops: Dense bfloat16 operations a second of one device, as its maker says (float32 of
            a CPU, measured).
        link: Bytes a second from the machine to the GPU.
        disk: Bytes a second from the disk.
        fp8: Whether it multiplies 8-bit floats.
        num_devices: GPUs.
    """

    name: str
    device: str = "cuda"
    memory: int
    host_memory: int
    flops: float
    link: float = 25e9
    disk: float = 2e9
    fp8: bool = False
    num_devices: int = 1


@dataclass(frozen=True, slots=True)
class _Known:
    """A GPU by its data sheet: GiB, dense bf16 TFLOP/s, GB/s to the host, 8-bit floats."""

    gib: int
    tflops: float
    link: float
    fp8: bool


KNOWN: Mapping[str, _Known] = {
    "rtx3060": _Known(12, 51, 12, fp8=False),
    "rtx3090": _Known(24, 71, 20, fp8=False),
    "rtx4060": _Known(8, 60, 12, fp8=True),
    "rtx4080": _Known(16, 97, 20, fp8=True),
    "rtx4090": _Known(24, 165, 20, fp8=True),
    "rtx5090": _Known(32, 210, 40, fp8=True),
    "l4": _Known(24, 121, 20, fp8=True),
    "l40s": _Known(48, 362, 20, fp8=True),
    "a100": _Known(80, 312, 20, fp8=False),
    "h100": _Known(80, 989, 40, fp8=True),
    "h200": _Known(141, 989, 40, fp8=True),
    "b200": _Known(180, 2250, 40, fp8=True),
}
"""Dense bf16 with float32 sums, from the makers' data sheets; links as measured by users, rounded
down (PCIe 3 x16 12 GB/s, 4 x16 20, 5 x16 40)."""

_HOST = 64 * GIB
"""Memory of the machine around a named GPU."""
_OTHER = _Known(24, 70, 20, fp8=False)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:gb|gib|g)?", re.IGNORECASE)


def parse_gpu(text: str, *, count: int = 1) -> Hardware:
    """Read `NAME`, `NAME,SIZE` or `SIZE`, e.g. `rtx4090,24GB`.

    Args:
        text: What the user said.
        count: Of such GPUs.

    Raises:
        InputError: An unknown name or a size that is none.
    """
    name, _, size = text.lower().replace(" ", "").partition(",")
    known, label = KNOWN.get(name), name
    if known is None:
        known, size, label = _OTHER, size or name, "a GPU"
    gib = _gib(size, text) if size or not name else float(known.gib)
    return Hardware(
        name=f"{label}, {gib:g} GB" if count == 1 else f"{count} x {label}, {gib:g} GB",
        memory=int(gib * GIB),
        host_memory=_HOST,
        flops=known.tflops * 1e12,
        link=known.link * 1e9,
        fp8=known.fp8,
        num_devices=count,
    )


def detect(device: str = "auto", *, emptied: bool = False) -> Hardware:
    """The machine this runs on.

    Args:
        device: "auto", "cpu", "cuda" or "cuda:1".
        emptied: Count all memory that is there, not what is free of it now.
    """
    import torch

    if device == "cpu" or not torch.cuda.is_available():
        return _this_cpu(emptied=emptied)
    index = torch.device("cuda" if device == "auto" else device).index or 0
    name = torch.cuda.get_device_name(index)
    short = re.sub(r"[^a-z0-9]", "", name.lower())
    known = next((known for key, known in KNOWN.items() if key in short), _OTHER)
    return Hardware(
        name=name,
        memory=_cuda_memory(index, emptied=emptied),
        host_memory=_host_memory(emptied=emptied),
        flops=known.tflops * 1e12,
        link=known.link * 1e9,
        fp8=torch.cuda.get_device_capability(index) >= (8, 9),
        num_devices=torch.cuda.device_count(),
    )


def _cuda_memory(index: int, *, emptied: bool) -> int:
    import torch

    if emptied:  # asked without a context on the device, which would take memory itself
        return int(torch.cuda.get_device_properties(index).total_memory)
    return int(torch.cuda.mem_get_info(index)[0])


def _host_memory(*, emptied: bool) -> int:
    memory = psutil.virtual_memory()
    return int(memory.total if emptied else memory.available)


def _this_cpu(*, emptied: bool) -> Hardware:
    memory = _host_memory(emptied=emptied)
    return Hardware(
        name=f"{os.cpu_count()} CPU cores",
        device="cpu",
        memory=memory,
        host_memory=memory,
        flops=_measured_flops(),
    )


def _measured_flops() -> float:
    """float32 operations a second of a matrix product of a block's size."""
    import torch

    matrix = torch.ones(768, 768)
    matrix @ matrix
    begin = time.perf_counter()
    matrix @ matrix
    return 2 * 768**3 / max(time.perf_counter() - begin, 1e-6)


def _gib(size: str, text: str) -> float:
    match = _SIZE.fullmatch(size)
    if match is None or float(match[1]) <= 0:
        raise InputError(
            f"GPU {text!r} is not understood: use a size (24GB), or one of {', '.join(KNOWN)} "
            "with or without a size (rtx4090,24GB)"
        )
    return float(match[1])
