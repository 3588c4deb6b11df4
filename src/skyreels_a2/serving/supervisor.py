"""The server's side of a worker: takes jobs from the store, hands them over, watches over them.

One thread a device. A worker that dies is replaced; its job is tried once more and then fails
with the reason. Nothing here holds a model.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from skyreels_a2.serving.database import StorageError
from skyreels_a2.serving.files import DataFolder
from skyreels_a2.serving.jobs import Job
from skyreels_a2.serving.store import JobStore
from skyreels_a2.serving.worker import Event, Task, WorkerSetup, run_worker

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
"""An attempt that has not reported for so long is lost."""
_REPORT_SECONDS = 0.25
_IDLE_SECONDS = 0.5
_LOST_SECONDS = 5.0
"""How often to look for jobs whose attempt was lost, e.g. with another machine."""
_STORAGE_SECONDS = 2.0
_SAME_MODEL_RUN = 8
"""Jobs of the loaded model that may go before others of equal priority, one after the other."""


@dataclass(slots=True)
class _Attempt:
    job: Job
    progress: tuple[str, int, int] = ("start", 0, 0)
    reported: float = 0.0
    cancel_sent: bool = False


class Supervisor:
    """Keeps one worker process busy.

    Args:
        store: Where jobs come from.
        files: Where their folders are.
        setup: What the worker process is started with.
        on_end: Called with every job that ended here.
    """

    def __init__(
        self,
        store: JobStore,
        files: DataFolder,
        setup: WorkerSetup,
        *,
        on_end: Callable[[Job], None] = lambda _: None,
    ) -> None:
        self._store, self._files, self._setup, self._on_end = store, files, setup, on_end
        self._stopping = threading.Event()
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"worker-{setup.device}")
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._loaded, self._in_a_row, self._looked = "", 0, 0.0
        self.ready = threading.Event()
        self.restarts = 0

    def start(self) -> None:
        """Start the worker and begin to take jobs."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there may be a job or a cancellation."""
        self._wanted.set()

    def stop(self) -> None:
        """End the worker; its job goes back into the queue."""
        self._stopping.set()
        self._wanted.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except StorageError as error:
                # The attempt may have been anywhere: its lease runs out, and it is taken up again.
                logger.warning("%s", error)
                self._end_worker()
                self._stopping.wait(_STORAGE_SECONDS)
            except Exception:
                logger.exception("the supervisor goes on after an error")
                self._end_worker()
                self._stopping.wait(_STORAGE_SECONDS)
        self._end_worker()

    def _turn(self) -> None:
        """One job from the queue to its end, or a short wait where there is none."""
        if not self._ensure_worker():
            return
        self._wanted.clear()
        if time.monotonic() - self._looked > _LOST_SECONDS:
            self._looked = time.monotonic()
            self._store.requeue_lost()
        loaded = self._loaded if self._in_a_row < _SAME_MODEL_RUN else None
        job = self._store.claim(lease=LEASE_SECONDS, models=list(self._setup.models), loaded=loaded)
        if job is None:
            self._wanted.wait(_IDLE_SECONDS)
            return
        self._in_a_row = self._in_a_row + 1 if job.model == self._loaded else 1
        self._loaded = job.model
        self._attend(_Attempt(job))

    def _attend(self, attempt: _Attempt) -> None:
        """Hand a job over and stay with it until it ends, one way or another."""
        job = attempt.job
        connection = self._connection
        assert connection is not None  # noqa: S101  (a worker was made sure of)
        try:
            order, folder = job.order, self._files.job(job.id)
            connection.send(Task(job.id, job.token, job.model, order, folder, f"{job.token}.mp4"))
            while not self._stopping.is_set():
                event = connection.recv() if connection.poll(_REPORT_SECONDS) else None
                if event is not None and self._take(attempt, event):
                    return
                if not self._report(attempt):
                    self._end_worker()  # the attempt counts no more: do not finish it
                    return
            self._end_worker()
            self._store.release(job)
        except (EOFError, OSError):
            self._crashed(job)

    def _take(self, attempt: _Attempt, event: Event) -> bool:
        """Act on what the worker says; whether the job has ended."""
        job = attempt.job
        if event.kind == "progress":
            attempt.progress = event.value
        elif event.kind == "preview":
            self._files.save_preview(job.id, event.value)
        elif event.kind == "done":
            size = event.value
            self._insist(lambda: self._store.finish(job, result=f"{job.token}.mp4", num_bytes=size))
            return True
        elif event.kind == "failed":
            error, error_type = event.value
            self._insist(lambda: self._store.fail(job, error=error, error_type=error_type))
            return True
        return False

    def _report(self, attempt: _Attempt) -> bool:
        """Tell the store how far it is; False if the attempt was taken away."""
        if time.monotonic() - attempt.reported < _REPORT_SECONDS:
            return True
        attempt.reported = time.monotonic()
        job = self._store.report(attempt.job, progress=attempt.progress, lease=LEASE_SECONDS)
        if job is None:
            return False
        if job.cancelling and not attempt.cancel_sent and self._connection:
            attempt.cancel_sent = True
            self._connection.send(job.token)
        return True

    def _crashed(self, job: Job) -> None:
        if self._stopping.is_set():
            self._store.release(job)
            return
        self._loaded = ""
        error = f"the worker died while making it ({self._cause()})"
        logger.warning("job %s: %s", job.id, error)
        self._end_worker()
        self.restarts += 1
        self._ended(self._store.crashed(job, error=error))

    def _cause(self) -> str:
        if self._process is None:
            return "no process"
        self._process.join(5)
        code = self._process.exitcode
        if code == -signal.SIGKILL:
            return "killed, most likely for lack of memory"
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def _insist(self, record: Callable[[], Job | None]) -> None:
        """Record an end; a disk that is full for a moment must not cost a finished video."""
        deadline = time.monotonic() + LEASE_SECONDS
        while True:
            try:
                self._ended(record())
            except StorageError:
                if self._stopping.wait(_STORAGE_SECONDS) or time.monotonic() > deadline:
                    raise
            else:
                return

    def _ended(self, job: Job | None) -> None:
        if job is not None and not job.is_open:
            self._files.remove_other_results(job.id, job.result)
            self._on_end(job)

    def _ensure_worker(self) -> bool:
        """Whether a worker is ready; starts one if there is none."""
        if self._process is not None and self._process.is_alive():
            return True
        self._end_worker()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=run_worker, args=(theirs, self._setup), daemon=True)
        self._process.start()
        theirs.close()
        while not self._stopping.is_set():
            try:
                if self._connection.poll(_IDLE_SECONDS) and self._connection.recv().kind == "ready":
                    self.ready.set()
                    return True
            except (EOFError, OSError):
                # The traceback would be that of a closed pipe and tell nothing.
                logger.error("the worker died while it started (%s)", self._cause())  # noqa: TRY400
                self._end_worker()
                self._stopping.wait(_STORAGE_SECONDS)
                return False
        return False

    def _end_worker(self) -> None:
        self.ready.clear()
        process, self._process = self._process, None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if process is not None:
            with suppress(OSError):
                process.kill()
            process.join()
