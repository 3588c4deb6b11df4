"""PostgreSQL as the database of several servers. The only file that knows psycopg."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from skyreels_a2.errors import OutputError, one_line
from skyreels_a2.extras import require
from skyreels_a2.serving.database import Row, StorageError, Transaction, create_tables

_CONNECT_SECONDS = 10
_WRITERS = 0x5A2
"""Advisory lock that makes writing transactions take turns, as those of SQLite do."""


class Postgres:
    """A PostgreSQL database.

    Args:
        url: `postgresql://user@host/name`.

    Raises:
        OutputError: It cannot be reached or used.
        MissingExtraError: psycopg is not installed.
    """

    def __init__(self, url: str) -> None:
        self._psycopg: Any = require("psycopg", extra="cluster")
        self._rows: Any = require("psycopg.rows", extra="cluster")
        self._url = url
        self._own = threading.local()
        self._all: list[Any] = []
        self._lock = threading.Lock()
        try:
            create_tables(self)
        except StorageError as error:
            raise OutputError(f"{error}: check --database") from error

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """One consistent view."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as run:
            yield run

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction that excludes every other writing one, on all machines.

        Raises:
            StorageError: The database is gone or full.
        """
        with self._transaction("BEGIN") as run:
            run("SELECT pg_advisory_xact_lock(:lock)", lock=_WRITERS)
            yield run

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()
        self._own = threading.local()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        try:
            connection = self._connection()
            connection.execute(begin)
        except self._psycopg.Error:  # a connection that broke meanwhile: once more with a new one
            connection = self._begun_anew(begin)

        def run(sql: str, /, **values: Any) -> list[Row]:
            cursor = connection.execute(_with_percent(sql), values)
            return list(cursor.fetchall()) if cursor.description else []

        try:
            try:
                yield run
                connection.execute("COMMIT")
            except BaseException:
                with suppress(self._psycopg.Error):
                    connection.execute("ROLLBACK")
                raise
        except self._psycopg.Error as error:
            raise StorageError(f"the job store cannot be used: {one_line(error)}") from error

    def _begun_anew(self, begin: str) -> Any:
        self._own.connection = None
        try:
            connection = self._connection()
            connection.execute(begin)
        except self._psycopg.Error as error:
            raise StorageError(f"the job store cannot be reached: {one_line(error)}") from error
        return connection

    def _connection(self) -> Any:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._psycopg.connect(
                self._url,
                autocommit=True,
                row_factory=self._rows.dict_row,
                connect_timeout=_CONNECT_SECONDS,
            )
            self._own.connection = connection
            with self._lock:
                self._all.append(connection)
        return connection


@lru_cache(maxsize=256)
def _with_percent(sql: str) -> str:
    """`:name` as psycopg writes it."""
    return re.sub(r":(\w+)", r"%(\1)s", sql)
