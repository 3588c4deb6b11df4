"""What the stores need of a database, and the tables they share.

SQL is written once, with `:name` for values; `sqlite` and `postgres` carry it out. A writing
transaction excludes every other one, so that taking a job can be a plain read and a plain write.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from skyreels_a2.errors import SkyReelsA2Error

Row: TypeAlias = Mapping[str, Any]

SCHEMA_VERSION = 1
TABLES = (
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS jobs (
        id TEXT PRIMARY KEY, owner TEXT NOT NULL, client TEXT NOT NULL, model TEXT NOT NULL,
        body TEXT NOT NULL, work DOUBLE PRECISION NOT NULL, state TEXT NOT NULL,
        priority INTEGER NOT NULL, created DOUBLE PRECISION NOT NULL,
        started DOUBLE PRECISION NOT NULL, finished DOUBLE PRECISION NOT NULL,
        phase TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL,
        token TEXT NOT NULL, lease DOUBLE PRECISION NOT NULL, crashes INTEGER NOT NULL,
        cancelling INTEGER NOT NULL, error TEXT NOT NULL, error_type TEXT NOT NULL,
        result TEXT NOT NULL, num_bytes BIGINT NOT NULL, idempotency_key TEXT)""",
    "CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, priority, created)",
    "CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, created)",
    "CREATE UNIQUE INDEX IF NOT EXISTS jobs_once ON jobs (owner, idempotency_key)",
    """CREATE TABLE IF NOT EXISTS turns (
        client TEXT PRIMARY KEY, served DOUBLE PRECISION NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS elements (
        id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
        description TEXT, pictures INTEGER NOT NULL, created DOUBLE PRECISION NOT NULL,
        UNIQUE (owner, name))""",
    """CREATE TABLE IF NOT EXISTS keys (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, digest TEXT NOT NULL,
        limits TEXT NOT NULL, created DOUBLE PRECISION NOT NULL)""",
)


class StorageError(SkyReelsA2Error):
    """The database or the data folder cannot be written just now: full, read-only or gone."""


class Transaction(Protocol):
    """Statements that happen together or not at all."""

    def __call__(self, sql: str, /, **values: Any) -> list[Row]:
        """Run one statement and give its rows."""
        ...


class Database(Protocol):
    """Where the stores keep their rows. Safe to use from several threads."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """One consistent view."""
        ...

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction that excludes every other writing one, in all processes.

        Raises:
            StorageError: It could not be written.
        """
        ...

    def close(self) -> None:
        """Let go of the connections."""
        ...


def create_tables(database: Database) -> None:
    """Make the tables that are missing.

    Raises:
        StorageError: They are of a newer version of this package.
    """
    with database.writing() as run:
        for statement in TABLES:
            run(statement)
        found = run("SELECT value FROM meta WHERE name = 'schema'")
        if not found:
            run("INSERT INTO meta (name, value) VALUES ('schema', :it)", it=str(SCHEMA_VERSION))
        elif int(found[0]["value"]) != SCHEMA_VERSION:
            raise StorageError(
                f"the job store has schema {found[0]['value']}, this version knows "
                f"{SCHEMA_VERSION}: use the version of skyreels-a2 that wrote it"
            )
