"""When jobs will be done: their place in the queue and the time left, as earlier ones tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from skyreels_a2.serving.jobs import Job, JobState
from skyreels_a2.serving.store import JobStore

_OVERVIEW_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Outlook:
    """When a job will be done.

    Attributes:
        position: Jobs that go first; None unless it waits.
        seconds_left: An estimate; None before the first job of its model.
    """

    position: int | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class _Overview:
    """The queue as it was a moment ago, so that many status calls read it once."""

    at: float
    waiting: dict[str, int]
    ahead: dict[str, float]
    pace: dict[str, float | None]


class Outlooks:
    """Looks ahead for jobs.

    Args:
        store: Where the jobs are.
        models: Names of the models.
        workers: How many of this server make videos; other replicas are seen by what they run.
    """

    def __init__(self, store: JobStore, models: Iterable[str], workers: int) -> None:
        self._store, self._models, self._workers = store, tuple(models), workers
        self._overview: _Overview | None = None
        self._lock = threading.Lock()

    def of(self, job: Job) -> Outlook:
        """That of a job; empty for one that has ended."""
        if not job.is_open:
            return Outlook()
        view = self._queue()
        pace = view.pace.get(job.model)
        own = None if pace is None else pace * job.work
        if job.state == JobState.RUNNING:
            return Outlook(None, _time_left(job, own))
        left = None if own is None else view.ahead.get(job.id, 0.0) + own
        return Outlook(view.waiting.get(job.id, 0), left)

    def changed(self) -> None:
        """The queue is another: look again."""
        self._overview = None

    def _queue(self) -> _Overview:
        with self._lock:
            view = self._overview
            if view is None or time.monotonic() - view.at > _OVERVIEW_SECONDS:
                view = self._overview = self._look()
            return view

    def _look(self) -> _Overview:
        pace = {name: self._store.pace(name) for name in self._models}
        running = self._store.running()
        workers = max(1, self._workers, len(running))
        sum_ahead = 0.0
        for job in running:
            sum_ahead += _time_left(job, (pace.get(job.model) or 0.0) * job.work) or 0.0
        ahead, waiting = dict[str, float](), dict[str, int]()
        for index, job in enumerate(self._store.waiting()):
            waiting[job.id], ahead[job.id] = index, sum_ahead / workers
            sum_ahead += (pace.get(job.model) or 0.0) * job.work
        return _Overview(time.monotonic(), waiting, ahead, pace)


def _time_left(job: Job, expected: float | None) -> float | None:
    """Of a running job: from its own steps once there are some, else from earlier jobs."""
    taken = time.time() - job.started
    if job.phase == "sample" and job.total and job.done >= 2:
        return max(0.0, taken / job.done * (job.total - job.done))
    return None if expected is None else max(0.0, expected - taken)
