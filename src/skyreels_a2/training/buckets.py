"""Sizes and lengths that videos are brought to, so that one set trains on several."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from skyreels_a2.errors import InputError, SpecError
from skyreels_a2.media.fit import cover
from skyreels_a2.media.videos import iter_frames, probe
from skyreels_a2.video import Video, VideoSpec

_BUCKET = re.compile(r"(\d+)x(\d+)x(\d+)")


def read_buckets(texts: Iterable[str], fps: float) -> tuple[VideoSpec, ...]:
    """`WIDTHxHEIGHTxFRAMES` as specs.

    Raises:
        InputError: It is not written so.
        SpecError: Sides that are no multiples of 16, or frames that are not 4k+1.
    """
    return tuple(_read(text, fps) for text in texts)


def _read(text: str, fps: float) -> VideoSpec:
    found = _BUCKET.fullmatch(text)
    if found is None:
        raise InputError(f"bucket {text!r}: write WIDTHxHEIGHTxFRAMES, such as 832x480x81")
    width, height, frames = map(int, found.groups())
    return VideoSpec(width, height, frames, fps)


def choose_bucket(path: Path, buckets: Sequence[VideoSpec]) -> VideoSpec:
    """The bucket nearest to a video's shape; of those of that shape the longest that it fills.

    Raises:
        InputError: The video cannot be read.
        SpecError: It fills none.
    """
    info = probe(path)
    length = _length(info.num_frames, float(info.fps), buckets[0].fps)
    filled = [bucket for bucket in buckets if bucket.num_frames <= length]
    if not filled:
        least = min(bucket.num_frames for bucket in buckets)
        raise SpecError(f"{path} has {length} frames: {least} are needed")
    shape = math.log(info.width / info.height)
    return min(filled, key=lambda b: (abs(math.log(b.width / b.height) - shape), -b.num_frames))


def read_clipped(path: Path, spec: VideoSpec) -> Video:
    """The beginning of a video, brought to a spec's rate, size and length.

    Frames are left out where the video has more a second; one that has fewer is taken as it is.

    Raises:
        InputError: The video cannot be read.
        SpecError: It is shorter than the spec.
    """
    rate = max(1.0, float(probe(path).fps) / spec.fps)
    wanted = np.floor(np.arange(spec.num_frames) * rate + 0.5).astype(int)
    chosen = set(wanted.tolist())
    decoded = itertools.islice(iter_frames(path), int(wanted[-1]) + 1)
    frames = [
        np.asarray(cover(Image.fromarray(frame), spec.width, spec.height))
        for number, frame in enumerate(decoded)
        if number in chosen
    ]
    if len(frames) < spec.num_frames:
        raise SpecError(f"{path} has {len(frames)} frames: {spec.num_frames} are needed")
    return Video(np.stack(frames), spec)


def _length(num_frames: int, fps: float, wanted_fps: float) -> int:
    """Frames of a video at another rate, if that is lower."""
    rate = max(1.0, fps / wanted_fps)
    return math.floor((num_frames - 0.5) / rate) + 1 if rate > 1 else num_frames
