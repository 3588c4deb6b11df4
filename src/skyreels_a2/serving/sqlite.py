"""SQLite as the database of one server: a file, nothing to install or configure.

WAL, so that readers never wait for the writer; every commit is brought to disk, so that what was
accepted is still there after a power cut.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from skyreels_a2.errors import OutputError
from skyreels_a2.serving.database import Row, StorageError, Transaction, create_tables

_BUSY_SECONDS = 30.0
_CACHE_KIB = 256
"""Of a connection, and each of the server's threads has one: the system caches the file anyway."""


class SQLite:
    """A database file.

    Args:
        path: Made if it is not there. A damaged file is refused and left as it is.

    Raises:
        OutputError: It is damaged, is no database, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        try:
            self._check()
            create_tables(self)
        except (sqlite3.DatabaseError, StorageError) as error:
            self.close()
            raise OutputError(_refusal(path, error)) from error

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """One consistent view."""
        with self._transaction("BEGIN") as run:
            yield run

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction that excludes every other writing one.

        Raises:
            StorageError: The disk is full, or the file may not be written.
        """
        with self._transaction("BEGIN IMMEDIATE") as run:
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
        connection = self._connection()

        def run(sql: str, /, **values: Any) -> list[Row]:
            return [dict(row) for row in connection.execute(sql, values)]

        try:
            connection.execute(begin)
            try:
                yield run
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise StorageError(f"the job store {self._path} cannot be used: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._own.connection = connection
            with self._lock:
                self._all.append(connection)
        return connection

    def _check(self) -> None:
        """Look for damage before anything is written."""
        if not self._path.exists() or self._path.stat().st_size == 0:
            return
        answer = self._connection().execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise sqlite3.DatabaseError(" ".join(str(answer).split()))


def _refusal(path: Path, error: Exception) -> str:
    if (
        isinstance(error, StorageError)
        or "readonly" in str(error)
        or "unable to open" in str(error)
    ):
        return (
            f"{path} cannot be used ({error}): make the folder writable, or choose another --data"
        )
    return (
        f"{path} is damaged ({error}): restore a backup of it, or move it away to start with an "
        "empty one; nothing was changed"
    )
