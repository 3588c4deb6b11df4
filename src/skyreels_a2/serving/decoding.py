"""Pictures of strangers, decoded in a process of their own with limits on time and memory.

A picture made to break a decoder kills or stalls that process; the server answers that the picture
cannot be used and starts another. What comes back is a plain PNG that this package wrote.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import resource
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from PIL import Image

from skyreels_a2.errors import PictureError
from skyreels_a2.media.images import open_picture_bytes
from skyreels_a2.serving.offspring import end_with_server

_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class DecodingLimits:
    """What one picture may cost.

    Attributes:
        seconds: Time to decode it.
        memory: Bytes of address space of the decoding process.
        pixels: Width times height; larger ones are refused on sight of the header.
        side: Larger pictures are scaled down to this longest side: no model sees more.
    """

    seconds: float = 20.0
    memory: int = 3 * 2**30
    pixels: int = 50_000_000
    side: int = 2048


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture that was decoded.

    Attributes:
        png: Upright 8-bit sRGB, no metadata.
        width, height: Of the picture as it was sent, upright.
        remarks: What had to be decided, one line each.
    """

    png: bytes
    width: int
    height: int
    remarks: tuple[str, ...]


class Decoder:
    """Decodes one picture at a time in another process.

    Args:
        limits: What one picture may cost.
    """

    def __init__(self, limits: DecodingLimits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def decode(self, data: bytes, *, name: str) -> DecodedPicture:
        """Decode a picture.

        Args:
            data: A file as it was sent.
            name: What to call it in errors.

        Raises:
            PictureError: It is no picture, too large, or cost more than it may.
        """
        with self._lock:
            connection = self._ready()
            try:
                connection.send((name, data))
                if not connection.poll(self._limits.seconds):
                    self._end()
                    raise PictureError(
                        f"{name} took longer than {self._limits.seconds:g} s to decode: "
                        "save it as a plain PNG or JPEG"
                    )
                answer = connection.recv()
            except (EOFError, OSError):
                self._end()
                raise PictureError(
                    f"{name} broke the decoder, most likely by its memory: scale it down or save "
                    "it as a plain PNG or JPEG"
                ) from None
        if isinstance(answer, DecodedPicture):
            return answer
        raise PictureError(str(answer))

    def warm(self) -> None:
        """Start the process before the first picture comes."""
        with self._lock, suppress(EOFError, OSError):
            self._ready()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _ready(self) -> Connection:
        if self._connection is None or self._process is None or not self._process.is_alive():
            self._end()
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(theirs, self._limits), name="decoder", daemon=True
            )
            self._process.start()
            theirs.close()
            if not self._connection.poll(_START_SECONDS):
                raise EOFError("the decoder did not start")
            self._connection.recv()
        return self._connection

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._process = self._connection = None


def _serve(connection: Connection, limits: DecodingLimits) -> None:
    end_with_server()
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    connection.send("ready")
    with suppress(EOFError):
        while True:
            name, data = connection.recv()
            try:
                answer: DecodedPicture | str = _decode(data, name, limits)
            except PictureError as error:
                answer = str(error)
            except MemoryError:
                os._exit(1)
            connection.send(answer)


def _decode(data: bytes, name: str, limits: DecodingLimits) -> DecodedPicture:
    picture = open_picture_bytes(data, name, max_pixels=limits.pixels)
    image = picture.image
    width, height = image.size
    image.thumbnail((limits.side, limits.side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return DecodedPicture(buffer.getvalue(), width, height, picture.remarks)
