"""The tiny dual encoder of a model folder, when it has one: trained on rendered scenes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from skyreels_a2.bench.networks.weights import NetworkMissingError, Weights
from skyreels_a2.conditioning.dual_encoder import DualEncoder
from skyreels_a2.errors import ModelError


def open_tiny_dual(weights: Weights) -> DualEncoder:
    """The dual encoder of the weights' model folder, once a process.

    Raises:
        NetworkMissingError: No folder was named, or it has none.
    """
    if weights.model_folder is None:
        raise NetworkMissingError("no model folder was named: --dual-encoder FOLDER")
    return _open(weights.model_folder)


@cache
def _open(folder: Path) -> DualEncoder:
    if not (folder / "dual_encoder").is_dir():
        raise NetworkMissingError(f"model {folder.name} has no dual encoder")
    try:
        return DualEncoder.from_folder(folder)
    except ModelError as error:
        raise NetworkMissingError(str(error)) from error
