"""Stage 1: is it a video that can be learned from? Reads headers and packets, decodes one frame."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np

from skyreels_a2.data.labels import labels_of
from skyreels_a2.data.records import Dropped, Probed, Source
from skyreels_a2.data.settings import ProbeSettings
from skyreels_a2.errors import InputError, one_line
from skyreels_a2.media.decoders import CONTAINERS
from skyreels_a2.media.videos import UNREADABLE

SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".flv"}
    | {".wmv", ".ogv", ".mxf", ".3gp", ".gif"}
)
"""Files of a folder that are taken for videos; whatever a list names is taken as it is."""
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
_EDGE = 1 << 20


def find_sources(videos: Path) -> list[Path]:
    """The videos of a folder (with its folders), of a text file with a path a line, or one video.

    Raises:
        InputError: Nothing is there.
    """
    if videos.is_dir():
        found = sorted(
            p for p in videos.rglob("*") if p.suffix.lower() in SUFFIXES and not _hidden(p, videos)
        )
    elif videos.suffix.lower() in {".txt", ".lst"} and videos.is_file():
        lines = (line.strip() for line in videos.read_text("utf-8").splitlines())
        found = [videos.parent / line for line in lines if line and not line.startswith("#")]
    else:
        found = [videos] if videos.is_file() else []
    if not found:
        raise InputError(
            f"{videos} has no videos: give a folder, a .txt with a path a line, a file"
        )
    return found


def identify(path: Path) -> Source:
    """The source's id: a hash of its size, its first and its last MiB.

    Raises:
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_EDGE))
        file.seek(max(0, size - _EDGE))
        digest.update(file.read(_EDGE))
    return Source(source_id=digest.hexdigest()[:16], path=str(path.absolute()), size=size)


def probe(source: Source, settings: ProbeSettings) -> Probed | Dropped:
    """What a source is, or why it is left out."""
    try:
        return _judge(_read(source, settings), settings)
    except _NotWantedError as error:
        reason, detail = error.args
        return Dropped(what=source.source_id, stage="probe", reason=reason, detail=detail)
    except UNREADABLE as error:
        return Dropped(
            what=source.source_id, stage="probe", reason="not readable", detail=one_line(error)
        )


class _NotWantedError(Exception):
    """Reason and detail."""


def _hidden(path: Path, top: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(top).parts)


def _read(source: Source, settings: ProbeSettings) -> Probed:
    if not source.size:
        raise _NotWantedError("empty file", "0 bytes")
    # Absolute, or a colon in the path would be taken for a protocol.
    with _open(source.path) as file:
        if not file.streams.video:
            raise _NotWantedError("no video stream", file.format.name)
        stream = file.streams.video[0]
        size = stream.width * stream.height
        if size > settings.max_pixels:
            raise _NotWantedError("too many pixels", f"{stream.width}x{stream.height}")
        times = _times(file.demux(stream), settings.max_frames)
        first = _first_frame(source.path)
        if first is None or len(times) < 2:
            raise _NotWantedError("too few frames", f"{len(times)} frames")
        _check_frame(first)
        fps = _rate(times, settings)
        turned = round(first.rotation)
        width, height = (first.width, first.height)[:: -1 if turned % 180 else 1]
        return Probed(
            source=source,
            container=file.format.name,
            codec=stream.codec_context.name,
            width=width,
            height=height,
            fps=fps,
            seconds=len(times) / fps,
            num_frames=len(times),
            has_audio=bool(file.streams.audio),
            rotated=turned,
            hdr=int(getattr(first, "color_trc", 0) or 0) in HDR_TRANSFERS,
            labels=labels_of(Path(source.path)),
        )


def _open(path: str) -> av.container.InputContainer:
    return av.open(path, options={"format_whitelist": f"{CONTAINERS},gif"})


def _first_frame(path: str) -> av.VideoFrame | None:
    """Opened anew, since a file without an index, as FLV may be, cannot be wound back."""
    with _open(path) as file:
        return next(file.decode(video=0), None)


def _times(packets: Iterable[Any], most: int) -> list[float]:
    """Presentation times in seconds, in order."""
    times: list[float] = []
    for packet in packets:
        if not packet.size or packet.is_corrupt:
            continue
        stamp = packet.pts if packet.pts is not None else packet.dts
        base = packet.time_base
        if stamp is not None and base is not None:
            times.append(float(stamp * base))
        if len(times) > most:
            raise _NotWantedError("too many frames", f"more than {most}")
    return sorted(times)


def _rate(times: list[float], settings: ProbeSettings) -> float:
    gaps = np.array([after - before for before, after in pairwise(times)])
    usual = float(np.median(gaps))
    if usual <= 0:
        raise _NotWantedError("no usable time stamps", f"median gap {usual:g} s")
    off = float(np.mean(np.abs(gaps - usual) > 0.6 * usual))
    if off > settings.rate_tolerance:
        raise _NotWantedError("variable frame rate", f"{off:.0%} of the gaps are off")
    # The mean over all is exact where single stamps are rounded to milliseconds.
    steady = gaps[np.abs(gaps - usual) <= 0.6 * usual]
    return float(1 / steady.mean())


def _check_frame(first: av.VideoFrame) -> None:
    if first.interlaced_frame:
        raise _NotWantedError("interlaced", "its first frame is")
    transfer = int(getattr(first, "color_trc", 0) or 0)
    if transfer in HDR_TRANSFERS:
        raise _NotWantedError("high dynamic range", HDR_TRANSFERS[transfer])


def _wishes(probed: Probed, settings: ProbeSettings) -> Iterator[tuple[bool, str, str]]:
    side = min(probed.width, probed.height)
    yield side >= settings.min_short_side, "too small", f"{probed.width}x{probed.height}"
    yield probed.fps >= settings.min_fps, "frame rate too low", f"{probed.fps:.3g} fps"
    yield probed.fps <= settings.max_fps, "frame rate too high", f"{probed.fps:.3g} fps"
    yield probed.seconds >= settings.min_seconds, "too short", f"{probed.seconds:.2f} s"
    yield probed.seconds <= settings.max_seconds, "too long", f"{probed.seconds:.0f} s"
    containers, labels = set(probed.container.split(",")), set(probed.labels)
    formats, codecs = settings.containers, settings.codecs
    yield not formats or bool(containers & set(formats)), "container", probed.container
    yield not codecs or probed.codec in codecs, "codec", probed.codec
    told = ", ".join(sorted(labels)) or "none"
    yield not settings.labels or bool(labels & set(settings.labels)), "no wanted label", told
    yield not labels & set(settings.without_labels), "unwanted label", told
    yield settings.audio == "any" or probed.has_audio, "no sound", ""


def _judge(probed: Probed, settings: ProbeSettings) -> Probed:
    for met, reason, detail in _wishes(probed, settings):
        if not met:
            raise _NotWantedError(reason, detail)
    return probed
