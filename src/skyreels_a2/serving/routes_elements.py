"""Routes of pictures and saved elements."""

from __future__ import annotations

import io
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from PIL import Image
from starlette.concurrency import run_in_threadpool

from skyreels_a2.elements import Role
from skyreels_a2.media.fit import fit
from skyreels_a2.serving.answers import element_answer
from skyreels_a2.serving.bodies import body_schema, file_schema, read_body, read_file
from skyreels_a2.serving.callers import TheCaller, TheServer
from skyreels_a2.serving.routes_videos import file_answer
from skyreels_a2.serving.schemas import ElementAnswer, ElementPage, ElementRequest, PictureAnswer
from skyreels_a2.serving.service import NotFoundError
from skyreels_a2.video import parse_size

router = APIRouter(prefix="/v1", tags=["elements"])

_SHOWN_SIDE = 384


@router.post(
    "/pictures", status_code=201, openapi_extra=file_schema(), response_model=PictureAnswer
)
async def upload(request: Request, server: TheServer, caller: TheCaller) -> PictureAnswer:
    """Upload a picture to name in later requests; unused, it is kept for a day."""
    name, data = await read_file(request)
    picture_id, picture = await run_in_threadpool(server.service.upload, caller, data, name)
    return PictureAnswer(
        id=picture_id, width=picture.width, height=picture.height, remarks=list(picture.remarks)
    )


@router.get(
    "/pictures/{picture_id}/fitted", response_class=Response, responses=file_answer("image/png")
)
def fitted(
    picture_id: str,
    server: TheServer,
    caller: TheCaller,
    role: Role,
    size: Annotated[str, Query(max_length=20)] = "16:9",
) -> Response:
    """An uploaded picture as the model will see it in a role, at the shape of a size, as PNG."""
    path = server.service.uploaded(caller, picture_id)
    width, height = parse_size(size, area=_SHOWN_SIDE**2)
    scale = _SHOWN_SIDE / max(width, height, 1)
    shown = max(1, round(width * scale)), max(1, round(height * scale))
    with Image.open(path) as picture:
        image = fit(picture.convert("RGB"), role, *shown)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return Response(buffer.getvalue(), media_type="image/png")


@router.post(
    "/elements",
    status_code=201,
    openapi_extra=body_schema(ElementRequest),
    response_model=ElementAnswer,
)
async def save(request: Request, server: TheServer, caller: TheCaller) -> ElementAnswer:
    """Save an element with one or several views, to be used by @name in any prompt."""
    body = await read_body(request, ElementRequest)
    element = await run_in_threadpool(server.service.save_element, caller, body.asked, body.files)
    return element_answer(element)


@router.get("/elements")
def elements(server: TheServer, caller: TheCaller) -> ElementPage:
    """Saved elements of the caller by name."""
    return ElementPage(data=[element_answer(e) for e in server.service.elements.all(caller.owner)])


@router.get("/elements/{element_id}")
def element(element_id: str, server: TheServer, caller: TheCaller) -> ElementAnswer:
    """A saved element."""
    return element_answer(server.service.element(caller, element_id))


@router.get(
    "/elements/{element_id}/pictures/{number}",
    response_class=FileResponse,
    responses=file_answer("image/png"),
)
def picture(element_id: str, number: int, server: TheServer, caller: TheCaller) -> FileResponse:
    """A view of a saved element, as PNG."""
    known = server.service.element(caller, element_id)
    path = server.files.element(known.id) / f"{number}.png"
    if not path.is_file():
        raise NotFoundError(f"there is no picture {number}")
    return FileResponse(path, media_type="image/png")


@router.delete("/elements/{element_id}")
def delete(element_id: str, server: TheServer, caller: TheCaller) -> ElementAnswer:
    """Forget a saved element; videos that used it keep their pictures."""
    return element_answer(server.service.delete_element(caller, element_id))
