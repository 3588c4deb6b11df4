"""Where a model's folder is: an embedded name, a folder, or a hub id. Loads nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Container
from importlib.resources import files
from pathlib import Path

from skyreels_a2.errors import ModelError
from skyreels_a2.pipeline.presets import read_model_index

EMBEDDED_MODELS = ("a2-tiny",)
"""Models that ship inside the package."""

_SAMPLE = 2**18
"""Bytes of the start and of the end of a weights file that its fingerprint looks at."""

COMPONENTS = (
    "tokenizer",
    "text_encoder",
    "image_encoder",
    "image_processor",
    "transformer",
    "vae",
    "scheduler",
)
OPTIONAL = ("tokenizer", "text_encoder")
"""May be absent where text embeddings are given; `model_index.json` then says null."""


def model_folder(
    name: str | Path,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    token: str | None = None,
    local_files_only: bool = False,
) -> Path:
    """Find a model's folder, downloading it from the hub if need be.

    Args:
        name: Embedded name, path of a folder, or hub id `owner/name`.
        revision, cache_dir, token, local_files_only: As in huggingface_hub.

    Raises:
        ModelError: None of the three.
    """
    if str(name) in EMBEDDED_MODELS:
        return Path(str(files("skyreels_a2"))) / "models" / str(name)
    if (folder := Path(name)).is_dir():
        return folder
    if folder.exists():
        raise ModelError(f"model {folder} is a file: give the folder that has model_index.json")
    if isinstance(name, str) and name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _download(name, revision, cache_dir, token, local_files_only=local_files_only)
    raise ModelError(
        f"model {str(name)!r} is no folder and no hub id (owner/name); "
        f"embedded models: {', '.join(EMBEDDED_MODELS)}"
    )


def check_folder(folder: Path, *, given: Container[str] = ()) -> None:
    """Make sure that a folder has every component, without loading any.

    Args:
        folder: A folder in the diffusers layout.
        given: Components that come from elsewhere.

    Raises:
        ModelError: Naming the first that is missing.
    """
    index = read_model_index(folder)
    for name in COMPONENTS:
        left_out = name in OPTIONAL and list(index.get(name, ())) == [None, None]
        if name not in given and not left_out and not (folder / name).is_dir():
            raise ModelError(
                f"{folder} has no component {name!r}: the folder {folder / name} is missing"
            )


def _download(
    repo_id: str,
    revision: str | None,
    cache_dir: str | Path | None,
    token: str | None,
    *,
    local_files_only: bool,
) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    try:
        path = snapshot_download(
            repo_id,
            revision=revision,
            cache_dir=cache_dir,
            token=token,
            local_files_only=local_files_only,
            allow_patterns=["model_index.json", *(f"{name}/*" for name in COMPONENTS)],
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"model {repo_id!r} is no folder here and could not be had from the hub: {reason}"
        ) from error
    return Path(path)


def folder_fingerprint(folder: Path, transformer: Path | None = None) -> str:
    """A short name for what is in a model folder: equal weights and configs have equal ones.

    Reads the size, start and end of each file, not gigabytes.

    Args:
        folder: In the diffusers layout.
        transformer: A file whose weights go before those of the folder.
    """
    digest = hashlib.sha256()
    weights_and_configs = sorted((*folder.glob("*/*.safetensors"), *folder.glob("*/*.json")))
    named = {str(path.relative_to(folder)): path for path in weights_and_configs}
    for name, path in {**named, **({"file": transformer} if transformer else {})}.items():
        size = path.stat().st_size
        digest.update(f"{name}:{size}:".encode())
        with path.open("rb") as file:
            digest.update(file.read(_SAMPLE))
            file.seek(max(0, size - _SAMPLE))
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()[:16]
