"""The job store: every accepted job, durable, and who works on it.

A job is accepted when `add` returns. A worker takes it by `claim`, which gives the attempt a token
and a lease; reports and results count only with the token of the latest attempt, so a job that was
taken up again cannot end twice. Knows rows, not files or models.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from skyreels_a2.errors import SkyReelsA2Error
from skyreels_a2.serving.database import Database, Row, Transaction
from skyreels_a2.serving.jobs import OPEN_STATES, Job, JobState

MAX_CRASHES = 1
"""A job may take one worker down and is tried once more; a second time it fails."""

_FIELDS = tuple(field.name for field in fields(Job))
_OPEN = ", ".join(f"'{state.value}'" for state in OPEN_STATES)
_ENDED = f"state NOT IN ({_OPEN})"
_RECENT = 20


class QueueFullError(SkyReelsA2Error):
    """No room for another job; `whose` says whether it is the caller's own share."""

    def __init__(self, whose: str, limit: int) -> None:
        super().__init__(f"{whose} is full ({limit} jobs wait): try again when some are done")


class JobStore:
    """Jobs in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job: Job, *, max_queued: int, max_own: int) -> tuple[Job, bool]:
        """Accept a job.

        Args:
            job: New; its creation time is set here.
            max_queued: Jobs that may wait in all.
            max_own: Jobs of the owner that may be open.

        Returns:
            The job as stored and whether it is new; a repeated request gets the first one's job.

        Raises:
            QueueFullError: There is no room.
            StorageError: It could not be written; then it is not accepted.
        """
        with self._database.writing() as run:
            if job.idempotency_key is not None:
                known = run(
                    "SELECT * FROM jobs WHERE owner = :owner AND idempotency_key = :key",
                    owner=job.owner,
                    key=job.idempotency_key,
                )
                if known:
                    return _job(known[0]), False
            self._make_sure_of_room(run, job.owner, max_queued, max_own)
            row = {**asdict(job), "created": time.time()}
            names = ", ".join(_FIELDS)
            run(
                # Names of columns are ours; values are bound.
                f"INSERT INTO jobs ({names}) VALUES ({', '.join(':' + n for n in _FIELDS)})",  # noqa: S608
                **row,
            )
            return Job(**row), True

    def check_room(self, owner: str, *, max_queued: int, max_own: int) -> None:
        """Tell before any work whether `add` would find room.

        Raises:
            QueueFullError: There is none.
        """
        with self._database.reading() as run:
            self._make_sure_of_room(run, owner, max_queued, max_own)

    def get(self, job_id: str, *, owner: str | None = None) -> Job | None:
        """A job, or None if there is none or it is somebody else's."""
        with self._database.reading() as run:
            rows = run("SELECT * FROM jobs WHERE id = :id", id=job_id)
        job = _job(rows[0]) if rows else None
        return job if job and owner in (None, job.owner) else None

    def find(self, owner: str, idempotency_key: str) -> Job | None:
        """The job that a repeated request means."""
        with self._database.reading() as run:
            rows = run(
                "SELECT * FROM jobs WHERE owner = :owner AND idempotency_key = :key",
                owner=owner,
                key=idempotency_key,
            )
        return _job(rows[0]) if rows else None

    def page(self, owner: str, *, limit: int, after: str | None = None) -> list[Job]:
        """Jobs of an owner, newest first.

        Args:
            owner: Whose.
            limit: At most so many.
            after: Id of the last job of the page before.
        """
        with self._database.reading() as run:
            rows = run(
                "SELECT * FROM jobs WHERE owner = :owner AND (CAST(:after AS TEXT) IS NULL OR "
                "(created, id) < (SELECT created, id FROM jobs WHERE id = :after)) "
                "ORDER BY created DESC, id DESC LIMIT :limit",
                owner=owner,
                after=after,
                limit=limit,
            )
        return [_job(row) for row in rows]

    def waiting(self) -> list[Job]:
        """Queued jobs in the order in which they will be taken, as it is now."""
        with self._database.reading() as run:
            rows = run("SELECT * FROM jobs WHERE state = 'queued' ORDER BY created, id")
            served = {row["client"]: row["served"] for row in run("SELECT * FROM turns")}
        jobs, rounds = [_job(row) for row in rows], dict[tuple[int, str], int]()
        keyed = []
        for job in jobs:
            turn = rounds[job.priority, job.client] = rounds.get((job.priority, job.client), 0) + 1
            keyed.append(((-job.priority, turn, served.get(job.client, 0.0), job.created), job))
        return [job for _, job in sorted(keyed, key=lambda pair: pair[0])]

    def running(self) -> list[Job]:
        """Jobs that a worker is at."""
        with self._database.reading() as run:
            rows = run("SELECT * FROM jobs WHERE state = 'in_progress' ORDER BY started")
        return [_job(row) for row in rows]

    def pace(self, model: str) -> float | None:
        """Seconds per unit of work of the latest jobs of a model; None before the first."""
        with self._database.reading() as run:
            rows = run(
                "SELECT work, finished - started AS seconds FROM jobs WHERE model = :model "
                "AND state = 'completed' ORDER BY finished DESC LIMIT :recent",
                model=model,
                recent=_RECENT,
            )
        work = sum(row["work"] for row in rows)
        return sum(row["seconds"] for row in rows) / work if work else None

    def counts(self) -> dict[str, int]:
        """Number of jobs by state."""
        with self._database.reading() as run:
            rows = run("SELECT state, COUNT(*) AS number FROM jobs GROUP BY state")
        return {row["state"]: row["number"] for row in rows}

    def claim(
        self, *, lease: float, models: Sequence[str], loaded: str | None = None
    ) -> Job | None:
        """Take the next job: by priority, then those of the loaded model, then by turns.

        Args:
            lease: Seconds after which the attempt is lost unless it reports.
            models: What the worker can load.
            loaded: The model it holds, if jobs of it shall go first among equals.
        """
        names = {f"model{i}": name for i, name in enumerate(models)}
        now = time.time()
        with self._database.writing() as run:
            rows = run(
                "SELECT jobs.id, jobs.client FROM jobs LEFT JOIN turns "  # noqa: S608
                "ON turns.client = jobs.client WHERE state = 'queued' "
                f"AND model IN ({', '.join(':' + name for name in names)}) "
                "ORDER BY priority DESC, CASE WHEN model = :loaded THEN 0 ELSE 1 END, "
                "COALESCE(turns.served, 0), jobs.created, jobs.id LIMIT 1",
                loaded=loaded or "",
                **names,
            )
            if not rows:
                return None
            run(
                "INSERT INTO turns (client, served) VALUES (:client, :now) "
                "ON CONFLICT (client) DO UPDATE SET served = :now",
                client=rows[0]["client"],
                now=now,
            )
            run(
                "UPDATE jobs SET state = 'in_progress', started = :now, token = :token, "
                "lease = :lease, phase = 'start', done = 0, total = 0 WHERE id = :id",
                id=rows[0]["id"],
                now=now,
                token=secrets.token_hex(8),
                lease=now + lease,
            )
            return _job(run("SELECT * FROM jobs WHERE id = :id", id=rows[0]["id"])[0])

    def report(self, job: Job, *, progress: tuple[str, int, int], lease: float) -> Job | None:
        """Say how far an attempt is and hold on to it.

        Returns:
            The job, whose `cancelling` says whether to stop; None if the attempt counts no more.
        """
        phase, done, total = progress
        return self._update(
            job,
            "phase = :phase, done = :done, total = :total, lease = :lease",
            phase=phase,
            done=done,
            total=total,
            lease=time.time() + lease,
        )

    def finish(self, job: Job, *, result: str, num_bytes: int) -> Job | None:
        """Record the result of an attempt; None if the attempt counts no more."""
        return self._update(
            job,
            "state = 'completed', finished = :now, result = :result, num_bytes = :size, "
            "phase = 'done', done = 1, total = 1",
            now=time.time(),
            result=result,
            size=num_bytes,
        )

    def fail(self, job: Job, *, error: str, error_type: str) -> Job | None:
        """Record that an attempt ended without a result and why."""
        state = JobState.CANCELLED if error_type == "cancelled" else JobState.FAILED
        return self._update(
            job,
            "state = :state, finished = :now, error = :error, error_type = :type",
            state=state.value,
            now=time.time(),
            error=error.replace("\0", ""),
            type=error_type,
        )

    def release(self, job: Job) -> Job | None:
        """Put a job back that was interrupted through no fault of its own."""
        return self._update(job, "state = 'queued', token = '', phase = ''")

    def crashed(self, job: Job, *, error: str) -> Job | None:
        """Note that a job took its worker down: back into the queue once, then it fails."""
        if job.crashes >= MAX_CRASHES:
            return self.fail(job, error=error, error_type="worker_crashed")
        return self._update(
            job,
            "state = 'queued', token = '', phase = '', crashes = crashes + 1, error = :error",
            error=error,
        )

    def cancel(self, job_id: str) -> Job | None:
        """End a queued job at once; ask the worker of a running one to stop."""
        with self._database.writing() as run:
            run(
                "UPDATE jobs SET state = 'cancelled', finished = :now, error_type = 'cancelled' "
                "WHERE id = :id AND state = 'queued'",
                id=job_id,
                now=time.time(),
            )
            run(
                "UPDATE jobs SET cancelling = 1 WHERE id = :id AND state = 'in_progress'", id=job_id
            )
            rows = run("SELECT * FROM jobs WHERE id = :id", id=job_id)
        return _job(rows[0]) if rows else None

    def requeue_lost(self, *, all_running: bool = False) -> list[str]:
        """Take up again what nobody works on any more: a lease ran out, or its server was killed.

        Args:
            all_running: Every running job is lost, as when the only server starts.
        """
        with self._database.writing() as run:
            rows = run(
                "UPDATE jobs SET state = 'queued', token = '', phase = '' WHERE "
                "state = 'in_progress' AND (lease < :now OR :all = 1) RETURNING id",
                now=time.time(),
                all=int(all_running),
            )
        return [row["id"] for row in rows]

    def ended(self, *, before: float | None = None) -> list[Job]:
        """Jobs that have ended, oldest first; with `before`, those that ended before a time."""
        limit = time.time() if before is None else before
        with self._database.reading() as run:
            rows = run(
                # Ours as well, as all that is put into statements here.
                f"SELECT * FROM jobs WHERE {_ENDED} AND finished <= :limit ORDER BY finished",  # noqa: S608
                limit=limit,
            )
        return [_job(row) for row in rows]

    def forget(self, job_id: str) -> bool:
        """Delete a job that has ended; False for one that has not, which stays."""
        with self._database.writing() as run:
            rows = run(f"DELETE FROM jobs WHERE id = :id AND {_ENDED} RETURNING id", id=job_id)  # noqa: S608
        return bool(rows)

    def ids(self) -> set[str]:
        """All jobs there are."""
        with self._database.reading() as run:
            return {row["id"] for row in run("SELECT id FROM jobs")}

    def _update(self, job: Job, assignments: str, **values: Any) -> Job | None:
        with self._database.writing() as run:
            rows = run(
                f"UPDATE jobs SET {assignments} WHERE id = :id AND token = :token "  # noqa: S608
                "AND state = 'in_progress' RETURNING *",
                id=job.id,
                token=job.token,
                **values,
            )
        return _job(rows[0]) if rows else None

    @staticmethod
    def _make_sure_of_room(run: Transaction, owner: str, max_queued: int, max_own: int) -> None:
        queued = run("SELECT COUNT(*) AS number FROM jobs WHERE state = 'queued'")[0]["number"]
        if queued >= max_queued:
            raise QueueFullError("the queue", max_queued)
        own = run(
            f"SELECT COUNT(*) AS number FROM jobs WHERE owner = :owner AND state IN ({_OPEN})",  # noqa: S608
            owner=owner,
        )[0]["number"]
        if own >= max_own:
            raise QueueFullError("your share of the queue", max_own)


def _job(row: Row) -> Job:
    return Job(**row)
