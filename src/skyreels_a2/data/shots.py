"""Stage 2: pieces without a cut, trimmed, of the right length, each written as an MP4.

Frames are decoded once and flow by; only the shot that is being gathered is held.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
from av.video.frame import PictureType

from skyreels_a2.data.detectors import open_detector
from skyreels_a2.data.footage import Footage, Tick, decode
from skyreels_a2.data.records import Box, Dropped, Probed, Shot
from skyreels_a2.data.settings import ShotSettings
from skyreels_a2.errors import one_line
from skyreels_a2.media.colours import copy_tags
from skyreels_a2.media.encoders import Mp4
from skyreels_a2.media.videos import UNREADABLE
from skyreels_a2.video import SIZE_STEP, TIME_STEP, Frames, VideoSpec

CutOut = tuple[Shot, Footage]


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames of a source from `start` on, their planes, and whether a cut is at either end."""

    start: int
    frames: Frames
    planes: tuple[av.VideoFrame | None, ...]
    after_cut: bool
    before_cut: bool


class _ShotMp4(Mp4):
    """As all MP4s, but encoded fast: the shots' quality is the source's, not ours.

    A frame that is as it was decoded goes from file to file in its own planes and tags, which is
    exact, and saves two conversions.
    """

    codecs: ClassVar = {"libx264": {"crf": "18", "preset": "superfast", "threads": "1"}}

    def add_planes(self, picture: av.VideoFrame) -> None:
        """Compress and write a decoded frame as it is."""
        if not self._num_written:
            copy_tags(picture, self._stream.codec_context)
        picture.pict_type = PictureType.NONE  # or the encoder would do as the source's did
        self._write(picture)


def cut_shots(probed: Probed, settings: ShotSettings, folder: Path) -> Iterator[CutOut | Dropped]:
    """Cut a video up; shots are written below `folder` as they end.

    Yields:
        The shot with its frames, or why a piece was left out. A video that breaks off gives
        what was whole before, and a last `Dropped` for the rest.
    """
    number = 0
    pieces = _pieces(probed, settings)
    while True:
        try:
            piece = next(pieces, None)
        except UNREADABLE as error:
            name = f"{probed.source.source_id}-{number:04d}"
            yield Dropped(what=name, stage="shots", reason="breaks off", detail=one_line(error))
            return
        if piece is None:
            return
        yield _finish(piece, probed, settings, folder, number)
        number += 1


def look_again(probed: Probed, settings: ShotSettings, shots: Sequence[Shot]) -> Iterator[Footage]:
    """The frames of shots that were cut before, in their order: the source's, as at first.

    Those of the written shots are compressed once more: with them the stages that follow would
    find something else than in a first run.
    """
    ticks = decode(Path(probed.source.path), max_short_side=settings.max_short_side)
    at = 0
    for shot in shots:
        first = round(shot.start * shot.fps)
        taken = islice(ticks, first - at, first - at + shot.num_frames)
        frames = np.stack([tick.rgb for tick in taken])
        at = first + shot.num_frames
        yield Footage(_to_steps(_inside(frames, shot.content)), shot.fps)


def _pieces(probed: Probed, settings: ShotSettings) -> Iterator[Piece]:
    """Frames between cuts, at most as long as a shot may be."""
    detector = open_detector(settings, probed.fps)
    longest = max(1, int(settings.max_seconds * probed.fps))
    held: deque[Tick] = deque()
    cuts: deque[int] = deque()
    after_cut = False
    broken: list[Exception] = []
    for tick in _while_whole(probed, settings, broken):
        held.append(tick)
        cuts.extend(detector.add(tick))
        while cuts or len(held) > longest + detector.delay:
            is_cut = bool(cuts) and cuts[0] - held[0].number <= longest
            stop = cuts.popleft() if is_cut else held[0].number + longest
            yield _take(held, stop, after_cut=after_cut, before_cut=is_cut)
            after_cut = is_cut
    cuts.extend(detector.finish())
    while held:
        is_cut = bool(cuts) and cuts[0] - held[0].number <= longest
        last = held[-1].number + 1
        stop = cuts.popleft() if is_cut else min(held[0].number + longest, last)
        yield _take(held, stop, after_cut=after_cut, before_cut=is_cut)
        after_cut = is_cut
    if broken:
        raise broken[0]


def _while_whole(probed: Probed, settings: ShotSettings, broken: list[Exception]) -> Iterator[Tick]:
    """The frames up to where the file breaks off, and what broke."""
    try:
        yield from decode(Path(probed.source.path), max_short_side=settings.max_short_side)
    except UNREADABLE as error:
        broken.append(error)


def _take(held: deque[Tick], stop: int, *, after_cut: bool, before_cut: bool) -> Piece:
    taken = [held.popleft() for _ in range(stop - held[0].number)]
    frames, planes = np.stack([t.rgb for t in taken]), tuple(t.planes for t in taken)
    return Piece(taken[0].number, frames, planes, after_cut, before_cut)


def _finish(
    piece: Piece, probed: Probed, settings: ShotSettings, folder: Path, number: int
) -> CutOut | Dropped:
    shot_id = f"{probed.source.source_id}-{number:04d}"
    seconds = len(piece.frames) / probed.fps
    # Half a frame of tolerance: 24 frames at 12 fps are two seconds.
    if seconds + 0.5 / probed.fps < settings.min_seconds:
        detail = f"{seconds:.2f} s"
        return Dropped(what=shot_id, stage="shots", reason="shot too short", detail=detail)
    start, stop = _trim(piece, probed.fps, settings)
    if stop - start < 2 * TIME_STEP + 1:
        detail = f"{(stop - start) / probed.fps:.2f} s between fades"
        return Dropped(what=shot_id, stage="shots", reason="nothing but fades", detail=detail)
    content = content_box(piece.frames[start:stop], settings.bar_luma)
    bars = 1 - (content[2] - content[0]) * (content[3] - content[1])
    if bars > settings.max_bars:
        detail = f"{bars:.0%} of the frame"
        return Dropped(what=shot_id, stage="shots", reason="bars", detail=detail)
    trimmed = piece.frames[start:stop]
    frames = _to_steps(_inside(trimmed, content))
    is_whole = frames.shape[1:] == trimmed.shape[1:]
    planes = piece.planes[start:stop] if is_whole else ()
    path = f"shots/{number:04d}.mp4"
    target = folder / path
    target.parent.mkdir(exist_ok=True)
    _write(frames, planes, probed.fps, settings.crf, target)
    first = piece.start + start
    shot = Shot(
        shot_id=shot_id,
        source_id=probed.source.source_id,
        number=number,
        start=first / probed.fps,
        stop=(first + len(frames)) / probed.fps,
        fps=probed.fps,
        width=frames.shape[2],
        height=frames.shape[1],
        num_frames=len(frames),
        content=content,
        path=path,
        sha256=hashlib.sha256(target.read_bytes()).hexdigest(),
    )
    return shot, Footage(frames, probed.fps)


def _trim(piece: Piece, fps: float, settings: ShotSettings) -> tuple[int, int]:
    """First frame and the one after the last, without fades and the frames next to cuts."""
    margin = round(settings.trim_seconds * fps)
    start = margin if piece.after_cut else 0
    stop = len(piece.frames) - (margin if piece.before_cut else 0)
    luma = piece.frames[:, ::8, ::8].mean(axis=(1, 2, 3))
    if (luma < settings.fade_luma).all():
        # Black throughout is for the quality stage to say.
        return start, stop
    while start < stop and luma[start] < settings.fade_luma:
        start += 1
    while stop > start and luma[stop - 1] < settings.fade_luma:
        stop -= 1
    return start, stop


def _to_steps(frames: Frames) -> Frames:
    """4k+1 frames whose sides are multiples of 16: cropped round the middle."""
    count = (len(frames) - 1) // TIME_STEP * TIME_STEP + 1
    height, width = (side // SIZE_STEP * SIZE_STEP for side in frames.shape[1:3])
    top, left = (frames.shape[1] - height) // 2, (frames.shape[2] - width) // 2
    return np.ascontiguousarray(frames[:count, top : top + height, left : left + width])


def _write(
    frames: Frames, planes: Sequence[av.VideoFrame | None], fps: float, crf: int, target: Path
) -> None:
    """Write frames, in the planes of those that have them if all do."""
    count, height, width, _ = frames.shape
    decoded = [picture for picture in planes[:count] if picture is not None]
    codecs = {"libx264": {**_ShotMp4.codecs["libx264"], "crf": str(crf)}}
    fast = type("_Encoder", (_ShotMp4,), {"codecs": codecs})
    encoder = fast(target, VideoSpec(width, height, count, fps), {})
    try:
        if len(decoded) == count:
            for picture in decoded:
                encoder.add_planes(picture)
        else:
            for frame in frames:
                encoder.add(frame)
        encoder.finish()
    finally:
        encoder.release()


def content_box(frames: Frames, luma: float) -> Box:
    """What is left without rows and columns that are dark in all frames, at the edges only."""
    brightest = frames[:: max(1, len(frames) // 8)].max(axis=(0, 3))
    boxes: list[float] = []
    for axis in (0, 1):
        bright = np.flatnonzero(np.percentile(brightest, 98, axis=axis) > luma)
        if not len(bright):
            return 0.0, 0.0, 1.0, 1.0
        length = brightest.shape[1 - axis]
        boxes += [int(bright[0]) / length, (int(bright[-1]) + 1) / length]
    return boxes[0], boxes[2], boxes[1], boxes[3]


def _inside(frames: Frames, box: Box) -> Frames:
    height, width = frames.shape[1:3]
    rows = slice(round(box[1] * height), round(box[3] * height))
    return frames[:, rows, round(box[0] * width) : round(box[2] * width)]
