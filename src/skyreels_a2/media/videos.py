"""Writing and reading videos, by their suffix.

`check_output` tells before any work whether a result could be written, `open_writer` takes frames
as they come, `save_video` a whole video. A file is complete under its name or is not there. It
carries the caller's metadata, which `read_metadata` gives back. `read_video`, `iter_frames` and
`probe` read. The formats are in `encoders` and `decoders`; nothing here knows what made a video.

A folder of PNG frames is asked for by `name.frames`, by `name.png` (which also makes
`name.frames`) or by a path that ends in `/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from PIL import Image

from skyreels_a2.errors import InputError, OutputError, SpecError
from skyreels_a2.media.atomic import output_errors, try_folder, write_aside
from skyreels_a2.media.decoders import VideoInfo, decoder_for
from skyreels_a2.media.encoders import ENCODERS, Encoder, PngFrames
from skyreels_a2.media.labels import Label
from skyreels_a2.request import Generation
from skyreels_a2.video import Video, VideoSpec

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame
    from skyreels_a2.video import Frames

__all__ = [
    "VideoInfo",
    "VideoWriter",
    "check_output",
    "iter_frames",
    "open_writer",
    "probe",
    "read_metadata",
    "read_video",
    "save_generation",
    "save_video",
]

_FREE_IT = "choose another name or pass --overwrite (overwrite=True)"

_READABLE = "give a file such as MP4, WebM, MOV, AVI, GIF or WebP, or a folder of frames"
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    SyntaxError,
    av.FFmpegError,
    Image.DecompressionBombError,
)
"""What FFmpeg and Pillow raise for missing, broken and oversized files."""


class VideoWriter:
    """Takes frames as they come; made by `open_writer`.

    Attributes:
        path: The final name of the file or folder.
        spec: What the frames must follow.
    """

    def __init__(self, path: Path, spec: VideoSpec, encoder: Encoder) -> None:
        self.path = path
        self.spec = spec
        self._encoder = encoder
        self._num_written = 0

    def write(self, frames: Frames) -> None:
        """Write the next frames.

        Args:
            frames: uint8 RGB of shape (n, height, width, 3), any n.

        Raises:
            SpecError: Not of the spec's size, not uint8, or more than it has.
            OutputError: The disk is full, or the folder is gone.
        """
        self._check(frames)
        for frame in frames:
            with output_errors(self.path):
                self._encoder.add(frame)
            self._num_written += 1

    def finish(self) -> None:
        """Complete the file; `open_writer` does this at the end of its block.

        Raises:
            SpecError: Fewer frames were written than the spec has.
            OutputError: The disk is full, or the folder is gone.
        """
        if self._num_written != self.spec.num_frames:
            raise SpecError(f"{self._num_written} frames were written: the spec is {self.spec}")
        with output_errors(self.path):
            self._encoder.finish()

    def _check(self, frames: Frames) -> None:
        size = (self.spec.height, self.spec.width, 3)
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[1:] != size:
            given = f"{frames.dtype} frames of shape {frames.shape}"
            raise SpecError(f"{given} cannot be written: use uint8 of shape (n, *{size})")
        if (total := self._num_written + len(frames)) > self.spec.num_frames:
            raise SpecError(f"{total} frames are too many: the spec is {self.spec}")


@contextmanager
def open_writer(
    path: str | Path,
    spec: VideoSpec,
    *,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Iterator[VideoWriter]:
    """Write a video frame by frame; it gets its name when the block ends well.

    On any exception, an interruption included, nothing is left. Memory does not grow with the
    video, except for GIF and WebP. A GIF plays at 50 frames per second at most.

    Args:
        path: Its suffix is the format; see this module's head for folders of PNG frames.
        spec: Size, number and rate of the frames.
        metadata: Text pairs for the file itself, of any length and script.
        overwrite: Replace an existing file.

    Yields:
        The writer, with `write` and the final `path`.

    Raises:
        OutputError: As `check_output`, or the disk is full.
        SpecError: The frames written do not follow the spec.
    """
    check_output(path, overwrite=overwrite)
    target, make_encoder = _locate(path)
    with write_aside(target, overwrite=overwrite) as part:
        with output_errors(target):
            encoder = make_encoder(part, spec, metadata or {})
        try:
            writer = VideoWriter(target, spec, encoder)
            yield writer
            writer.finish()
        finally:
            encoder.release()


def save_video(
    video: Video,
    path: str | Path,
    *,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a video in the format of the path's suffix.

    Returns:
        The file or folder written.

    Raises:
        OutputError: As `check_output`, or the disk is full.
    """
    with open_writer(path, video.spec, metadata=metadata, overwrite=overwrite) as writer:
        writer.write(video.frames)
    return writer.path


def save_generation(
    generation: Generation,
    path: str | Path,
    *,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write what was generated; otherwise as `save_video`."""
    return save_video(generation.video, path, metadata=metadata, overwrite=overwrite)


def check_output(path: str | Path, *, overwrite: bool) -> None:
    """Tell before any work whether a video could be written; makes missing folders.

    Raises:
        OutputError: An unknown suffix, a folder that cannot be made or written to, a file that
            exists (without `overwrite`), or something else in the way.
    """
    target, make_encoder = _locate(path)
    try_folder(target.parent)
    with output_errors(target):
        if make_encoder.is_folder:
            _check_folder(target, overwrite=overwrite)
        elif target.is_dir():
            raise OutputError(f"{target} is a folder: choose another name for the file")
        elif not overwrite and (target.is_symlink() or target.exists()):
            raise OutputError(f"{target} exists: {_FREE_IT}")


def probe(path: str | Path) -> VideoInfo:
    """Size, rate and number of frames of any video that FFmpeg or Pillow opens.

    Raises:
        InputError: It is missing, or no video.
    """
    with _input_errors(path):
        return decoder_for(_find(path)).info()


def iter_frames(path: str | Path) -> Iterator[Frame]:
    """The frames of any video, one by one.

    Colours are converted by the matrix and range that the file names.

    Yields:
        uint8 RGB of shape (height, width, 3).

    Raises:
        InputError: It is missing, no video, or broken further on.
    """
    with _input_errors(path):
        yield from decoder_for(_find(path)).frames()


def read_video(path: str | Path) -> Video:
    """A whole video; `iter_frames` reads those of any size and length.

    Raises:
        InputError: It is missing, broken or no video.
        SpecError: Its sides are no multiples of 16, or its frames not 4k+1.
    """
    info = probe(path)
    try:
        spec = VideoSpec(info.width, info.height, info.num_frames, float(info.fps))
        return Video(np.stack(list(iter_frames(path))), spec)
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """The pairs that a video was written with; empty for one without any.

    Raises:
        InputError: It is missing, or no video.
    """
    with _input_errors(path):
        label = Label.from_text(decoder_for(_find(path)).comment())
    return dict(label.metadata) if label else {}


def _locate(path: str | Path) -> tuple[Path, type[Encoder]]:
    """The final name that a path asks for, and the format."""
    target = Path(path)
    if str(path).endswith("/"):
        return target, PngFrames
    suffix = target.suffix.lower()
    if suffix not in ENCODERS:
        known = ", ".join(ENCODERS)
        raise OutputError(f"{target} ends in no known format: use one of {known}, or / for frames")
    return (target.with_suffix(".frames") if suffix == ".png" else target), ENCODERS[suffix]


def _check_folder(target: Path, *, overwrite: bool) -> None:
    """A folder may replace one of frames, and nothing that somebody may miss."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise OutputError(f"{target} is not a folder: choose another name for the frames")
    inside = list(target.iterdir()) if target.exists() else []
    if not all(entry.match("frame_*.png") for entry in inside):
        raise OutputError(f"{target} holds other files: choose a new or an empty folder")
    if inside and not overwrite:
        raise OutputError(f"{target} exists: {_FREE_IT}")


def _find(path: str | Path) -> Path:
    """What a path means for reading: itself, or the folder that writing to it made."""
    source = Path(path)
    frames = source.with_suffix(".frames") if source.suffix.lower() == ".png" else source
    return source if source.exists() else frames


@contextmanager
def _input_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} cannot be read as a video ({reason}): {_READABLE}") from error
