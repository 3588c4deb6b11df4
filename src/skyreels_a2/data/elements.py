"""Stage 4: subjects and the place of a shot, each with its best picture.

A segmenter finds and follows them; here the best frame of each is chosen (large, sharp, whole,
alone), cut out on white, and the background is cropped where no subject is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image

from skyreels_a2.data.backends.choice import Backends
from skyreels_a2.data.backends.protocols import Segmenter, Sighting, Track
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.hashes import picture_hash
from skyreels_a2.data.places import free_rectangle
from skyreels_a2.data.records import Box, DissectedShot, Dropped, Found, JudgedShot, Kind
from skyreels_a2.data.settings import ElementSettings
from skyreels_a2.data.vision import Mask, grey, pixels_of, resize, sharpness
from skyreels_a2.scenes.truth import encode_mask

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

TALL = 0.34
"""Height of the frame from which a subject without a label is taken for a character."""
_MARGIN = 0.06
"""White round a cut-out, as a share of its longer side."""


@dataclass(frozen=True)
class _Look:
    """One sighting rated: its box as fractions, and how good a picture it makes."""

    sighting: Sighting
    box: Box
    rating: float


_Kept: TypeAlias = dict[int, tuple[Track, _Look]]


def dissect(
    judged: JudgedShot,
    footage: Footage,
    settings: ElementSettings,
    backends: Backends,
    folder: Path,
) -> tuple[DissectedShot | Dropped, list[Dropped]]:
    """The shot's elements with their pictures below `folder`, and the tracks left out."""
    shot_id = judged.shot.shot_id
    looked = len(footage.numbers(settings.sample_fps))
    kept, dropped = _look(backends.segmenter, shot_id, footage, settings)
    if not kept and backends.second is not None:
        kept, dropped = _look(backends.second, shot_id, footage, settings)
    if not kept:
        return Dropped(what=shot_id, stage="elements", reason="no subject"), dropped
    if len(kept) > 2 * settings.max_subjects:
        reason, detail = "too many subjects", f"{len(kept)} subjects"
        return Dropped(what=shot_id, stage="elements", reason=reason, detail=detail), dropped
    kept, beyond = _clearest(kept, looked, settings.max_subjects)
    dropped += [_left_out(shot_id, number, "one too many") for number in beyond]
    (folder / "elements").mkdir(exist_ok=True)
    found = [
        _cut_out(track, look, f"{shot_id}-{i}", footage, looked, backends, folder)
        for i, (track, look) in enumerate(kept.values())
    ]
    place = _background([t for t, _ in kept.values()], shot_id, footage, settings, backends, folder)
    return DissectedShot(judged=judged, elements=(*found, *place)), dropped


def _look(
    segmenter: Segmenter, shot_id: str, footage: Footage, settings: ElementSettings
) -> tuple[_Kept, list[Dropped]]:
    """Tracks by number that make a picture, and those that make none."""
    looked = len(footage.numbers(settings.sample_fps))
    kept: _Kept = {}
    dropped: list[Dropped] = []
    for number, track in enumerate(segmenter.tracks(footage)):
        best, reason = _best_look(track, footage, settings, looked)
        if best is None:
            dropped.append(_left_out(shot_id, number, reason))
        else:
            kept[number] = track, best
    return kept, dropped


def _left_out(shot_id: str, number: int, reason: str) -> Dropped:
    return Dropped(what=f"{shot_id}-track{number}", stage="tracks", reason=reason)


def _clearest(kept: _Kept, looked: int, count: int) -> tuple[_Kept, list[int]]:
    """So many of the tracks, those seen longest and best; and the numbers of the others."""

    def clearness(number: int) -> float:
        track, look = kept[number]
        return _presence(track, looked) * look.rating

    order = sorted(kept, key=clearness, reverse=True)
    return {number: kept[number] for number in sorted(order[:count])}, sorted(order[count:])


def box_of(mask: Mask) -> Box:
    """The box round a mask as fractions."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    return (
        columns[0] / width,
        rows[0] / height,
        (columns[-1] + 1) / width,
        (rows[-1] + 1) / height,
    )


def on_white(frame: Frame, mask: Mask) -> Frame:
    """What a mask shows, on white, with a margin."""
    left, top, right, bottom = pixels_of(box_of(mask), frame)
    inner, shown = frame[top:bottom, left:right], mask[top:bottom, left:right]
    margin = max(2, round(_MARGIN * max(inner.shape[:2])))
    height, width = inner.shape[:2]
    canvas = np.full((height + 2 * margin, width + 2 * margin, 3), 255, np.uint8)
    canvas[margin:-margin, margin:-margin][shown] = inner[shown]
    return canvas


def _best_look(
    track: Track, footage: Footage, settings: ElementSettings, looked: int
) -> tuple[_Look | None, str]:
    if _presence(track, looked) < settings.min_presence:
        return None, "seen too shortly"
    usual = float(np.median([sighting.mask.mean() for sighting in track.sightings]))
    looks = [_rate(sighting, footage, usual) for sighting in track.sightings]
    reason = "too small"
    fits = []
    for look in looks:
        fit, reason = _fits(look, footage, settings)
        fits += [look] if fit else []
    best = max(fits, key=lambda look: look.rating, default=None)
    if best is not None and best.rating < settings.min_rating:
        return None, "poor picture"
    return best, reason


def _presence(track: Track, looked: int) -> float:
    return len(track.sightings) / looked if track.presence is None else track.presence


def _rate(sighting: Sighting, footage: Footage, usual: float) -> _Look:
    """Sharp is good, and as large as usual: what is much larger is two, much smaller a part."""
    box = box_of(sighting.mask)
    left, top, right, bottom = pixels_of(box, footage.frames[sighting.frame])
    inner = footage.frames[sighting.frame][top:bottom, left:right]
    area = float(sighting.mask.mean())
    crisp = min(1.0, sharpness(grey(resize(inner, 96, 96))) / 800)
    whole = min(area / usual, usual / area) ** 2
    rating = whole * (0.5 + 0.5 * crisp) * 0.5 ** _borders(box)
    return _Look(sighting, box, rating * sighting.trust)


def _fits(look: _Look, footage: Footage, settings: ElementSettings) -> tuple[bool, str]:
    left, top, right, bottom = look.box
    area = (right - left) * (bottom - top)
    height, width = footage.frames.shape[1:3]
    longest = max((right - left) * width, (bottom - top) * height)
    fill = float(look.sighting.mask.mean()) / max(1e-9, area)
    if area < settings.min_area or longest < settings.min_side:
        return False, "too small"
    if area > settings.max_area:
        return False, "fills the frame"
    if fill < settings.min_fill:
        return False, "mask too thin"
    return _borders(look.box) <= settings.max_borders, "cut by the border"


def _borders(box: Box) -> int:
    edge = 0.004
    return sum((box[0] < edge, box[1] < edge, box[2] > 1 - edge, box[3] > 1 - edge))


def _cut_out(
    track: Track,
    look: _Look,
    element_id: str,
    footage: Footage,
    looked: int,
    backends: Backends,
    folder: Path,
) -> Found:
    frame = footage.frames[look.sighting.frame]
    mask = _full(look.sighting.mask, frame)
    picture = on_white(frame, mask)
    path = f"elements/{element_id}.png"
    Image.fromarray(picture).save(folder / path)
    left, top, right, bottom = pixels_of(box_of(mask), frame)
    vector = backends.embedder.embed(frame[top:bottom, left:right], mask[top:bottom, left:right])
    course = tuple(_place(s) for s in track.sightings)
    tall = float(np.median([height for *_, height in course]))
    return Found(
        element_id=element_id,
        kind=track.kind or (Kind.CHARACTER if tall >= TALL else Kind.OBJECT),
        label=track.label,
        frame=look.sighting.frame,
        box=box_of(mask),
        mask=encode_mask(mask),
        path=path,
        score=round(look.rating, 4),
        presence=_presence(track, looked),
        course=course,
        hash=picture_hash(picture),
        embedding=tuple(round(float(v), 5) for v in vector),
    )


def _place(sighting: Sighting) -> tuple[int, float, float, float]:
    left, top, right, bottom = box_of(sighting.mask)
    x, y, tall = (left + right) / 2, (top + bottom) / 2, bottom - top
    return sighting.frame, round(x, 4), round(y, 4), round(tall, 4)


def _background(
    tracks: Sequence[Track],
    shot_id: str,
    footage: Footage,
    settings: ElementSettings,
    backends: Backends,
    folder: Path,
) -> list[Found]:
    """The largest crop that no subject is in, of frames in which most are seen; or none."""
    best: tuple[float, int, Box] | None = None
    seen: dict[int, list[Mask]] = defaultdict(list)
    for sighting in (s for t in tracks for s in t.sightings):
        seen[sighting.frame].append(sighting.mask)
    most = max(map(len, seen.values()))
    for number in sorted(n for n, masks in seen.items() if len(masks) == most)[::3]:
        box = free_rectangle(np.any(seen[number], axis=0))
        area = (box[2] - box[0]) * (box[3] - box[1])
        if best is None or area > best[0]:
            best = (area, number, box)
    if best is None or best[0] < settings.min_background:
        return []
    _, number, box = best
    frame = footage.frames[number]
    left, top, right, bottom = pixels_of(box, frame)
    crop = np.ascontiguousarray(frame[top:bottom, left:right])
    path = f"elements/{shot_id}-place.png"
    Image.fromarray(crop).save(folder / path)
    vector = backends.embedder.embed(crop, np.ones(crop.shape[:2], bool))
    place = Found(
        element_id=f"{shot_id}-place",
        kind=Kind.BACKGROUND,
        frame=number,
        box=box,
        path=path,
        score=round(best[0], 4),
        presence=1.0,
        hash=picture_hash(crop),
        embedding=tuple(round(float(v), 5) for v in vector),
    )
    return [place]


def _full(mask: Mask, frame: Frame) -> Mask:
    """A mask as large as the frame, its edge smooth."""
    height, width = frame.shape[:2]
    if mask.shape == (height, width):
        return mask
    return np.asarray(resize(mask.astype(np.float32), width, height) > 0.5)
