"""The same jobs on a Ray cluster: one composer a worker, videos written where the jobs say.

Workers need to see the folder of the videos (one machine, or a shared disk).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from skyreels_a2.bench.generating import Job, Outcome, is_done, make
from skyreels_a2.extras import require
from skyreels_a2.media.manifest import ModelRecord
from skyreels_a2.request import Composer

_RETRIES = 2


class _Worker:
    """Lives in a process of its own and opens its composer once."""

    def __init__(self, open_composer: Callable[[], Composer], model: ModelRecord) -> None:
        self._composer, self._model = open_composer(), model

    def make(self, job: Job) -> Outcome:
        return make(job, self._composer, self._model)


def generate_on_ray(
    jobs: Sequence[Job],
    open_composer: Callable[[], Composer],
    model: ModelRecord,
    *,
    address: str,
    workers: int,
    on_video: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Make all videos on a cluster; finished ones are skipped, a worker that dies is replaced.

    Args:
        jobs: Videos to be made.
        open_composer: Opens a composer in a worker; picklable.
        model: What the manifests say of the model.
        address: Of a running cluster, or "local" for one on this machine.
        workers: Composers at work; each takes a GPU where the cluster has some.
        on_video: Told how many of how many are done.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    pending = [job for job in jobs if not is_done(job, model)]
    if not pending:
        return []
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = require("ray", extra="cluster")
    pool_class = require("ray.util.actor_pool", extra="cluster").ActorPool
    started = not ray.is_initialized()
    if started:
        _start(ray, address, workers)
    try:
        gpus = min(1.0, ray.cluster_resources().get("GPU", 0) / workers)
        options = {"max_restarts": -1, "max_task_retries": _RETRIES, "num_gpus": gpus}
        worker_class = ray.remote(**options)(_Worker)
        team = [worker_class.remote(open_composer, model) for _ in range(workers)]
        outcomes = []
        for outcome in pool_class(team).map_unordered(_submit, pending):
            outcomes.append(outcome)
            if on_video:
                on_video(len(outcomes), len(pending))
        return outcomes
    finally:
        if started:
            ray.shutdown()


def _start(ray: Any, address: str, workers: int) -> None:
    if address == "local":
        ray.init(
            num_cpus=workers, include_dashboard=False, log_to_driver=False, configure_logging=False
        )
        return
    ray.init(address=address, log_to_driver=False, configure_logging=False)


def _submit(worker: Any, job: Job) -> Any:
    return worker.make.remote(job)
