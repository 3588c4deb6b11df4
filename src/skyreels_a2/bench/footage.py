"""Footage: the frames of a video in whatever state it is, and what is wrong with it.

A benchmark meets missing, cut-off, one-frame and black videos. None of them stops a run: what can
be read is read, and what is odd is flagged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from skyreels_a2.errors import InputError, one_line
from skyreels_a2.media.decoders import decoder_for
from skyreels_a2.media.labels import Label
from skyreels_a2.media.videos import iter_frames, probe

if TYPE_CHECKING:
    from skyreels_a2.video import Frames

MAX_FRAMES = 600
"""Frames that are held and judged; what comes after them is left out, and flagged."""
_DARK = 6.0
"""Mean level, of 255, below which a video is called black."""
_FLAT = 2.0
"""Standard deviation, of 255, below which a frame holds nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """Frames to be judged.

    Attributes:
        frames: uint8 RGB (frames, height, width, 3), at least one.
        fps: Frames per second.
        flags: What is odd about it, one line each.
    """

    frames: Frames = field(repr=False)
    fps: float
    flags: tuple[str, ...] = ()

    def sample(self, count: int) -> list[Image.Image]:
        """Frames spread evenly from the first to the last, at most `count`, as pictures."""
        return [Image.fromarray(self.frames[i]) for i in self.indices(count)]

    def indices(self, count: int) -> list[int]:
        """Which frames `sample` takes: linspace(0, T-1), as OpenS2V-Eval does."""
        spread = np.linspace(0, len(self.frames) - 1, min(count, len(self.frames)))
        return [int(i) for i in spread]


class UnusableVideoError(InputError):
    """A video of which no frame can be judged; its message is the reason for the report."""


def read_footage(path: Path) -> Footage:
    """Read what can be read of a video.

    Raises:
        UnusableVideoError: It is missing, or not one frame can be decoded.
    """
    if not path.exists():
        raise UnusableVideoError(f"missing: {path.name} is not there")
    frames: list[np.ndarray] = []
    flags: list[str] = []
    try:
        info = probe(path)
        for frame in iter_frames(path):
            if len(frames) == MAX_FRAMES:
                flags.append(f"only the first {MAX_FRAMES} frames were judged")
                break
            frames.append(frame)
    except InputError as error:
        if not frames:
            raise UnusableVideoError(f"unreadable: {one_line(error, limit=160)}") from error
        flags.append(f"truncated: it breaks off after {len(frames)} frames")
    else:
        flags += _shortfall(max(info.num_frames, _labelled_frames(path)), len(frames))
    if not frames:
        raise UnusableVideoError(f"empty: {path.name} has no frame")
    stacked = np.stack(frames)
    return Footage(stacked, float(info.fps), (*flags, *oddities(stacked)))


def oddities(frames: Frames) -> Sequence[str]:
    """What is odd about frames themselves."""
    found = []
    if len(frames) == 1:
        found.append("one frame: motion cannot be judged")
    elif not np.any(frames[1:] != frames[:-1]):
        found.append("frozen: all frames are equal")
    if frames.mean() < _DARK:
        found.append("black: there is nothing to be seen")
    elif max(float(frame.std()) for frame in frames[:: max(1, len(frames) // 8)]) < _FLAT:
        found.append("empty: one flat colour")
    return found


def file_sha256(path: Path) -> str:
    """Hash of a video file, or of all files of a folder of frames; empty when it is missing."""
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.is_file())
        text = "".join(f"{p.name}:{file_sha256(p)};" for p in files)
        return hashlib.sha256(text.encode()).hexdigest()
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _labelled_frames(path: Path) -> int:
    """Frames that a video of ours was written with; 0 for others."""
    label = Label.from_text(decoder_for(path).comment())
    return label.num_frames if label else 0


def _shortfall(said: int, found: int) -> list[str]:
    if found < min(said, MAX_FRAMES):
        return [f"truncated: {found} of {said} frames can be decoded"]
    return []
