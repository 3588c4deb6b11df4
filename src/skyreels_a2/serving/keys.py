"""API keys: made once, shown once, kept as a hash, each with limits of its own.

A key is `a2_ID_SECRET`. The secret has 256 random bits, so one SHA-256 keeps it: there is nothing
to guess that a slow hash would protect. Compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skyreels_a2.errors import InputError
from skyreels_a2.serving.database import Database

_NOBODY = hashlib.sha256(b"no key has this").hexdigest()


class Limits(BaseModel):
    """What the holder of a key may ask for.

    Attributes:
        requests_per_minute: Of any kind; status calls count a tenth.
        open_jobs: Jobs that wait or run at one time.
        pixels: Width times height of a video.
        seconds: Length of a video.
        steps: Solver steps.
        priority: Highest priority of a job.
        elements: Saved elements.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_minute: int = Field(default=600, ge=1)
    open_jobs: int = Field(default=50, ge=1)
    pixels: int = Field(default=1920 * 1088, ge=256)
    seconds: float = Field(default=60.0, gt=0)
    steps: int = Field(default=200, ge=1)
    priority: int = Field(default=0, ge=-10, le=10)
    elements: int = Field(default=200, ge=0)


class Key(BaseModel):
    """A key without its secret."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    limits: Limits
    created: float


class KeyStore:
    """Keys in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, limits: Mapping[str, Any] | None = None) -> str:
        """Make a key and give its text, which is kept nowhere.

        Raises:
            InputError: The name is taken, or a limit is unknown or out of range.
        """
        try:
            checked = Limits.model_validate(limits or {})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            known = ", ".join(Limits.model_fields)
            raise InputError(f"limit {where}: {first['msg']} (limits: {known})") from error
        key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        with self._database.writing() as run:
            if run("SELECT id FROM keys WHERE name = :name", name=name):
                raise InputError(f"a key is named {name!r} already: choose another name")
            run(
                "INSERT INTO keys (id, name, digest, limits, created) "
                "VALUES (:id, :name, :digest, :limits, :created)",
                id=key_id,
                name=name,
                digest=_digest(secret),
                limits=checked.model_dump_json(),
                created=time.time(),
            )
        return f"a2_{key_id}_{secret}"

    def find(self, text: str) -> Key | None:
        """The key that a text is, or None."""
        _, _, rest = text.partition("a2_")
        key_id, _, secret = rest.partition("_")
        with self._database.reading() as run:
            rows = run("SELECT * FROM keys WHERE id = :id", id=key_id.replace("\0", ""))
        stored = rows[0]["digest"] if rows else _NOBODY
        same = hmac.compare_digest(stored, _digest(secret))
        return _key(rows[0]) if rows and same else None

    def all(self) -> list[Key]:
        """All keys, oldest first."""
        with self._database.reading() as run:
            return [_key(row) for row in run("SELECT * FROM keys ORDER BY created")]

    def remove(self, name: str) -> None:
        """Revoke a key; its jobs stay until their time is over.

        Raises:
            InputError: There is none of that name.
        """
        with self._database.writing() as run:
            if not run("DELETE FROM keys WHERE name = :name RETURNING id", name=name):
                raise InputError(f"no key is named {name!r}: see `skyreels-a2 keys list`")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _key(row: Mapping[str, Any]) -> Key:
    limits = Limits.model_validate_json(row["limits"])
    return Key(id=row["id"], name=row["name"], limits=limits, created=row["created"])
