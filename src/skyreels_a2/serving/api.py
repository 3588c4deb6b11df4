"""The API and the page: one ASGI application for a server."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as StarletteHTTPException

import skyreels_a2
from skyreels_a2.errors import InputError, one_line
from skyreels_a2.serving import routes_elements, routes_videos
from skyreels_a2.serving.answers import model_answer
from skyreels_a2.serving.callers import TheCaller, TheServer
from skyreels_a2.serving.database import StorageError
from skyreels_a2.serving.guards import Guard, RefusedError
from skyreels_a2.serving.rates import RateLimiter
from skyreels_a2.serving.schemas import (
    AgainRequest,
    ElementRequest,
    ErrorAnswer,
    HealthAnswer,
    ModelPage,
    Problem,
    VideoRequest,
    first_problem,
)
from skyreels_a2.serving.server import Server
from skyreels_a2.serving.service import NotFoundError
from skyreels_a2.serving.store import QueueFullError

logger = logging.getLogger(__name__)

_BODIES: tuple[type[BaseModel], ...] = (VideoRequest, AgainRequest, ElementRequest)
_PAGE_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_DEFAULT_RETRY = 5
_ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorAnswer} for code in (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 507)
}


def create_app(server: Server, *, owns_server: bool = True) -> Any:
    """The application of a server.

    Args:
        server: What it shows.
        owns_server: Start and stop the server with the application.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if owns_server:
            await run_in_threadpool(server.start)
        yield
        if owns_server:
            await run_in_threadpool(server.stop)

    app = FastAPI(
        title="skyreels-a2",
        summary="Compose characters, objects and backgrounds into a video.",
        version=skyreels_a2.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=_ERRORS,
    )
    app.state.server, app.state.rates = server, RateLimiter()
    app.include_router(routes_videos.router)
    app.include_router(routes_elements.router)
    _add_own_routes(app)
    _add_errors(app)
    _describe_bodies(app)
    if server.settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(server.settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["authorization", "content-type", "idempotency-key"],
        )
    return Guard(app, server.settings, server.metrics)


def _add_own_routes(app: FastAPI) -> None:
    @app.get("/v1/models", tags=["server"])
    def models(server: TheServer, _: TheCaller) -> ModelPage:
        """Models that are served, the default first, with the measured time of a step."""
        return ModelPage(
            data=[model_answer(m, server.store.pace(m.name)) for m in server.settings.models]
        )

    @app.get("/healthz", tags=["server"])
    def health(server: TheServer) -> HealthAnswer:
        """Whether the server works; needs no key and tells no secrets."""
        ready = sum(supervisor.ready.is_set() for supervisor in server.supervisors)
        counts = server.store.counts()
        total = len(server.supervisors)
        status = "ok" if ready == total else "degraded" if ready else "starting"
        return HealthAnswer(
            status=status,  # type: ignore[arg-type]  # one of its three words
            workers=total,
            workers_ready=ready,
            queued=counts.get("queued", 0),
            running=counts.get("in_progress", 0),
        )

    @app.get("/metrics", tags=["server"], response_class=Response)
    def metrics(server: TheServer, _: TheCaller) -> Response:
        """Figures for Prometheus."""
        text = server.metrics.render(
            jobs=server.store.counts(),
            workers_ready=sum(s.ready.is_set() for s in server.supervisors),
            restarts=sum(s.restarts for s in server.supervisors),
            free_bytes=server.files.free_bytes(),
        )
        return Response(text, media_type=server.metrics.content_type)

    @app.get("/", include_in_schema=False)
    def index() -> FileResponse:
        return _page_file("index.html")

    @app.get("/page/{name}", include_in_schema=False)
    def page(name: str) -> FileResponse:
        return _page_file(name)


def _page_file(name: str) -> FileResponse:
    folder = Path(str(files("skyreels_a2"))) / "serving" / "page"
    known = {path.name: path for path in folder.iterdir() if path.suffix in _PAGE_TYPES}
    if name not in known:
        raise NotFoundError(f"there is no page {name[:80]!r}")
    kind = _PAGE_TYPES[known[name].suffix]
    return FileResponse(known[name], media_type=kind, headers={"cache-control": "no-cache"})


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(InputError)
    async def _(_: Request, error: InputError) -> JSONResponse:
        status = 404 if isinstance(error, NotFoundError) else 422
        return _problem(status, "not_found" if status == 404 else "invalid_request", str(error))

    @app.exception_handler(QueueFullError)
    async def _(_: Request, error: QueueFullError) -> JSONResponse:
        headers = {"Retry-After": str(_DEFAULT_RETRY)}
        return _problem(429, "queue_full", str(error), headers=headers)

    @app.exception_handler(StorageError)
    async def _(_: Request, error: StorageError) -> JSONResponse:
        logger.warning("%s", error)
        return _problem(507, "storage", "the server cannot store anything just now: try later")

    @app.exception_handler(RefusedError)
    async def _(_: Request, error: RefusedError) -> JSONResponse:
        return _problem(error.status, error.kind, str(error), headers={"Connection": "close"})

    @app.exception_handler(RequestValidationError)
    async def _(_: Request, error: RequestValidationError) -> JSONResponse:
        message, where = first_problem(list(error.errors()))
        return _problem(422, "invalid_request", message, param=where)

    @app.exception_handler(StarletteHTTPException)
    async def _(_: Request, error: StarletteHTTPException) -> JSONResponse:
        told: Any = error.detail
        given = told if isinstance(told, dict) else {"message": str(told)}
        headers = dict(error.headers or {})
        return _problem(error.status_code, _kind(error.status_code), headers=headers, **given)

    @app.exception_handler(Exception)
    async def _(_: Request, error: Exception) -> JSONResponse:
        logger.error("request failed: %s", one_line(error), exc_info=error)
        return _problem(500, "internal_error", "something went wrong in the server: see its log")


def _kind(status: int) -> str:
    kinds = {401: "unauthorised", 404: "not_found", 409: "not_ready", 429: "too_many_requests"}
    return kinds.get(status, "invalid_request")


def _problem(
    status: int,
    kind: str,
    message: str,
    *,
    param: str | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    answer = ErrorAnswer(error=Problem(type=kind, message=message, param=param))
    return JSONResponse(answer.model_dump(), status, headers=headers)


def _describe_bodies(app: FastAPI) -> None:
    """Put the schemas of bodies that are read by hand into the OpenAPI document."""
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        document = made()
        known = document["components"]["schemas"]
        for body in _BODIES:
            schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
            known.update(schema.pop("$defs", {}))
            known[body.__name__] = schema
        return document

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way
