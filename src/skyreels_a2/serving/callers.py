"""Who asks: API keys and rates, as dependencies of the routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from skyreels_a2.serving.rates import RateLimiter
from skyreels_a2.serving.server import Server
from skyreels_a2.serving.service import LOCAL, Caller

_LIGHT = 0.1
"""What a reading request costs of the rate."""


def server_of(request: Request) -> Server:
    """The server that a request came to."""
    server: Server = request.app.state.server
    return server


def caller_of(request: Request) -> Caller:
    """Who asks.

    Raises:
        HTTPException: 401 without a key where one is needed or with a wrong one, 429 too often.
    """
    server = server_of(request)
    caller = _known(request, server)
    limiter: RateLimiter = request.app.state.rates
    cost = _LIGHT if request.method in ("GET", "HEAD") else 1.0
    wait = limiter.wait_for(caller.owner, caller.limits.requests_per_minute, cost=cost)
    if wait:
        message = f"more than {caller.limits.requests_per_minute} requests a minute: slow down"
        raise HTTPException(429, message, headers={"Retry-After": str(int(wait) + 1)})
    return caller


def _known(request: Request, server: Server) -> Caller:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if not text:
        if server.settings.require_key:
            message = "an API key is needed: send it as 'Authorization: Bearer KEY'"
            raise HTTPException(401, message, headers={"WWW-Authenticate": "Bearer"})
        return Caller(LOCAL, server.settings.open_limits)
    key = server.keys.find(text.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        message = "the API key is not valid: ask for one that is"
        raise HTTPException(401, message, headers={"WWW-Authenticate": "Bearer"})
    return Caller(key.id, key.limits)


TheServer = Annotated[Server, Depends(server_of)]
TheCaller = Annotated[Caller, Depends(caller_of)]
