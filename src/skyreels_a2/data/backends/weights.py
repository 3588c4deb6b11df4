"""Opening learned models: a folder or a hub name, and one line of what to do if it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from safetensors import SafetensorError

from skyreels_a2.errors import ModelError, one_line


@contextmanager
def model_errors(name: str, kind: str) -> Iterator[None]:
    """Turn what transformers raises for a missing or wrong model into one line.

    Args:
        name: Folder or hub name that was given.
        kind: What it should have been, with an example.

    Raises:
        ModelError: The block could not open it.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{name} cannot be opened as {kind}: {one_line(error, limit=160)}"
        ) from error
