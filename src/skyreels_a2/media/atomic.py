"""Writing aside: a result appears under its name complete, or not at all.

Files and whole folders are written under a hidden name beside their target, brought to disk
(`fsync`) and renamed. Whatever fails on the way, an interruption included, leaves nothing behind.
Knows nothing of videos.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from skyreels_a2.errors import OutputError

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No space, no quota, or a file larger than the system or the user's limit allows."""


@contextmanager
def write_aside(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a free path beside the target, and rename what stands there when the block ends well.

    Args:
        target: The final name of a file or folder; its parent exists.
        overwrite: Whether to replace what has that name at the end. A folder is swapped whole.

    Yields:
        The path to make the file or folder at.

    Raises:
        OutputError: The disk is full, the folder is gone, or without `overwrite` the name was
            taken meanwhile. Errors of the block itself pass through as they are.
    """
    part = _beside(target)
    try:
        yield part
        with output_errors(target):
            _sync(part)
            _refuse_if_taken(target, overwrite=overwrite)
            _put(part, target)
            _sync_entry(target.parent)
    finally:
        _remove(part)


@contextmanager
def output_errors(target: Path) -> Iterator[None]:
    """Turn every `OSError` of the block, PyAV's among them, into a one-line `OutputError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "choose another path"
        if error.errno in DISK_FULL:
            advice = "free some space or choose another disk"
        raise OutputError(f"{target} cannot be written ({reason}): {advice}") from error


def try_folder(folder: Path) -> None:
    """Make a folder with its parents, and write there once, as only that shows whether one may.

    Raises:
        OutputError: It cannot be made, or nothing can be written into it.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe = _beside(folder / "probe")
        try:
            probe.write_bytes(b"probe")
        finally:
            _remove(probe)


def _beside(target: Path) -> Path:
    # Not derived from the target's name: that may already be as long as names can be.
    return target.parent / f".{uuid4().hex}.part"


def _refuse_if_taken(target: Path, *, overwrite: bool) -> None:
    if overwrite or not os.path.lexists(target) or _is_empty_folder(target):
        return
    raise OutputError(
        f"{target} was written by somebody else meanwhile: choose another name, or --overwrite"
    )


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _sync(path: Path) -> None:
    """Bring a file, or a folder with its files, to disk."""
    if path.is_dir():
        for entry in path.iterdir():
            _sync(entry)
        _sync_entry(path)
        return
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_entry(folder: Path) -> None:
    # Some systems and network disks cannot sync a folder; the files themselves are safe by then.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _put(part: Path, target: Path) -> None:
    """Rename, swapping folders: no system replaces a folder that holds something."""
    if not (part.is_dir() and target.is_dir()):
        part.replace(target)
        return
    former = _beside(target)
    target.rename(former)
    try:
        part.rename(target)
    except BaseException:
        former.rename(target)
        raise
    _remove(former)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()
