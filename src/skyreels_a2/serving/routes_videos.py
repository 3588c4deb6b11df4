"""Routes of videos: submit, watch, fetch, cancel, delete, make again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Query, Request
from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from skyreels_a2.errors import InputError
from skyreels_a2.serving.answers import check_answer, refused_answer, video_answer
from skyreels_a2.serving.bodies import body_schema, read_body
from skyreels_a2.serving.callers import TheCaller, TheServer
from skyreels_a2.serving.jobs import Job, JobState
from skyreels_a2.serving.outlooks import Outlook
from skyreels_a2.serving.schemas import (
    AgainRequest,
    CheckAnswer,
    VideoAnswer,
    VideoPage,
    VideoRequest,
)
from skyreels_a2.serving.server import Server
from skyreels_a2.serving.service import Caller, NotFoundError


def file_answer(kind: str) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of an answer that is a file."""
    return {200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}}}}}


router = APIRouter(prefix="/v1/videos", tags=["videos"])

_WATCH_SECONDS = 0.3
_KEEP_ALIVE_ROUNDS = 50
_OnceKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="A name for this very request; sent again with it, it makes no second job.",
    ),
]


@router.post(
    "", status_code=202, openapi_extra=body_schema(VideoRequest), response_model=VideoAnswer
)
async def submit(
    request: Request,
    response: Response,
    server: TheServer,
    caller: TheCaller,
    idempotency_key: _OnceKey = None,
) -> VideoAnswer:
    """Accept a video; answers at once with the job."""
    body = await read_body(request, VideoRequest)
    job, planned, is_new = await run_in_threadpool(
        server.service.submit, caller, body.asked, body.files, idempotency_key=idempotency_key
    )
    server.wake()
    if not is_new:
        response.status_code = 200
    response.headers["location"] = f"/v1/videos/{job.id}"
    return await run_in_threadpool(_told, server, job, planned.remarks if planned else ())


@router.post("/check", openapi_extra=body_schema(VideoRequest), response_model=CheckAnswer)
async def check(request: Request, server: TheServer, caller: TheCaller) -> CheckAnswer:
    """What a request would come to, without making it: errors, remarks, text, size, time."""
    body = await read_body(request, VideoRequest)
    return await run_in_threadpool(_checked, server, caller, body.asked)


@router.get("")
def page(
    server: TheServer,
    caller: TheCaller,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[str | None, Query(max_length=80, pattern=r"^[\w-]*$")] = None,
) -> VideoPage:
    """Jobs of the caller, newest first; `after` is the `last_id` of the page before."""
    jobs = server.store.page(caller.owner, limit=limit + 1, after=after)
    shown = [_told(server, job) for job in jobs[:limit]]
    last = shown[-1].id if shown else None
    return VideoPage(data=shown, has_more=len(jobs) > limit, last_id=last)


@router.get("/{video_id}")
def status(video_id: str, server: TheServer, caller: TheCaller) -> VideoAnswer:
    """A job: state, progress by step, queue position, time left."""
    return _told(server, server.service.get(caller, video_id))


@router.delete("/{video_id}")
def cancel_or_delete(video_id: str, server: TheServer, caller: TheCaller) -> VideoAnswer:
    """Cancel a job that waits or runs (between two steps); delete one that has ended."""
    job, deleted = server.service.cancel_or_delete(caller, video_id)
    server.wake()
    return _told(server, job, deleted=deleted)


@router.post(
    "/{video_id}/again",
    status_code=202,
    openapi_extra=body_schema(AgainRequest),
    response_model=VideoAnswer,
)
async def again(
    video_id: str, request: Request, server: TheServer, caller: TheCaller
) -> VideoAnswer:
    """Make a video once more with another seed."""
    body = await read_body(request, AgainRequest)
    job = await run_in_threadpool(server.service.again, caller, video_id, body.asked.seed)
    server.wake()
    return await run_in_threadpool(_told, server, job)


@router.get("/{video_id}/content", response_class=FileResponse, responses=file_answer("video/mp4"))
def content(video_id: str, server: TheServer, caller: TheCaller) -> FileResponse:
    """The video, as MP4; ranges are served."""
    job = server.service.get(caller, video_id)
    if job.state != JobState.DONE:
        raise HTTPException(409, f"the video is {job.state}, not completed: wait for it")
    path = server.files.job(job.id) / job.result
    if not path.is_file():
        raise NotFoundError("the video's file is gone")
    return FileResponse(path, media_type="video/mp4", filename=f"{job.id}.mp4")


@router.get("/{video_id}/preview", response_class=FileResponse, responses=file_answer("image/jpeg"))
def preview(video_id: str, server: TheServer, caller: TheCaller) -> FileResponse:
    """A frame of what there is so far, as JPEG."""
    path = server.files.preview(server.service.get(caller, video_id).id)
    if path is None:
        raise NotFoundError("there is no preview yet")
    return FileResponse(path, media_type="image/jpeg", headers={"cache-control": "no-cache"})


@router.get(
    "/{video_id}/references/{number}",
    response_class=FileResponse,
    responses=file_answer("image/png"),
)
def reference(video_id: str, number: int, server: TheServer, caller: TheCaller) -> FileResponse:
    """A picture that the video was asked with, as PNG."""
    path = server.files.job(server.service.get(caller, video_id).id) / f"{number}.png"
    if not path.is_file():
        raise NotFoundError(f"there is no reference {number}")
    return FileResponse(path, media_type="image/png")


@router.get(
    "/{video_id}/events",
    response_class=StreamingResponse,
    responses=file_answer("text/event-stream"),
)
async def events(
    video_id: str, request: Request, server: TheServer, caller: TheCaller
) -> StreamingResponse:
    """Server-sent events: `progress` with the job whenever it changes, `end` when it has ended."""
    await run_in_threadpool(server.service.get, caller, video_id)
    stream = _events(request, server, caller, video_id)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _events(
    request: Request, server: Server, caller: Caller, video_id: str
) -> AsyncIterator[str]:
    last, quiet = "", 0
    while not await request.is_disconnected():
        try:
            job = await run_in_threadpool(server.service.get, caller, video_id)
        except NotFoundError:
            yield "event: end\ndata: {}\n\n"
            return
        text = (await run_in_threadpool(_told, server, job)).model_dump_json()
        if text != last:
            yield f"event: progress\ndata: {text}\n\n"
            last, quiet = text, 0
        elif (quiet := quiet + 1) % _KEEP_ALIVE_ROUNDS == 0:
            yield ": still here\n\n"
        if not job.is_open:
            yield f"event: end\ndata: {text}\n\n"
            return
        await asyncio.sleep(_WATCH_SECONDS)


def _told(
    server: Server, job: Job, remarks: tuple[str, ...] = (), *, deleted: bool = False
) -> VideoAnswer:
    outlook = Outlook() if deleted else server.service.outlooks.of(job)
    seen = not deleted and server.files.preview(job.id) is not None
    return video_answer(job, outlook, remarks=remarks, has_preview=seen, deleted=deleted)


def _checked(server: Server, caller: Caller, asked: VideoRequest) -> CheckAnswer:
    queued = server.store.counts().get(JobState.QUEUED.value, 0)
    try:
        return check_answer(server.service.check(caller, asked), queue_length=queued)
    except InputError as error:
        return refused_answer(str(error), queue_length=queued)
