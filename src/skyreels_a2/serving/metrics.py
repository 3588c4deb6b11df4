"""Figures for Prometheus. The only file that knows its client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skyreels_a2.extras import require
from skyreels_a2.serving.jobs import Job, JobState

_LATENCIES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_JOB_SECONDS = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Metrics:
    """Counters of one server, in a registry of its own.

    Raises:
        MissingExtraError: prometheus_client is not installed.
    """

    content_type = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self) -> None:
        self._client: Any = require("prometheus_client", extra="serve")
        self._registry = self._client.CollectorRegistry()
        kept = {"registry": self._registry, "namespace": "skyreels_a2"}
        self._requests = self._client.Histogram(
            "request_seconds",
            "Time to answer",
            ("method", "route", "status"),
            buckets=_LATENCIES,
            **kept,
        )
        self._ended = self._client.Counter("jobs_ended", "Jobs by end", ("state",), **kept)
        self._job_seconds = self._client.Histogram(
            "job_seconds", "Time to make a video", ("model",), buckets=_JOB_SECONDS, **kept
        )
        self._jobs = self._client.Gauge("jobs", "Jobs in the store", ("state",), **kept)
        self._workers = self._client.Gauge("workers_ready", "Workers that hold a model", **kept)
        self._restarts = self._client.Gauge("worker_restarts", "Workers that died", **kept)
        self._bytes = self._client.Gauge("disk_free_bytes", "Room on the data disk", **kept)

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note an answer; the route is the pattern, not the path, so that series stay few."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def job_ended(self, job: Job) -> None:
        """Note the end of a job."""
        self._ended.labels(job.state).inc()
        if job.state == JobState.DONE:
            self._job_seconds.labels(job.model).observe(job.finished - job.started)

    def render(
        self, *, jobs: Mapping[str, int], workers_ready: int, restarts: int, free_bytes: int
    ) -> bytes:
        """The text that Prometheus reads."""
        for state in JobState:
            self._jobs.labels(state.value).set(jobs.get(state.value, 0))
        self._workers.set(workers_ready)
        self._restarts.set(restarts)
        self._bytes.set(free_bytes)
        return bytes(self._client.generate_latest(self._registry))
