"""A server put together: database, service, workers, cleaner. Starts and stops them."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence

from skyreels_a2.serving.cleaning import Cleaner
from skyreels_a2.serving.database import Database
from skyreels_a2.serving.elements import ElementStore
from skyreels_a2.serving.files import DataFolder
from skyreels_a2.serving.keys import KeyStore
from skyreels_a2.serving.metrics import Metrics
from skyreels_a2.serving.service import Service
from skyreels_a2.serving.settings import ServerSettings
from skyreels_a2.serving.sqlite import SQLite
from skyreels_a2.serving.store import JobStore
from skyreels_a2.serving.supervisor import Supervisor
from skyreels_a2.serving.worker import WorkerSetup

logger = logging.getLogger(__name__)


def open_database(files: DataFolder, url: str | None) -> Database:
    """The job store's database: a file of the data folder, or PostgreSQL.

    Raises:
        OutputError: It cannot be used.
    """
    if url is None:
        return SQLite(files.database)
    from skyreels_a2.serving.postgres import Postgres

    return Postgres(url)


class Server:
    """Everything behind the API.

    Args:
        settings: What to serve and what to allow.

    Raises:
        OutputError: The data folder or the database cannot be used; nothing was changed.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.files = DataFolder(settings.data)
        self.files.prepare()
        # One server a folder, unless they agree through a database of their own.
        self._lock = self.files.lock() if settings.database_url is None else None
        self.database = open_database(self.files, settings.database_url)
        self.store, self.keys = JobStore(self.database), KeyStore(self.database)
        elements = ElementStore(self.database)
        self.service = Service(settings, store=self.store, elements=elements, files=self.files)
        self.metrics = Metrics()
        self.supervisors = self._supervisors(settings.devices)
        self.cleaner = Cleaner(
            self.store,
            elements,
            self.files,
            keep_days=settings.keep_days,
            disk_quota=settings.disk_quota,
        )

    def start(self) -> None:
        """Take up what an earlier server left, and begin to work."""
        lost = self.store.requeue_lost(all_running=self._lock is not None)
        if lost:
            logger.info("%d interrupted jobs are taken up again", len(lost))
        for supervisor in self.supervisors:
            supervisor.start()
        self.cleaner.start()
        threading.Thread(target=self.service.decoder.warm, name="warm-up", daemon=True).start()

    def stop(self) -> None:
        """End the workers, give their jobs back to the queue and let go of everything."""
        for supervisor in self.supervisors:
            supervisor.stop()
        self.cleaner.stop()
        self.service.close()
        self.database.close()
        if self._lock is not None:
            os.close(self._lock)

    def wake(self) -> None:
        """Say that there may be a job or a cancellation."""
        for supervisor in self.supervisors:
            supervisor.wake()

    def _supervisors(self, devices: Sequence[str]) -> list[Supervisor]:
        models = {model.name: model for model in self.settings.models}
        return [
            Supervisor(
                self.store,
                self.files,
                WorkerSetup(models, device, self.settings.hook),
                on_end=self.metrics.job_ended,
            )
            for device in devices
        ]
