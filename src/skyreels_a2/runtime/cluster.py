"""Many jobs on a Ray cluster: workers are opened once, and a killed one is opened again.

The only module that knows Ray. Restarts and retries are Ray's own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from skyreels_a2.errors import one_line
from skyreels_a2.extras import require

Job = TypeVar("Job")
_RETRIES = 3
"""Times that a job is tried again after its worker died."""


class _Worker:
    """Lives in a process of the cluster: opens what is dear once, then does jobs."""

    def __init__(self, open_worker: Callable[[], Callable[[Any], Any]]) -> None:
        self._work = open_worker()

    def run(self, job: Any) -> Any:
        """Do one job."""
        return self._work(job)


def run_on_cluster(
    open_worker: Callable[[], Callable[[Job], Any]],
    jobs: Sequence[Job],
    *,
    num_workers: int = 0,
    gpus: float = 0,
) -> Iterator[tuple[Job, Any, str | None]]:
    """Do jobs on the cluster at `RAY_ADDRESS`, or on this machine.

    Args:
        open_worker: Called once in every worker; gives what does a job. Both must be picklable.
        jobs: What to do; a job whose worker died is done again by the next.
        num_workers: Workers; 0 for as many as the cluster has GPUs (or cores).
        gpus: GPUs of each.

    Yields:
        Job, result and None, or job, None and what went wrong; in the order in which they end.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    ray = require("ray", extra="cluster")
    own = not ray.is_initialized()
    if own:
        address = os.environ.get("RAY_ADDRESS")
        local = {} if address else {"num_cpus": max(num_workers, os.cpu_count() or 1)}
        ray.init(address=address, log_to_driver=False, include_dashboard=False, **local)
    try:
        yield from _run(ray, open_worker, jobs, num_workers, gpus)
    finally:
        if own:
            ray.shutdown()


def _run(
    ray: Any, open_worker: Callable[[], Any], jobs: Sequence[Job], num_workers: int, gpus: float
) -> Iterator[tuple[Job, Any, str | None]]:
    has = ray.cluster_resources()
    most = int(has.get("GPU", 0) / gpus) if gpus else int(has.get("CPU", 1))
    number = max(1, min(num_workers or most, len(jobs)))
    options = {
        "num_cpus": 1,
        "num_gpus": gpus,
        "max_restarts": -1,
        "max_task_retries": _RETRIES,
    }
    workers = [ray.remote(**options)(_Worker).remote(open_worker) for _ in range(number)]
    waiting = list(reversed(jobs))
    running: dict[Any, tuple[Any, Job]] = {}
    for worker in workers:
        job = waiting.pop()
        running[worker.run.remote(job)] = (worker, job)
    while running:
        done, _ = ray.wait(list(running), num_returns=1)
        worker, job = running.pop(done[0])
        try:
            result, problem = ray.get(done[0]), None
        except ray.exceptions.RayError as error:
            result, problem = None, one_line(error)
        if waiting:
            following = waiting.pop()
            running[worker.run.remote(following)] = (worker, following)
        yield job, result, problem
