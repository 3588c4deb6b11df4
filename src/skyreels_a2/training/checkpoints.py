"""Checkpoints: written aside and renamed, the last few kept, found again after any kill.

A checkpoint is a folder `step-00001200` with one file a part (weights, EMA, optimiser) and
`state.json`. Data, noise and dropouts of a step follow from the seed and the step's number alone,
so the step is all the position there is.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from skyreels_a2.errors import InputError, OutputError, one_line

_PREFIX = "step-"
_UNREADABLE = (OSError, ValueError, RuntimeError, LookupError, EOFError, UnpicklingError)
"""What the unpickler raises for damaged files."""


def save_checkpoint(
    run: Path, step: int, parts: Mapping[str, Any], state: Mapping[str, Any], *, keep: int
) -> Path:
    """Write a checkpoint and drop the oldest.

    Args:
        run: Folder of the run.
        step: Steps that are done.
        parts: State dicts by name.
        state: JSON beside them.
        keep: Checkpoints that stay.

    Raises:
        OutputError: It cannot be written; the older ones are still there.
    """
    final = run / f"{_PREFIX}{step:08d}"
    aside = run / f".{final.name}.part"
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for name, part in parts.items():
            with (aside / f"{name}.pt").open("wb") as file:
                torch.save(part, file)
                file.flush()
                os.fsync(file.fileno())
        (aside / "state.json").write_text(json.dumps({**state, "step": step}), encoding="utf-8")
        shutil.rmtree(final, ignore_errors=True)
        aside.rename(final)
    except (OSError, RuntimeError) as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise OutputError(f"checkpoint {final} cannot be written: {one_line(error)}") from error
    for old in checkpoints(run)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def checkpoints(run: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    return sorted(path for path in run.glob(f"{_PREFIX}*") if (path / "state.json").is_file())


def drop_checkpoints(run: Path) -> None:
    """Remove all checkpoints of a run that is to start anew."""
    for folder in checkpoints(run):
        shutil.rmtree(folder, ignore_errors=True)


def load_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parts and state of a checkpoint.

    Raises:
        InputError: It is damaged.
    """
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        parts = {
            path.stem: torch.load(path, map_location="cpu", weights_only=True)
            for path in sorted(folder.glob("*.pt"))
        }
    except _UNREADABLE as error:
        raise InputError(f"checkpoint {folder} cannot be read: {one_line(error)}") from error
    return parts, state
