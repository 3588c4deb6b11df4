"""Where a pipeline's components live: all on the device, by turns, block by block, on disk.

Offload is diffusers' own. On disk, processes share one set of files, which the first one writes.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from diffusers.hooks import apply_group_offloading
from safetensors import SafetensorError, safe_open

from skyreels_a2.runtime.choices import Plan


def settle(pipeline: Any, plan: Plan, device: torch.device, disk: Path | None = None) -> None:
    """Bring the components to where they live.

    Args:
        pipeline: A `SkyReelsA2Pipeline` whose weights are final.
        plan: Its placement counts.
        device: Where the work is done.
        disk: Folder for weights that come from disk; named after all that decides them.
    """
    if plan.placement == "resident":
        pipeline.to(device)
    elif plan.placement == "by-component":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        on_disk = disk if plan.placement == "by-block-on-disk" else None
        with nullcontext() if on_disk is None else _alone_in(on_disk):
            _by_block(pipeline, device, on_disk)


def _by_block(pipeline: Any, device: torch.device, disk: Path | None) -> None:
    streams = device.type == "cuda"
    usual = {"onload_device": device, "offload_device": torch.device("cpu"), "use_stream": streams}
    for name in ("transformer", "text_encoder"):
        if (model := getattr(pipeline, name)) is not None:
            apply_group_offloading(
                model,
                **usual,
                offload_type="block_level",
                num_blocks_per_group=1,
                record_stream=streams,
                low_cpu_mem_usage=disk is not None,
                offload_to_disk_path=None if disk is None else str(disk / name),
            )
    for name in ("image_encoder", "vae"):
        apply_group_offloading(getattr(pipeline, name), **usual, offload_type="leaf_level")


@contextmanager
def _alone_in(disk: Path) -> Iterator[None]:
    """One process at a time writes; the next finds whole files and takes them."""
    disk.mkdir(parents=True, exist_ok=True)
    with (disk / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in disk.glob("*/*.safetensors"):
            if _is_torn(path):
                path.unlink()
        yield


def _is_torn(path: Path) -> bool:
    """Whether a killed process left a file half-written: diffusers takes what is there."""
    try:
        with safe_open(path, framework="pt"):
            return False
    except (OSError, SafetensorError):
        return True
