"""The worker process: owns the model of one device and makes one video after the other.

It is told its tasks through a pipe and answers with events. It dies with its server. Whatever it
does, up to being killed for memory, the server only sees the pipe close.
"""

from __future__ import annotations

import io
import logging
import os
import signal
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from PIL import Image

from skyreels_a2.errors import InputError, SkyReelsA2Error, one_line
from skyreels_a2.media.manifest import Manifest
from skyreels_a2.media.videos import open_writer
from skyreels_a2.request import Composer, GenerationRequest
from skyreels_a2.serving.jobs import Order
from skyreels_a2.serving.models import ContentHook, ServedModel, frames_of
from skyreels_a2.serving.offspring import end_with_server
from skyreels_a2.video import Frames

logger = logging.getLogger(__name__)

_PREVIEW_SIDE = 320
_NICENESS = 5
"""So that the API answers at once while a model fills every core."""


class ContentError(SkyReelsA2Error):
    """A content hook refuses a request or a video."""


class CancelledError(SkyReelsA2Error):
    """The job is no longer wanted."""


@dataclass(frozen=True, slots=True)
class Task:
    """One attempt at a job: what to make and where to put it."""

    job_id: str
    token: str
    model: str
    order: Order
    folder: Path
    result: str


@dataclass(frozen=True, slots=True)
class Event:
    """What a worker says.

    Attributes:
        kind: "ready", "progress", "preview", "done", "failed".
        token: The attempt it speaks of.
        value: Progress (phase, done, total), JPEG bytes, size in bytes, or (error, type).
    """

    kind: str
    token: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker process is started with.

    Attributes:
        models: By name; one of them is held at a time.
        device: Handed to the models' factories.
        hook: Makes the content hook, if there is one.
    """

    models: Mapping[str, ServedModel]
    device: str
    hook: Any = None


def run_worker(connection: Connection, setup: WorkerSetup) -> None:
    """Take tasks from the pipe until it closes."""
    end_with_server()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if setup.device.startswith(("cpu", "auto")):
        with suppress(OSError):
            os.nice(_NICENESS)
    _Worker(connection, setup).run()


class _Worker:
    def __init__(self, connection: Connection, setup: WorkerSetup) -> None:
        self._connection = connection
        self._setup = setup
        self._hook: ContentHook | None = setup.hook() if setup.hook else None
        self._loaded: tuple[str, Composer] | None = None
        self._cancelled = ""

    def run(self) -> None:
        first = next(iter(self._setup.models))
        with suppress(SkyReelsA2Error):  # told to the first job instead
            self._composer(first)
        self._connection.send(Event("ready"))
        while True:
            try:
                told = self._connection.recv()
            except EOFError:
                return
            if isinstance(told, Task):
                self._connection.send(self._attempt(told))

    def _attempt(self, task: Task) -> Event:
        try:
            return Event("done", task.token, self._make(task))
        except CancelledError:
            return Event("failed", task.token, ("cancelled", "cancelled"))
        except ContentError as error:
            return Event("failed", task.token, (one_line(error), "content_refused"))
        except InputError as error:
            return Event("failed", task.token, (one_line(error), "invalid_request"))
        except SkyReelsA2Error as error:
            return Event("failed", task.token, (one_line(error), "failed"))
        except Exception as error:
            logger.exception("job %s failed", task.job_id)
            return Event("failed", task.token, (one_line(error), "internal_error"))

    def _make(self, task: Task) -> int:
        """Make the video of a task and give its size in bytes."""
        request = task.order.request(task.folder)
        if self._hook:
            self._hook.check_request(request)
        composer = self._composer(task.model)

        def on_progress(phase: str, done: int, total: int) -> None:
            self._listen(task)
            self._connection.send(Event("progress", task.token, (phase, done, total)))

        def on_preview(frames: Frames) -> None:
            self._connection.send(Event("preview", task.token, _jpeg(frames)))

        metadata = self._metadata(task, request)
        path = task.folder / task.result
        with ExitStack() as stack:
            writer = None
            for frames in frames_of(composer, request, on_progress, on_preview):
                if self._hook:
                    self._hook.check_frames(frames)
                if writer is None:
                    writer = stack.enter_context(
                        open_writer(path, request.delivered_spec, metadata=metadata, overwrite=True)
                    )
                    on_preview(frames)
                writer.write(frames)
                self._listen(task)
        return path.stat().st_size

    def _metadata(self, task: Task, request: GenerationRequest) -> dict[str, str]:
        record = self._setup.models[task.model].record(request.delivered_spec)
        return Manifest.of(request, record).metadata()

    def _listen(self, task: Task) -> None:
        """Stop if the server said so; it says nothing else meanwhile."""
        while self._connection.poll():
            self._cancelled = self._connection.recv()
        if self._cancelled == task.token:
            raise CancelledError("cancelled")

    def _composer(self, name: str) -> Composer:
        if self._loaded is None or self._loaded[0] != name:
            self._loaded = None  # one model at a time: the memory of the old one is needed
            self._loaded = name, self._setup.models[name].open(self._setup.device)
        return self._loaded[1]


def _jpeg(frames: Frames) -> bytes:
    picture = Image.fromarray(frames[len(frames) // 2])
    picture.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=80)
    return buffer.getvalue()
