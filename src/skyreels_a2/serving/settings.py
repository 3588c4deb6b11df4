"""How a server is run: everything an operator decides, in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from skyreels_a2.serving.decoding import DecodingLimits
from skyreels_a2.serving.keys import Limits
from skyreels_a2.serving.models import ContentHook, ServedModel

GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What a server serves and what it allows.

    Attributes:
        data: The data folder.
        models: Those that requests may name; the first is the default.
        devices: One worker process each; none for a server that only accepts.
        database_url: PostgreSQL instead of SQLite.
        require_key: Whether every request needs an API key.
        open_limits: Limits of everybody where no key is needed.
        max_queued: Jobs that may wait in all.
        max_upload: Bytes of one request.
        decoding: What one picture may cost.
        allow_urls: Whether pictures may be fetched by URL.
        hosts: Names that the `Host` header may have; empty for any.
        origins: Other origins whose pages may use the API (CORS).
        keep_days: Age at which jobs that have ended are deleted.
        disk_quota: Bytes of the data folder above which the oldest results are deleted.
        min_free: Bytes free on the disk below which no job is accepted.
        body_seconds: Time that a request's body may take.
        hook: Makes the content hook in each worker.
    """

    data: Path
    models: tuple[ServedModel, ...]
    devices: tuple[str, ...] = ("auto",)
    database_url: str | None = None
    require_key: bool = False
    open_limits: Limits = field(default_factory=lambda: Limits(priority=10, open_jobs=1000))
    max_queued: int = 200
    max_upload: int = 64 * 2**20
    decoding: DecodingLimits = field(default_factory=DecodingLimits)
    allow_urls: bool = False
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    origins: tuple[str, ...] = ()
    keep_days: float = 30.0
    disk_quota: int = 20 * GIB
    min_free: int = GIB // 4
    body_seconds: float = 60.0
    hook: Callable[[], ContentHook] | None = None
