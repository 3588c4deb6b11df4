"""The same units as Ray tasks (Ray Core). The only module that imports Ray.

Each task runs its unit in a process of its own with the limits of `workers`, so a unit that hangs
or crashes costs nothing but itself. The data set's folder must be seen by all nodes.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from skyreels_a2.data.build import Runner
from skyreels_a2.data.unit import UnitTask
from skyreels_a2.data.workers import UnitOutcome, run_units
from skyreels_a2.extras import require


def ray_runner(address: str) -> Runner:
    """A runner on the cluster at an address; `local` starts one on this machine.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = require("ray", extra="cluster")

    def run(tasks: Iterable[UnitTask], workers: int) -> Iterator[UnitOutcome]:
        if not ray.is_initialized():
            if address == "local":
                ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
            else:
                ray.init(address=address, log_to_driver=False)
        remote = ray.remote(num_cpus=1, max_retries=2)(run_guarded)
        waiting = deque(tasks)
        running: dict[Any, UnitTask] = {}
        while waiting or running:
            while waiting and len(running) < 2 * workers:
                task = waiting.popleft()
                running[remote.remote(task)] = task
            ready, _ = ray.wait(list(running), num_returns=1)
            for reference in ready:
                task = running.pop(reference)
                try:
                    yield ray.get(reference)
                except ray.exceptions.RayError as error:
                    yield UnitOutcome(task, "", f"its node failed ({type(error).__name__})", 0.0)

    return run


def run_guarded(task: UnitTask) -> UnitOutcome:
    """One unit in a process of its own, with its limits."""
    return next(run_units([task], workers=1))
