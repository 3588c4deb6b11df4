"""Retention and quota: what has ended is deleted when it is old or the folder is too full.

Only jobs that have ended are ever deleted, and the store decides that at the very moment: a job
that waits or runs keeps its files. What the store does not know of goes once it is an hour old.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from skyreels_a2.serving.database import StorageError
from skyreels_a2.serving.elements import ElementStore
from skyreels_a2.serving.files import DataFolder, folder_bytes
from skyreels_a2.serving.store import JobStore

logger = logging.getLogger(__name__)

DAY = 86_400.0
_UPLOAD_DAYS = 1.0
_ORPHAN_SECONDS = 3600.0
_EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a round deleted."""

    expired: int = 0
    over_quota: int = 0
    orphans: int = 0
    uploads: int = 0


class Cleaner:
    """Deletes what need not be kept.

    Args:
        store, elements, files: Where things are.
        keep_days: Age at which jobs that have ended go.
        disk_quota: Bytes above which the oldest results go.
    """

    def __init__(
        self,
        store: JobStore,
        elements: ElementStore,
        files: DataFolder,
        *,
        keep_days: float,
        disk_quota: int,
    ) -> None:
        self._store, self._elements, self._files = store, elements, files
        self._keep_days, self._disk_quota = keep_days, disk_quota
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cleaner", daemon=True)

    def start(self) -> None:
        """Clean now and then from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop cleaning."""
        self._stopping.set()
        self._thread.join()

    def clean(self, *, now: float | None = None) -> Cleaned:
        """One round.

        Args:
            now: The time it is, in seconds since the epoch.
        """
        now = time.time() if now is None else now
        expired = sum(
            self._forget(job.id) for job in self._store.ended(before=now - self._keep_days * DAY)
        )
        uploads = sum(
            _remove_older(path, now - _UPLOAD_DAYS * DAY) for path in self._files.uploads()
        )
        orphans = self._remove_orphans(now)
        cleaned = Cleaned(expired, self._meet_quota(), orphans, uploads)
        if cleaned != Cleaned():
            logger.info("cleaned: %s", cleaned)
        return cleaned

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_SECONDS):
            try:
                self.clean()
            except (StorageError, OSError) as error:
                logger.warning("cleaning will be tried again: %s", error)

    def _forget(self, job_id: str) -> bool:
        if not self._store.forget(job_id):
            return False
        self._files.remove_job(job_id)
        return True

    def _meet_quota(self) -> int:
        excess = self._files.num_bytes() - self._disk_quota
        deleted = 0
        for job in self._store.ended() if excess > 0 else ():
            if excess <= 0:
                break
            size = folder_bytes(self._files.job(job.id))
            if self._forget(job.id):
                deleted += 1
                excess -= size
        return deleted

    def _remove_orphans(self, now: float) -> int:
        """Folders that a killed server made and never told the store of."""
        before = now - _ORPHAN_SECONDS
        old = [path for path in self._files.job_folders() if _is_older(path, before)]
        known = self._store.ids() if old else set()
        orphans = [path.name for path in old if path.name not in known]
        for name in orphans:
            self._files.remove_job(name)
        return len(orphans) + self._remove_lost_elements(before)

    def _remove_lost_elements(self, before: float) -> int:
        old = [path for path in self._files.element_folders() if _is_older(path, before)]
        known = self._elements.ids() if old else set()
        lost = [path.name for path in old if path.name not in known]
        for name in lost:
            self._files.remove_element(name)
        return len(lost)


def _is_older(path: Path, limit: float) -> bool:
    try:
        return path.stat().st_mtime < limit
    except OSError:
        return False


def _remove_older(path: Path, limit: float) -> bool:
    if not _is_older(path, limit):
        return False
    path.unlink(missing_ok=True)
    return True
