"""The data folder: what it holds, who may use it, and how full it is.

    jobs.sqlite            the job store
    jobs/ID/               pictures of a job, its preview and its video
    elements/ID/           pictures of a saved element
    pictures/OWNER.ID.png  uploads that no job or element has used yet

Names come from here alone; nothing that a client says ever becomes part of a path.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from skyreels_a2.errors import OutputError
from skyreels_a2.media.atomic import try_folder
from skyreels_a2.serving.database import StorageError

_PREVIEW = "preview.jpg"
_LOCK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A server's folder."""

    path: Path

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            OutputError: They cannot be made or written to.
        """
        for name in ("jobs", "elements", "pictures"):
            try_folder(self.path / name)

    def lock(self) -> int:
        """Keep every other server out for as long as this process lives.

        A server that has just been killed may hold it for a moment more, through a process which
        it was about to start.

        Raises:
            OutputError: Another server uses the folder.
        """
        handle = os.open(self.path / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
        last = time.monotonic() + _LOCK_SECONDS
        while not _locked(handle):
            if time.monotonic() > last:
                os.close(handle)
                raise OutputError(
                    f"{self.path} is in use by another server: stop that one, or choose another"
                    " --data"
                )
            time.sleep(0.02)
        return handle

    @property
    def database(self) -> Path:
        """The job store's file."""
        return self.path / "jobs.sqlite"

    def job(self, job_id: str) -> Path:
        """Folder of a job."""
        return self.path / "jobs" / job_id

    def element(self, element_id: str) -> Path:
        """Folder of a saved element."""
        return self.path / "elements" / element_id

    def picture(self, owner: str, picture_id: str) -> Path:
        """A picture that somebody uploaded."""
        return self.path / "pictures" / f"{owner}.{picture_id}.png"

    def preview(self, job_id: str) -> Path | None:
        """The latest preview of a job."""
        path = self.job(job_id) / _PREVIEW
        return path if path.is_file() else None

    def save_preview(self, job_id: str, jpeg: bytes) -> None:
        """Replace the preview of a job; one that cannot be written is left out."""
        target = self.job(job_id) / _PREVIEW
        part = target.with_suffix(f".{uuid4().hex}.part")
        with suppress(OSError):
            part.write_bytes(jpeg)
            part.replace(target)

    def fill(self, folder: Path, pictures: Sequence[Path | bytes]) -> None:
        """Make a folder of `0.png`, `1.png` and so on, and bring it to disk.

        Args:
            folder: Of a job or an element.
            pictures: PNG bytes, or files of this data folder, which are linked.

        Raises:
            StorageError: The disk is full or may not be written; then nothing is left.
            FileNotFoundError: A file has been deleted meanwhile.
        """
        try:
            folder.mkdir()
            for index, picture in enumerate(pictures):
                _put(picture, folder / f"{index}.png")
            _sync(folder)
            _sync(folder.parent)
        except FileNotFoundError:
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.parent.is_dir():
                raise StorageError(f"the data folder {self.path} is gone") from None
            raise
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise StorageError(f"the data folder cannot be written: {error.strerror}") from error

    def save_picture(self, owner: str, picture_id: str, png: bytes) -> None:
        """Keep an upload.

        Raises:
            StorageError: The disk is full or may not be written.
        """
        target = self.picture(owner, picture_id)
        try:
            _put(png, target)
        except OSError as error:
            target.unlink(missing_ok=True)
            raise StorageError(f"the data folder cannot be written: {error.strerror}") from error

    def remove_other_results(self, job_id: str, result: str) -> None:
        """Delete the videos of attempts that were cut off after writing and before recording."""
        for path in self.job(job_id).glob("*.mp4"):
            if path.name != result:
                path.unlink(missing_ok=True)

    def remove_job(self, job_id: str) -> None:
        """Delete all files of a job."""
        shutil.rmtree(self.job(job_id), ignore_errors=True)

    def remove_element(self, element_id: str) -> None:
        """Delete the pictures of an element; jobs that use them have links of their own."""
        shutil.rmtree(self.element(element_id), ignore_errors=True)

    def job_folders(self) -> Iterator[Path]:
        """Folders of jobs, also of such as are no longer in the store."""
        yield from (path for path in (self.path / "jobs").iterdir() if path.is_dir())

    def element_folders(self) -> Iterator[Path]:
        """Folders of saved elements."""
        yield from (path for path in (self.path / "elements").iterdir() if path.is_dir())

    def uploads(self) -> Iterator[Path]:
        """Uploaded pictures."""
        yield from (self.path / "pictures").glob("*.png")

    def num_bytes(self) -> int:
        """Size of all results, pictures and uploads; a file with several links counts once."""
        seen: dict[int, int] = {}
        for folder, _, names in os.walk(self.path):
            for name in names:
                with suppress(OSError):
                    status = os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118  (fast)
                    seen[status.st_ino] = status.st_size
        return sum(seen.values())

    def free_bytes(self) -> int:
        """Room left on the disk.

        Raises:
            StorageError: The folder is gone.
        """
        try:
            return shutil.disk_usage(self.path).free
        except OSError as error:
            raise StorageError(f"the data folder {self.path} is gone: {error.strerror}") from error


def folder_bytes(folder: Path) -> int:
    """Size of the files directly in a folder."""
    total = 0
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                total += path.stat().st_size
    return total


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _put(picture: Path | bytes, target: Path) -> None:
    if isinstance(picture, bytes):
        with target.open("wb") as file:
            file.write(picture)
            file.flush()
            os.fsync(file.fileno())
        return
    try:
        os.link(picture, target)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        shutil.copyfile(picture, target)


def _sync(folder: Path) -> None:
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
