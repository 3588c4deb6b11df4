"""A remote server as a `Composer`: what is composed here is made there.

Uses the standard library alone, so that a machine which only asks needs no extra.
"""

from __future__ import annotations

import http.client
import io
import json
import logging
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from PIL import Image
from pydantic import ValidationError

from skyreels_a2.elements import Element, PictureSource
from skyreels_a2.errors import InputError, SkyReelsA2Error, one_line
from skyreels_a2.media.videos import read_video
from skyreels_a2.request import Generation, GenerationRequest
from skyreels_a2.serving.jobs import OPEN_STATES
from skyreels_a2.serving.schemas import ModelAnswer, ModelPage

logger = logging.getLogger(__name__)

_TRANSIENT = (429, 502, 503, 504, 507)
_POLL_SECONDS = 0.3
_LONGEST_WAIT = 30.0


class ServerError(SkyReelsA2Error):
    """A server that cannot be reached, or that could not make a video."""


class ServerComposer:
    """Videos made by a server.

    Args:
        url: Where it listens, e.g. "http://127.0.0.1:8000".
        key: API key, if it asks for one.
        model: Model to name; the server's default if absent.
        patience: Seconds to go on trying while the server is away, full or restarting.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        model: str | None = None,
        patience: float = 300.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"server {url!r} is no http or https address")
        self._parts, self._key, self._model, self._patience = parts, key, model, patience

    def generate(self, request: GenerationRequest) -> Generation:
        """Have a video made and fetch it.

        The job has a name of its own, so that trying again after a broken connection never makes
        it twice. When this is interrupted, the job is cancelled.

        Raises:
            InputError: The server cannot make what is asked, e.g. beyond its limits.
            ServerError: It could not be reached, or failed.
        """
        submitted = self._submit(request)
        try:
            job = self._wait_for(submitted["id"])
        except BaseException:
            with suppress(SkyReelsA2Error):
                self._ask("DELETE", f"/v1/videos/{submitted['id']}")
            raise
        if job["status"] != "completed":
            reason = (job.get("error") or {}).get("message") or job["status"]
            raise ServerError(f"the server did not make {job['id']}: {reason}")
        return Generation(_video(self._ask("GET", f"/v1/videos/{job['id']}/content")), request)

    def models(self) -> list[ModelAnswer]:
        """The models that are served and what they do where a request is silent, default first.

        Raises:
            ServerError: It could not be reached, or is no such server.
        """
        told = self._ask("GET", "/v1/models")
        try:
            return ModelPage.model_validate_json(told).data
        except ValidationError as error:
            raise ServerError(
                f"{self._parts.geturl()} is no server of skyreels-a2: {one_line(error, limit=80)}"
            ) from error

    def _submit(self, request: GenerationRequest) -> dict[str, Any]:
        if not request.trim_references:
            raise InputError("a server always cuts the reference frames off: trim_references=True")
        fields, files = _as_form(request, self._model)
        kind, body = _multipart(fields, files)
        headers = {"Content-Type": kind, "Idempotency-Key": uuid4().hex}
        job: dict[str, Any] = json.loads(self._ask("POST", "/v1/videos", body, headers))
        return job

    def _wait_for(self, job_id: str) -> dict[str, Any]:
        """The job once it has ended."""
        while True:
            job: dict[str, Any] = json.loads(self._ask("GET", f"/v1/videos/{job_id}"))
            if job["status"] not in OPEN_STATES:
                return job
            logger.debug("%s: %s, %s%%", job_id, job["status"], job["progress"])
            time.sleep(_POLL_SECONDS)

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: Any = None) -> bytes:
        """One request, tried again while the server is away or full."""
        deadline, wait = time.monotonic() + self._patience, 0.5
        while True:
            try:
                status, told, retry = self._ask_once(method, path, body, headers or {})
            except (OSError, http.client.HTTPException) as error:
                status, told, retry = 503, one_line(error).encode(), 0.0
            if status < 300:
                return told
            if status not in _TRANSIENT or time.monotonic() + wait > deadline:
                raise _error(status, told)
            time.sleep(max(retry, wait))
            wait = min(2 * wait, _LONGEST_WAIT)

    def _ask_once(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, float]:
        secure = self._parts.scheme == "https"
        made = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = made(str(self._parts.hostname), self._parts.port, timeout=60)
        own = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            base = self._parts.path.rstrip("/")
            connection.request(method, base + path, body, {**own, **headers})
            answer = connection.getresponse()
            retry = answer.headers.get("Retry-After", "0")
            return answer.status, answer.read(), float(retry) if retry.isdigit() else 0.0
        finally:
            connection.close()


def _as_form(
    request: GenerationRequest, model: str | None
) -> tuple[dict[str, str], dict[str, bytes]]:
    """Fields and files of a request."""
    files: dict[str, bytes] = {}
    references = [_reference(e, files) for e in request.composition.elements]
    sampling, spec = request.sampling, request.spec
    fields = {
        "prompt": request.composition.prompt,
        "input_references": json.dumps(references),
        "size": f"{spec.width}x{spec.height}",
        "num_frames": str(spec.num_frames),
        "fps": repr(float(spec.fps)),
        "seed": str(request.seed),
        "num_inference_steps": str(sampling.num_inference_steps),
        "guidance_scale": repr(sampling.guidance_scale),
        "image_guidance_scale": repr(sampling.image_guidance_scale),
        "negative_prompt": sampling.negative_prompt,
        "guider": sampling.guider,
        "guidance_interval": json.dumps(sampling.guidance_interval),
        "appearance_matching": repr(sampling.appearance_matching),
        "scheduler": sampling.scheduler,
    }
    if sampling.flow_shift is not None:
        fields["flow_shift"] = repr(sampling.flow_shift)
    return ({**fields, "model": model} if model else fields), files


def _reference(element: Element, files: dict[str, bytes]) -> dict[str, Any]:
    names = []
    for picture in element.pictures:
        names.append(f"picture{len(files)}")
        files[names[-1]] = _bytes(picture)
    told = {
        "role": element.role.value,
        "name": element.name,
        "description": element.description,
        "strength": element.strength,
        "image": names,
    }
    return {key: value for key, value in told.items() if value is not None}


def _bytes(picture: PictureSource) -> bytes:
    if isinstance(picture, Path):
        try:
            return picture.read_bytes()
        except OSError as error:
            raise InputError(f"{picture} cannot be read ({error.strerror})") from error
    assert isinstance(picture, Image.Image)  # noqa: S101  (for mypy: all others are paths)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def _multipart(fields: Mapping[str, str], files: Mapping[str, bytes]) -> tuple[str, bytes]:
    """Content type and body (RFC 7578)."""
    boundary = uuid4().hex
    parts = []
    for name, value in fields.items():
        head = f'Content-Disposition: form-data; name="{name}"'
        parts.append(f"--{boundary}\r\n{head}\r\n\r\n{value}\r\n".encode())
    for name, data in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}"'
        parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--".encode()


def _video(data: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        path.write_bytes(data)
        return read_video(path)


def _error(status: int, told: bytes) -> SkyReelsA2Error:
    message = told.decode("utf-8", "replace")[:300]
    with suppress(ValueError, KeyError, TypeError):
        message = json.loads(told)["error"]["message"]
    if status in (400, 413, 415, 422):
        return InputError(f"the server refuses: {message}")
    return ServerError(f"the server answers {status}: {message}")
