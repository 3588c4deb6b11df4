"""Stage 3: shots without motion, with nothing but camera motion, blurred or black go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.data.backends.choice import Backends
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.hashes import picture_hash
from skyreels_a2.data.records import Dropped, JudgedShot, Scores, Shot
from skyreels_a2.data.settings import QualitySettings
from skyreels_a2.data.vision import camera_motion, flow, grey, sharpness, shrink, warp

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

_HASHES = 4.0
"""Hashes a second: at 2, what moves fast makes near-duplicates that begin apart look apart."""
_MOVED = 10
"""Levels of luma by which a pixel differs that moved otherwise than the camera."""


def judge(
    shot: Shot, footage: Footage, settings: QualitySettings, backends: Backends
) -> JudgedShot | Dropped:
    """A shot's scores, or what is wrong with it."""
    seen = [shrink(footage.frames[n], 320) for n in footage.numbers(2.0)]
    scores = measure(seen)
    for looked in (False, True):
        if looked:  # the costly networks see only what is good so far
            scores = _looked_at(scores, footage, settings, backends)
        for met, reason, detail in _wishes(scores, settings):
            if not met:
                return Dropped(what=shot.shot_id, stage="quality", reason=reason, detail=detail)
    hashes = (picture_hash(shrink(footage.frames[n], 320)) for n in footage.numbers(_HASHES))
    return JudgedShot(shot=shot, scores=scores, hashes=tuple(hashes))


def measure(seen: Sequence[Frame]) -> Scores:
    """Scores of a shot.

    Args:
        seen: Frames half a second apart, 320 wide.
    """
    planes = [grey(frame) for frame in seen]
    pairs = list(pairwise(planes))
    speeds = [float(np.hypot(*flow(a, b).transpose(2, 0, 1)).mean()) for a, b in pairs]
    moved = [_moved_share(a, b) for a, b in pairs]
    return Scores(
        motion=float(np.mean(speeds)),
        subject_area=float(np.max(moved)),
        sharpness=float(np.median([sharpness(plane) for plane in planes])),
        luma=float(np.mean([plane.mean() for plane in planes])),
        contrast=float(np.mean([plane.std() for plane in planes])),
    )


def _looked_at(
    scores: Scores, footage: Footage, settings: QualitySettings, backends: Backends
) -> Scores:
    """With text and aesthetic mark, where there are backends: the most text, the mean mark."""
    places = (np.arange(settings.looks) + 0.5) / settings.looks * len(footage)
    frames = [footage.frames[int(place)] for place in places]
    told: dict[str, float] = {}
    if backends.text is not None:
        told["text"] = max(map(backends.text.share, frames))
    if backends.aesthetic is not None:
        told["aesthetic"] = float(np.mean([backends.aesthetic.mark(frame) for frame in frames]))
    return scores.model_copy(update=told)


def _moved_share(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """Share of the picture that changed although the camera's motion is undone."""
    camera = camera_motion(before, after)
    here = warp(before, camera).astype(np.int16)
    valid = warp(np.full_like(before, 255), camera) == 255
    difference = after.astype(np.int16) - here
    if not valid.any():
        return 1.0
    # The light may change as a whole.
    difference -= np.int16(np.median(difference[valid]))
    return float(((np.abs(difference) > _MOVED) & valid).mean())


def _wishes(scores: Scores, settings: QualitySettings) -> Iterator[tuple[bool, str, str]]:
    luma = f"mean luma {scores.luma:.0f}"
    yield scores.luma >= settings.min_luma, "black", luma
    yield scores.luma <= settings.max_luma, "white", luma
    contrast = f"deviation of luma {scores.contrast:.1f}"
    yield scores.contrast >= settings.min_contrast, "no contrast", contrast
    blurred = f"sharpness {scores.sharpness:.1f}"
    yield scores.sharpness >= settings.min_sharpness, "blurred", blurred
    moves = f"flow {scores.motion:.2f}, {scores.subject_area:.2%} moves by itself"
    still = scores.motion < settings.min_motion
    alone = scores.subject_area >= settings.min_subject_area
    yield alone or not still, "static", moves
    yield alone, "camera motion only", moves
    yield scores.motion <= settings.max_motion, "too much motion", moves
    if scores.text is not None:
        yield scores.text <= settings.max_text, "text", f"text on {scores.text:.1%}"
    if scores.aesthetic is not None:
        mark = f"mark {scores.aesthetic:.2f}"
        yield scores.aesthetic >= settings.min_aesthetic, "not beautiful", mark
