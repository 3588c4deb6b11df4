"""Listening: uvicorn with patience limits of its own. The only file that knows it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from skyreels_a2.errors import OutputError

_HEADER_SECONDS = 15.0
_KEEP_ALIVE_SECONDS = 30
_MAX_CONNECTIONS = 1000
_SHUTDOWN_SECONDS = 3


class _PatientProtocol(H11Protocol):
    """Closes connections whose request line and headers do not arrive (slow loris)."""

    patience = _HEADER_SECONDS
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._waiting is not None:
            self._waiting.cancel()

    def _watch(self) -> None:
        """A timer runs exactly while the headers of a request are awaited."""
        arrived = self.conn.their_state is not h11.IDLE
        if arrived and self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        elif not arrived and self._waiting is None:
            self._waiting = self.loop.call_later(self.patience, self._give_up)

    def _give_up(self) -> None:
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


class _Telling(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening()


def bind(host: str, port: int) -> socket.socket:
    """Take an address before anything is started.

    Args:
        host, port: Where; port 0 takes a free one.

    Raises:
        OutputError: Another process listens there, or it is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OutputError(
            f"{host}:{port} cannot be listened on ({error.strerror}): stop what does, or choose "
            "another --port"
        ) from error
    return listening


def listen(
    app: Any, listening: socket.socket, *, patience: float, on_listening: Callable[[], None]
) -> None:
    """Serve an application until SIGINT or SIGTERM.

    Args:
        app: ASGI.
        listening: From `bind`.
        patience: Seconds that headers may take, at most 15.
        on_listening: Called once connections are taken.
    """
    waits = {"patience": min(patience, _HEADER_SECONDS)}
    config = uvicorn.Config(
        app,
        http=type("PatientProtocol", (_PatientProtocol,), waits),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        limit_concurrency=_MAX_CONNECTIONS,
    )
    _Telling(config, on_listening).run(sockets=[listening])
