"""Reading bodies: JSON or multipart, checked against a schema, and said so in OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import HTTPException, Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from skyreels_a2.errors import one_line
from skyreels_a2.serving.schemas import MAX_REFERENCES, MAX_VIEWS, first_problem

Asked = TypeVar("Asked", bound=BaseModel)

_MAX_FILES = MAX_REFERENCES * MAX_VIEWS
_MAX_FIELDS = 64
_MAX_FIELD_BYTES = 2**20
_STRUCTURED = ("input_references", "image", "guidance_interval")
"""Form fields that hold JSON."""


@dataclass(frozen=True, slots=True)
class Body(Generic[Asked]):
    """A body that was read.

    Attributes:
        asked: What it asks for.
        files: File parts by their field's name.
    """

    asked: Asked
    files: Mapping[str, bytes]


async def read_body(request: Request, schema: type[Asked]) -> Body[Asked]:
    """Read a body of either kind.

    Raises:
        HTTPException: 400 malformed, 415 another kind, 422 not what the schema asks for.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        values, files = await _read_form(request)
        return Body(_validated(schema, values), files)
    if kind not in ("application/json", ""):
        raise HTTPException(415, f"{kind[:80]!r} is not understood: send JSON or multipart")
    try:
        return Body(schema.model_validate_json(await request.body() or b"{}"), {})
    except ValidationError as error:
        raise _invalid(error) from None


async def read_file(request: Request) -> tuple[str, bytes]:
    """The one file of a multipart body, by its name.

    Raises:
        HTTPException: 400 malformed, 415 another kind, 422 no file or several.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(415, "send the picture as a part of multipart/form-data")
    _, files = await _read_form(request)
    if len(files) != 1:
        raise HTTPException(422, f"{len(files)} files were sent: send one")
    return next(iter(files.items()))


def body_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says of a body that `read_body` reads."""
    reference = {"$ref": f"#/components/schemas/{schema.__name__}"}
    form = {"type": "object", "additionalProperties": {"type": "string"}}
    content = {"application/json": {"schema": reference}, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


def file_schema() -> dict[str, Any]:
    """What OpenAPI says of a body that `read_file` reads."""
    file = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {"file": file}, "required": ["file"]}
    content = {"multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


async def _read_form(request: Request) -> tuple[dict[str, Any], dict[str, bytes]]:
    values: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    try:
        async with request.form(
            max_files=_MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=_MAX_FIELD_BYTES
        ) as form:
            for name, value in form.multi_items():
                if name in values or name in files:
                    raise HTTPException(422, f"field {name[:80]!r} was sent twice: name each once")
                if isinstance(value, UploadFile):
                    files[name] = await value.read()
                else:
                    values[name] = _structured(name, value)
    except (MultiPartException, UnicodeDecodeError, ValueError, KeyError) as error:
        raise HTTPException(400, f"the form is malformed: {one_line(error)}") from None
    return values, files


def _structured(name: str, value: str) -> Any:
    if name not in _STRUCTURED or (name == "image" and not value.lstrip().startswith("[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise HTTPException(422, f"field {name!r} is not JSON: see the API's reference") from None


def _validated(schema: type[Asked], values: dict[str, Any]) -> Asked:
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> HTTPException:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    message, where = first_problem(errors)
    malformed = errors[0]["type"] == "json_invalid"
    return HTTPException(400 if malformed else 422, {"message": message, "param": where})
