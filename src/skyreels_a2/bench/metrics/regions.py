"""Published element similarity: detect the element, cut its region, compare it by CLIP.

A2-Bench names the parts (detected region; frame with the subjects masked) and no thresholds; those
here are ours: 8 frames, the surest detection of the element's words, and 0 for a frame in which
nothing is found, as an element that is absent is no match.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from skyreels_a2.bench.metrics.metric import NotApplicableError
from skyreels_a2.bench.networks.transformer_models import Detection, PictureEncoder, open_detector
from skyreels_a2.elements import Element, Role
from skyreels_a2.media.images import open_picture

if TYPE_CHECKING:
    from skyreels_a2.bench.cases import Case
    from skyreels_a2.bench.footage import Footage
    from skyreels_a2.bench.networks.weights import Weights

NUM_FRAMES = 8
_GREY = (124, 116, 104)
_LEAST_SIDE = 8


def require_elements(case: Case, role: Role) -> tuple[Element, ...]:
    """Elements of a role.

    Raises:
        NotApplicableError: The case has none.
    """
    elements = case.elements(role)
    if not elements:
        raise NotApplicableError(f"the case has no {role.value}")
    return elements


def words_of(element: Element) -> str:
    """What a detector is asked for."""
    return element.description or element.name or _generic(element.role)


@lru_cache(maxsize=64)
def detections(
    weights: Weights, footage: Footage, phrase: str
) -> tuple[tuple[Image.Image, Detection | None], ...]:
    """Sampled frames and where the phrase is in each."""
    detector = open_detector(weights)
    return tuple((frame, detector.find(frame, phrase)) for frame in footage.sample(NUM_FRAMES))


def region_similarity(
    weights: Weights, encoder: PictureEncoder, element: Element, footage: Footage
) -> float:
    """Mean cosine of an element's reference and its region over frames, absent counting as 0."""
    found = detections(weights, footage, words_of(element))
    crops = [frame.crop(_box(d)) for frame, d in found if d and _is_wide(d)]
    if not crops:
        return 0.0
    references = encoder.pictures([open_picture(p).image for p in element.pictures])
    cosines = (encoder.pictures(crops) @ references.T).max(axis=1)
    return float(np.clip(cosines, 0, 1).sum() / len(found))


def without_subjects(weights: Weights, case: Case, footage: Footage) -> list[Image.Image]:
    """Frames with the boxes of all characters and objects painted over in grey."""
    frames = [frame.copy() for frame in footage.sample(NUM_FRAMES)]
    for element in (*case.elements(Role.CHARACTER), *case.elements(Role.OBJECT)):
        for frame, (_, found) in zip(
            frames, detections(weights, footage, words_of(element)), strict=True
        ):
            if found and _is_wide(found):
                ImageDraw.Draw(frame).rectangle(_box(found), fill=_GREY)
    return frames


def _box(found: Detection) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(v) for v in found.box)
    return left, top, right, bottom


def _is_wide(found: Detection) -> bool:
    left, top, right, bottom = _box(found)
    return right - left >= _LEAST_SIDE and bottom - top >= _LEAST_SIDE


def _generic(role: Role) -> str:
    return "person" if role is Role.CHARACTER else "object"
