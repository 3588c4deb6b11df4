"""What stands before the API: headers, sizes, times, hosts and origins. Plain ASGI."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from skyreels_a2.serving.metrics import Metrics
from skyreels_a2.serving.settings import ServerSettings

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'",
}
"""On every answer. The page has no inline script or style and loads nothing from elsewhere."""

_SAFE = ("GET", "HEAD", "OPTIONS")


class RefusedError(Exception):
    """A request that is ended while its body is read."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class Guard:
    """Checks each request before the API sees it, and every answer after.

    Host names are checked against DNS rebinding, origins of writing requests against pages of
    other sites; a body may take only so much room and time.
    """

    def __init__(self, app: App, settings: ServerSettings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_security(message)]
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, self._bounded(scope, receive), sending)
        except RefusedError as refusal:
            await _refuse(refusal, sending)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - started
            self._metrics.request_answered(scope["method"], route, status, seconds)

    def _check(self, scope: Scope) -> None:
        headers = {key: value.decode("latin-1") for key, value in scope["headers"]}
        host = headers.get(b"host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        allowed = self._settings.hosts
        if allowed and name.lower() not in allowed:
            raise RefusedError(421, "wrong_host", f"this server is not {name[:100]!r}: see --host")
        origin = headers.get(b"origin")
        if origin is None or scope["method"] in _SAFE or origin in self._settings.origins:
            return
        if origin.partition("://")[2] != host:
            raise RefusedError(
                403, "wrong_origin", f"pages of {origin[:100]} may not use this server"
            )

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        limit = self._settings.max_upload
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            raise _too_large(limit)
        deadline = time.monotonic() + self._settings.body_seconds
        size, complete = 0, False

        async def receiving() -> Message:
            nonlocal size, complete
            if complete:
                return await receive()
            message = await _in_time(receive, deadline)
            size += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if size > limit:
                raise _too_large(limit)
            return message

        return receiving


async def _in_time(receive: Receive, deadline: float) -> Message:
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            return await receive()
    except TimeoutError:
        raise RefusedError(408, "too_slow", "the request took too long to arrive") from None


def _too_large(limit: int) -> RefusedError:
    return RefusedError(413, "too_large", f"the request is larger than {limit:,} bytes")


def _security(message: Message) -> list[tuple[bytes, bytes]]:
    there = {key.lower() for key, _ in message.get("headers", ())}
    return [
        (key.encode(), value.encode())
        for key, value in SECURITY_HEADERS.items()
        if key.encode() not in there
    ]


async def _refuse(refusal: RefusedError, send: Send) -> None:
    problem = {"type": refusal.kind, "message": str(refusal), "param": None}
    body = json.dumps({"error": problem}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
