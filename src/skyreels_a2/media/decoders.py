"""One small class per way of reading a video: by FFmpeg, by Pillow, or a folder of pictures.

Any video that FFmpeg opens will do, not only what `encoders` wrote. Errors are those of the
libraries: `videos` explains them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from PIL import Image, ImageSequence

from skyreels_a2.media.colours import to_rgb
from skyreels_a2.media.encoders import EXIF_DESCRIPTION, PNG_COMMENT
from skyreels_a2.media.labels import Label

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,mxf,ivf,m4v,h264,hevc"
"""What may be opened. FFmpeg also reads any text as ANSI art, and fetches what playlists name."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file is.

    Attributes:
        width, height: Pixels, as shown (after the rotation that phones record).
        fps: Frames per second; the mean if it varies.
        num_frames: Frames.
    """

    width: int
    height: int
    fps: Fraction
    num_frames: int


class Decoder(ABC):
    """Reads one video from a path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """The frames in order, uint8 RGB of shape (height, width, 3)."""

    @abstractmethod
    def info(self) -> VideoInfo:
        """Size, rate and number."""

    @abstractmethod
    def comment(self) -> str | None:
        """The text that labels the file, if any."""


class StreamDecoder(Decoder):
    """Any container with a video stream; colours by the stream's own tags."""

    def frames(self) -> Iterator[Frame]:
        """Decode the first video stream."""
        with _open(self.path) as file:
            stream = _video_stream(file)
            stream.thread_type = "AUTO"
            yield from map(to_rgb, file.decode(stream))

    def info(self) -> VideoInfo:
        """From the header and one decoded frame; packets are counted where no header says."""
        if (first := next(self.frames(), None)) is None:
            raise ValueError("no frame")
        height, width, _ = first.shape
        with _open(self.path) as file:
            stream = _video_stream(file)
            rate = stream.average_rate or stream.guessed_rate
            if not rate:
                raise ValueError("no frame rate")
            count = stream.frames or sum(1 for packet in file.demux(stream) if packet.size)
        return VideoInfo(width, height, Fraction(rate), count)

    def comment(self) -> str | None:
        """The container's comment; Matroska spells the key in capitals."""
        with _open(self.path) as file:
            _video_stream(file)
            tags = {key.lower(): value for key, value in file.metadata.items()}
        return tags.get("comment")


class AnimationDecoder(Decoder):
    """GIF and WebP: pictures shown for a while, which a label turns back into frames."""

    def frames(self) -> Iterator[Frame]:
        """The pictures, each as often as the labelled rate shows it; once without a label."""
        label = Label.from_text(self.comment())
        if label is None:
            yield from (picture for picture, _ in self._shown())
            return
        num_given = elapsed = 0
        for picture, duration in self._shown():
            elapsed += duration
            until = round(elapsed * label.rate / 1000)
            yield from (picture.copy() for _ in range(num_given, until))
            num_given = max(num_given, until)
        # A video without motion is stored as a still picture, which has no duration.
        yield from (picture.copy() for _ in range(num_given, label.num_frames))

    def info(self) -> VideoInfo:
        """From all pictures: neither format says beforehand how many there are."""
        shown = [(picture.shape, duration) for picture, duration in self._shown()]
        height, width, _ = shown[0][0]
        if label := Label.from_text(self.comment()):
            return VideoInfo(width, height, label.rate, label.num_frames)
        if not (total := sum(duration for _, duration in shown)):
            raise ValueError("a still picture, which has no frame rate")
        return VideoInfo(width, height, Fraction(1000 * len(shown), total), len(shown))

    def comment(self) -> str | None:
        """The GIF comment or the EXIF description."""
        with Image.open(self.path) as picture:
            comment = picture.info.get("comment") or picture.getexif().get(EXIF_DESCRIPTION)
        return comment.decode("latin-1") if isinstance(comment, bytes) else comment

    def _shown(self) -> Iterator[tuple[Frame, int]]:
        """Each stored picture and the milliseconds it is shown."""
        with Image.open(self.path) as file:
            for picture in ImageSequence.Iterator(file):
                # Converting loads, and WebP knows the duration only then.
                frame = np.asarray(picture.convert("RGB"))
                yield frame, int(picture.info.get("duration", 0))


class FramesDecoder(Decoder):
    """A folder of `frame_0000.png` and so on."""

    def frames(self) -> Iterator[Frame]:
        """The pictures by number."""
        for path in self._paths():
            with Image.open(path) as picture:
                yield np.array(picture.convert("RGB"))

    def info(self) -> VideoInfo:
        """From the first picture and the number of files."""
        label = Label.from_text(self.comment())
        if label is None:
            raise ValueError("pictures that do not say a frame rate")
        paths = self._paths()
        with Image.open(paths[0]) as picture:
            return VideoInfo(picture.width, picture.height, label.rate, len(paths))

    def comment(self) -> str | None:
        """The first picture's comment."""
        with Image.open(self._paths()[0]) as picture:
            comment = picture.info.get(PNG_COMMENT)
        return comment if isinstance(comment, str) else None

    def _paths(self) -> list[Path]:
        # By length first: the ten-thousandth frame has one more digit.
        paths = sorted(self.path.glob("frame_*.png"), key=lambda p: (len(p.name), p.name))
        if not paths:
            raise ValueError("no frame_0000.png in this folder")
        return paths


def decoder_for(path: Path) -> Decoder:
    """The way to read what stands at a path."""
    if path.is_dir():
        return FramesDecoder(path)
    is_animation = path.suffix.lower() in {".gif", ".webp"}
    return AnimationDecoder(path) if is_animation else StreamDecoder(path)


def _open(path: Path) -> av.container.InputContainer:
    # Absolute, or a colon in the path would be taken for a protocol.
    return av.open(str(path.absolute()), options={"format_whitelist": CONTAINERS})


def _video_stream(file: av.container.InputContainer) -> av.VideoStream:
    if not file.streams.video:
        raise ValueError("no video stream")
    return file.streams.video[0]
