"""The ledger: every input and its state, in SQLite. Only the building process writes it.

    waiting → done          its folder is in `media`, whole
            → set aside     it hung, crashed or ate too much, `attempts` times; with the reason

A source is committed by one transaction after its folder was renamed. Killed between the two, the
next run finds the folder and commits it without doing the work again.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from skyreels_a2.data.probe import identify
from skyreels_a2.data.records import Source
from skyreels_a2.errors import InputError, OutputError
from skyreels_a2.media.atomic import output_errors

FILE = "ledger.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS inputs (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    source_id TEXT NOT NULL, problem TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS sources (
    source_id TEXT PRIMARY KEY, path TEXT NOT NULL, size INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', fingerprint TEXT NOT NULL DEFAULT '',
    folder TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', seconds REAL NOT NULL DEFAULT 0);
"""
WAITING, DONE, SET_ASIDE = "waiting", "done", "set aside"


@dataclass(frozen=True, slots=True)
class Entry:
    """A source in the ledger."""

    source: Source
    state: str
    fingerprint: str
    folder: str
    attempts: int
    reason: str
    seconds: float


class Ledger:
    """Opened for one building process at a time by `open_ledger`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def register(self, paths: Iterable[Path]) -> list[str]:
        """Take note of inputs; files already known by path, size and time are not read again.

        Returns:
            Their source ids, each once; a file that cannot be read is noted with its problem.
        """
        ids: list[str] = []
        with self._database:
            for path in paths:
                ids += self._register(path)
        return list(dict.fromkeys(ids))

    def entries(self) -> list[Entry]:
        """All sources by id."""
        rows = self._database.execute(
            "SELECT source_id, path, size, state, fingerprint, folder, attempts, reason, seconds"
            " FROM sources ORDER BY source_id"
        )
        return [Entry(Source(source_id=i, path=p, size=s), *rest) for i, p, s, *rest in rows]

    def inputs(self) -> list[tuple[str, str, str]]:
        """Path, source id and problem of every input."""
        rows = self._database.execute("SELECT path, source_id, problem FROM inputs ORDER BY path")
        return [(str(p), str(i), str(problem)) for p, i, problem in rows]

    def adopt(self, path: Path) -> None:
        """Take over what another ledger knows; of a source known to both, what is done counts.

        Args:
            path: Its file.
        """
        self._database.execute("ATTACH ? AS other", (str(path),))
        try:
            with self._database:
                self._database.execute("INSERT OR IGNORE INTO inputs SELECT * FROM other.inputs")
                self._database.execute(
                    "INSERT OR REPLACE INTO sources SELECT * FROM other.sources WHERE source_id"
                    " NOT IN (SELECT source_id FROM main.sources WHERE state=?)",
                    (DONE,),
                )
        finally:
            self._database.execute("DETACH other")

    def commit(self, source_id: str, *, fingerprint: str, folder: str, seconds: float) -> None:
        """A source is done."""
        with self._database:
            self._database.execute(
                "UPDATE sources SET state=?, fingerprint=?, folder=?, seconds=?, reason='',"
                " attempts=0 WHERE source_id=?",
                (DONE, fingerprint, folder, seconds, source_id),
            )

    def fail(self, source_id: str, *, fingerprint: str, reason: str, final: bool) -> None:
        """A source killed its worker; `final` sets it aside."""
        state = SET_ASIDE if final else WAITING
        with self._database:
            self._database.execute(
                "UPDATE sources SET state=?, fingerprint=?, reason=?, attempts=attempts+1"
                " WHERE source_id=?",
                (state, fingerprint, reason, source_id),
            )

    def _register(self, path: Path) -> list[str]:
        try:
            status = path.stat()
            known = self._database.execute(
                "SELECT source_id FROM inputs WHERE path=? AND size=? AND mtime_ns=?"
                " AND problem=''",
                (str(path.absolute()), status.st_size, status.st_mtime_ns),
            ).fetchone()
            if known:
                return [str(known[0])]
            source = identify(path)
        except OSError as error:
            self._note(path, 0, 0, "", error.strerror or str(error))
            return []
        self._note(path, status.st_size, status.st_mtime_ns, source.source_id, "")
        self._database.execute(
            "INSERT INTO sources (source_id, path, size) VALUES (?, ?, ?)"
            " ON CONFLICT (source_id) DO UPDATE SET path=excluded.path",
            (source.source_id, source.path, source.size),
        )
        return [source.source_id]

    def _note(self, path: Path, size: int, mtime_ns: int, source_id: str, problem: str) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO inputs VALUES (?, ?, ?, ?, ?)",
            (str(path.absolute()), size, mtime_ns, source_id, problem),
        )


@contextmanager
def open_ledger(dataset: Path) -> Iterator[Ledger]:
    """The ledger of a data set, locked against a second building process.

    Raises:
        InputError: Another process builds there now, or the file is no ledger.
        OutputError: It cannot be written.
    """
    with output_errors(dataset):
        dataset.mkdir(parents=True, exist_ok=True)
        lock = (dataset / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another process is building {dataset}: wait for it, or choose another folder"
            ) from None
        database = sqlite3.connect(dataset / FILE, timeout=30)
        try:
            database.executescript(_TABLES)
            yield Ledger(database)
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"{dataset / FILE} cannot be written ({error}): make room, then run the same again"
            ) from error
        except sqlite3.DatabaseError as error:
            raise InputError(f"{dataset / FILE} cannot be used ({error}): move it away") from error
        finally:
            database.close()
