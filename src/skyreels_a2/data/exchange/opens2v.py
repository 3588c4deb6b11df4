"""OpenS2V-5M's published annotations, with its videos, as a data set that training opens.

Its pictures are not stored but cut on the fly: from one annotated frame, by boxes and masks. Traps:
`crop` is left-right-top-bottom while boxes are left-top-right-bottom; masks are compressed COCO run
lengths in the cropped frame; only the frames of `face_cut` are without transitions.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skyreels_a2.data.exchange.importers import Imported, UnusableError, import_each
from skyreels_a2.data.exchange.rows import ElementRow, TripletRow
from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.media.atomic import write_aside
from skyreels_a2.media.videos import iter_frames, open_writer, probe
from skyreels_a2.scenes.truth import decode_mask
from skyreels_a2.video import SIZE_STEP, TIME_STEP, VideoSpec

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

MIN_GME = 0.6
"""Least likeness of a subject's picture to its name (OpenS2V-5M's own threshold)."""
MIN_SIDE = 32
"""Pixels of a cut-out's shorter side."""
PERSONS = frozenset({"person", "man", "woman", "boy", "girl", "child", "people"})
"""Classes that are characters; all others are objects."""


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Metadata(_Loose):
    path: Path
    face_cut: tuple[int, int]
    crop: tuple[int, int, int, int]
    face_cap_qwen: str


class _Rating(_Loose):
    bbox: tuple[float, float, float, float]
    gme_score: float | None = None


class _AnnotatedFrame(_Loose):
    ann_frame_idx: int
    annotations: tuple[_Rating, ...]


class _Class(_Loose):
    class_name: str


class _Rle(_Loose):
    size: tuple[int, int]
    counts: str


class _Annotation(_Loose):
    ann_frame_data: _AnnotatedFrame
    mask_map: dict[str, _Class]
    mask_annotation: dict[str, dict[str, _Rle]] = Field(default_factory=dict)


class OpenS2VItem(_Loose):
    """A video's entry in the annotations."""

    metadata: _Metadata
    annotation: _Annotation


def import_opens2v(
    annotations: Path, videos: Path, out: Path, *, min_gme: float = MIN_GME
) -> Imported:
    """Import what the annotations say of the videos that are there.

    Args:
        annotations: A JSON file of the data set, e.g. `total_part1.json`.
        videos: Folder that the annotations' paths start from.
        out: Folder of the new data set.
        min_gme: Subjects with a lower score are left out.

    Raises:
        InputError: The file cannot be read, or nothing in it can be used.
        OutputError: `out` cannot be written.
    """
    try:
        content = json.loads(annotations.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{annotations} cannot be read as OpenS2V-5M's JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{annotations} is no table of videos: give e.g. total_part1.json")

    def make(key: str, entry: Any) -> TripletRow:
        try:
            item = OpenS2VItem.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UnusableError("wrong annotation", f"{where}: {first['msg']}") from error
        return _import_item(key, item, videos, out, min_gme)

    return import_each(content.items(), make, out)


def decode_counts(counts: str) -> tuple[int, ...]:
    """Run lengths of COCO's compressed masks: zeros first, down the columns.

    Numbers are written in groups of five bits from the lowest, a sixth says that more follow, 48 is
    added to be printable; from the third on they are differences to the one two before.

    Raises:
        ValueError: It ends in the middle of a number.
    """
    runs: list[int] = []
    letters = iter(counts)
    for letter in letters:
        value, shift, code = 0, 0, ord(letter) - 48
        while True:
            value |= (code & 0x1F) << shift
            shift += 5
            if not code & 0x20:
                break
            following = next(letters, None)
            if following is None:
                raise ValueError("the mask's run lengths end in the middle of a number")
            code = ord(following) - 48
        if code & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    return tuple(runs)


def _import_item(
    key: str, item: OpenS2VItem, videos: Path, out: Path, min_gme: float
) -> TripletRow:
    source = videos / item.metadata.path
    if not source.is_file():
        raise UnusableError("no video", str(item.metadata.path))
    spec = _spec(item, probe(source))
    frame = _annotated_frame(item, source)
    elements = tuple(
        ElementRow(
            role=role,
            pictures=(_save(picture, out, f"references/{key}-{i}.png"),),
            description=name,
        )
        for i, (role, name, picture) in enumerate(_subjects(item, frame, min_gme))
    )
    if not elements:
        raise UnusableError("no good subject", f"none reaches {min_gme:g}")
    video = Path("videos") / f"{key}.mp4"
    (out / video).parent.mkdir(exist_ok=True)
    if not (out / video).is_file():
        _write_video(item, source, spec, out / video)
    return TripletRow(video=video, prompt=item.metadata.face_cap_qwen, elements=elements)


def _spec(item: OpenS2VItem, info: Any) -> VideoSpec:
    """The largest video that fits: sides of 16 pixels, 4k+1 frames."""
    left, right, top, bottom = item.metadata.crop
    start, stop = item.metadata.face_cut
    width, height = min(right, info.width) - left, min(bottom, info.height) - top
    count = min(stop, info.num_frames) - start
    if min(width, height) < SIZE_STEP or count < 1 or min(left, top, start) < 0:
        raise UnusableError("nothing inside the crop", f"{width}x{height}, {count} frames")
    return VideoSpec(
        width - width % SIZE_STEP,
        height - height % SIZE_STEP,
        count - (count - 1) % TIME_STEP,
        float(info.fps),
    )


def _annotated_frame(item: OpenS2VItem, source: Path) -> Frame:
    number = item.annotation.ann_frame_data.ann_frame_idx
    frame = next(itertools.islice(iter_frames(source), number, None), None)
    if frame is None:
        raise UnusableError("annotated frame is missing", f"frame {number} of {source.name}")
    left, right, top, bottom = item.metadata.crop
    return frame[top:bottom, left:right]


def _subjects(
    item: OpenS2VItem, frame: Frame, min_gme: float
) -> Iterator[tuple[Role, str, Image.Image]]:
    """Role, class and cut-out on white of each subject that is good enough."""
    annotated = item.annotation.ann_frame_data
    masks = item.annotation.mask_annotation.get(str(annotated.ann_frame_idx), {})
    for (number, rle), rating in zip(masks.items(), annotated.annotations, strict=False):
        if rle.size != frame.shape[:2] or number not in item.annotation.mask_map:
            raise UnusableError("mask of another size", f"{rle.size} in {frame.shape[:2]}")
        left, top, right, bottom = (max(0, round(side)) for side in rating.bbox)
        if (rating.gme_score or 0.0) < min_gme or min(right - left, bottom - top) < MIN_SIDE:
            continue
        try:
            mask = decode_mask(decode_counts(rle.counts), rle.size)
        except ValueError as error:
            raise UnusableError("broken mask", str(error)) from error
        white = np.where(mask[..., None], frame, np.uint8(255))
        name = item.annotation.mask_map[number].class_name
        role = Role.CHARACTER if name.casefold() in PERSONS else Role.OBJECT
        yield role, name, Image.fromarray(white[top:bottom, left:right])


def _save(picture: Image.Image, out: Path, place: str) -> Path:
    target = out / place
    target.parent.mkdir(exist_ok=True)
    with write_aside(target, overwrite=True) as part:
        picture.save(part, format="PNG")
    return Path(place)


def _write_video(item: OpenS2VItem, source: Path, spec: VideoSpec, target: Path) -> None:
    """The frames of the cut, cropped."""
    left, _, top, _ = item.metadata.crop
    start = item.metadata.face_cut[0]
    with open_writer(target, spec) as writer:
        for frame in itertools.islice(iter_frames(source), start, start + spec.num_frames):
            writer.write(frame[None, top : top + spec.height, left : left + spec.width])
