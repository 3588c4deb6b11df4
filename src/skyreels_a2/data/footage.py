"""Frames of a video, each decoded once, with their times; and the pieces that stages look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import av
import numpy as np

from skyreels_a2.data.vision import resize
from skyreels_a2.media.colours import QUICK, to_rgb
from skyreels_a2.media.decoders import CONTAINERS

if TYPE_CHECKING:
    from pathlib import Path

    from skyreels_a2.media.colours import Frame
    from skyreels_a2.video import Frames


@dataclass(frozen=True, slots=True)
class Tick:
    """A decoded frame.

    Attributes:
        number: From 0.
        rgb: uint8 (height, width, 3).
        is_key: Whether the encoder made it a key frame.
        planes: As it was decoded, where `rgb` is all of that and upright, in 4:2:0.
    """

    number: int
    rgb: Frame
    is_key: bool
    planes: av.VideoFrame | None = None


def decode(path: Path, *, max_short_side: int) -> Iterator[Tick]:
    """The frames of a video in order, reduced where they are larger than asked for.

    Raises:
        OSError, ValueError, av.FFmpegError: It breaks off; what came before is good.
    """
    with _open(path) as file:
        stream = file.streams.video[0]
        stream.thread_type = "SLICE"
        for number, picture in enumerate(file.decode(stream)):
            whole = to_rgb(picture, interpolation=QUICK)
            rgb = _reduce(whole, max_short_side)
            is_plain = rgb is whole and not picture.rotation and picture.format.name == "yuv420p"
            yield Tick(number, rgb, bool(picture.key_frame), picture if is_plain else None)


def glimpses(path: Path, count: int) -> list[Frame]:
    """So many frames of a video, evenly from the first to the last; only these are converted."""
    with _open(path) as file:
        stream = file.streams.video[0]
        stream.thread_type = "AUTO"
        pictures = list(file.decode(stream))
    numbers = np.linspace(0, len(pictures) - 1, count).round().astype(int)
    return [to_rgb(pictures[number]) for number in numbers]


def _open(path: Path) -> av.container.InputContainer:
    return av.open(str(path.absolute()), options={"format_whitelist": f"{CONTAINERS},gif"})


def _reduce(rgb: Frame, short_side: int) -> Frame:
    height, width = rgb.shape[:2]
    scale = short_side / min(height, width)
    return rgb if scale >= 1 else resize(rgb, round(width * scale), round(height * scale))


class Footage:
    """The frames of one shot, and what stages derive from them once and share.

    Args:
        frames: uint8 RGB (n, height, width, 3).
        fps: Their rate.
    """

    def __init__(self, frames: Frames, fps: float) -> None:
        self.frames = frames
        self.fps = fps

    def __len__(self) -> int:
        return len(self.frames)

    def numbers(self, fps: float) -> list[int]:
        """Frames at about so many a second, the first and the last among them."""
        count = max(2, round(len(self) / self.fps * fps) + 1)
        return sorted({round(i) for i in np.linspace(0, len(self) - 1, min(count, len(self)))})

    @cached_property
    def small(self) -> dict[int, Frame]:
        """Frames at 8 a second whose longer side has 320 pixels, by number."""
        return {n: _longest(self.frames[n], 320) for n in self.numbers(8.0)}


def _longest(frame: Frame, longest: int) -> Frame:
    height, width = frame.shape[:2]
    scale = longest / max(height, width)
    return frame if scale >= 1 else resize(frame, round(width * scale), round(height * scale))
