"""One small class per format a video is written in, and the table of them by suffix.

| suffix           | format                                             | memory    |
|------------------|----------------------------------------------------|-----------|
| `.mp4`           | H.264, 4:2:0, index first so that the web plays it | flat      |
| `.webm`          | VP9, or AV1 where there is no VP9                  | flat      |
| `.gif`           | 256 colours for all frames, at most 50 fps         | all frames|
| `.webp`          | animated WebP                                      | all frames|
| `.png`, `.frames`| a folder of `frame_0000.png`, ...; lossless        | flat      |

An encoder is given the path to write at and frames one by one. It does not check them, rename
anything or explain errors: that is for `videos`.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import av
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from skyreels_a2.media.colours import tag_bt709, to_yuv
from skyreels_a2.media.labels import Label, frame_rate
from skyreels_a2.video import VideoSpec

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

EXIF_DESCRIPTION = 0x010E
PNG_COMMENT = "Comment"


class Encoder(ABC):
    """Writes one video at a path.

    Args:
        path: Where to write; nothing exists there.
        spec: Size, number and rate of the frames that will come.
        metadata: Pairs for the file's label.
    """

    max_rate: ClassVar[Fraction | None] = None
    is_folder: ClassVar[bool] = False

    def __init__(self, path: Path, spec: VideoSpec, metadata: Mapping[str, str]) -> None:
        rate = frame_rate(spec.fps)
        self.path = path
        self.spec = spec
        self.rate = min(rate, self.max_rate) if self.max_rate else rate
        self.comment = Label(self.rate, spec.num_frames, metadata).to_text()

    @abstractmethod
    def add(self, frame: Frame) -> None:
        """Take the next frame: uint8 RGB of shape (height, width, 3)."""

    @abstractmethod
    def finish(self) -> None:
        """Complete the file."""

    def release(self) -> None:  # noqa: B027 - most hold nothing open
        """Let go of whatever is open; also after `finish` and after errors."""


class StreamEncoder(Encoder):
    """A container with one compressed stream, tagged and converted as BT.709, limited range."""

    container: ClassVar[str]
    container_options: ClassVar[dict[str, str]] = {}
    codecs: ClassVar[dict[str, dict[str, str]]]
    """Encoders with their options, the preferred one first."""

    def __init__(self, path: Path, spec: VideoSpec, metadata: Mapping[str, str]) -> None:
        super().__init__(path, spec, metadata)
        self._num_written = 0
        # Absolute, or a colon in the path would be taken for a protocol.
        self._file = av.open(
            str(path.absolute()), "w", format=self.container, options=self.container_options
        )
        self._file.metadata["comment"] = self.comment
        # The first that this build of FFmpeg has.
        codec = min(self.codecs, key=lambda name: name not in av.codecs_available)
        stream = self._file.add_stream(codec, self.rate, self.codecs[codec])
        self._stream = cast("av.VideoStream", stream)
        self._stream.width, self._stream.height = spec.width, spec.height
        self._stream.pix_fmt = "yuv420p"
        tag_bt709(self._stream.codec_context)

    def add(self, frame: Frame) -> None:
        """Convert, compress and write the frame."""
        self._write(to_yuv(frame))

    def _write(self, picture: av.VideoFrame) -> None:
        picture.pts, picture.time_base = self._num_written, 1 / self.rate
        self._num_written += 1
        self._file.mux(self._stream.encode(picture))

    def finish(self) -> None:
        """Write what the encoder still holds, and the index."""
        self._file.mux(self._stream.encode(None))
        self._file.close()

    def release(self) -> None:
        """Close the file, complete or not."""
        try:
            self._file.close()
        except (OSError, av.FFmpegError):
            # The error that led here is the one to tell.
            return


class Mp4(StreamEncoder):
    """H.264, visually lossless, with the index first."""

    container = "mp4"
    container_options: ClassVar = {"movflags": "+faststart"}
    # With its macroblock tree x264 now and then makes other bytes of the same frames.
    codecs: ClassVar = {
        "libx264": {"crf": "17", "preset": "medium", "x264-params": "mbtree=0"},
    }


class WebM(StreamEncoder):
    """VP9, or AV1 where FFmpeg was built without it."""

    container = "webm"
    codecs: ClassVar = {
        "libvpx-vp9": {"crf": "24", "b": "0", "row-mt": "1", "cpu-used": "4"},
        "libsvtav1": {"crf": "24", "preset": "8"},
    }


class Animation(Encoder):
    """An animated picture that Pillow writes once all frames are there.

    Encoded in memory first: Pillow's own writing to disk loses the reason of an error.
    """

    tick_ms: ClassVar[int]
    """The format's unit of time."""

    def __init__(self, path: Path, spec: VideoSpec, metadata: Mapping[str, str]) -> None:
        super().__init__(path, spec, metadata)
        self._pictures: list[Image.Image] = []

    def add(self, frame: Frame) -> None:
        """Keep the frame."""
        self._pictures.append(Image.fromarray(np.ascontiguousarray(frame)))

    def finish(self) -> None:
        """Encode and write all of it."""
        buffer = io.BytesIO()
        self.encode(self._pictures, buffer, self.durations())
        self.path.write_bytes(buffer.getvalue())

    @abstractmethod
    def encode(self, pictures: list[Image.Image], buffer: io.BytesIO, durations: list[int]) -> None:
        """Write pictures, each shown for its milliseconds."""

    def durations(self) -> list[int]:
        """Milliseconds per frame; each end is rounded to a tick, so that the sum never drifts."""
        tick = Fraction(self.tick_ms, 1000)
        ends = [round(i / self.rate / tick) for i in range(len(self._pictures) + 1)]
        return [(stop - start) * self.tick_ms for start, stop in pairwise(ends)]


class Gif(Animation):
    """One palette for all frames, so that still parts do not flicker.

    Browsers show a delay below 20 ms as 100 ms, hence the greatest rate.
    """

    tick_ms = 10
    max_rate = Fraction(50)

    def encode(self, pictures: list[Image.Image], buffer: io.BytesIO, durations: list[int]) -> None:
        """Reduce to 256 colours and write."""
        palette = shared_palette(pictures)
        first, *others = (p.quantize(palette=palette) for p in pictures)
        first.save(
            buffer,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=durations,
            loop=0,
            comment=self.comment.encode(),
        )


class WebP(Animation):
    """Lossy WebP; the comment is the EXIF description."""

    tick_ms = 1

    def encode(self, pictures: list[Image.Image], buffer: io.BytesIO, durations: list[int]) -> None:
        """Compress and write."""
        exif = Image.Exif()
        exif[EXIF_DESCRIPTION] = self.comment
        first, *others = pictures
        first.save(
            buffer,
            format="WEBP",
            save_all=True,
            append_images=others,
            duration=durations,
            loop=0,
            quality=92,
            exif=exif.tobytes(),
        )


class PngFrames(Encoder):
    """A folder of pictures; the first carries the comment."""

    is_folder = True

    def __init__(self, path: Path, spec: VideoSpec, metadata: Mapping[str, str]) -> None:
        super().__init__(path, spec, metadata)
        self._num_written = 0
        path.mkdir()

    def add(self, frame: Frame) -> None:
        """Write the next picture."""
        info = PngInfo()
        if self._num_written == 0:
            info.add_text(PNG_COMMENT, self.comment)
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(frame)).save(buffer, format="PNG", pnginfo=info)
        (self.path / f"frame_{self._num_written:04d}.png").write_bytes(buffer.getvalue())
        self._num_written += 1

    def finish(self) -> None:
        """Nothing is left to do."""


ENCODERS: dict[str, type[Encoder]] = {
    ".mp4": Mp4,
    ".webm": WebM,
    ".gif": Gif,
    ".webp": WebP,
    ".png": PngFrames,
    ".frames": PngFrames,
}


def shared_palette(pictures: list[Image.Image]) -> Image.Image:
    """256 colours for up to 16 frames across the video, each seen at a quarter of its size."""
    chosen = pictures[:: -(-len(pictures) // 16)]
    samples = [np.asarray(picture)[::2, ::2] for picture in chosen]
    return Image.fromarray(np.concatenate(samples)).quantize(256)
