"""Subjects that stand out, moving or not: matting on a few frames, together with motion.

Matting has the better outlines and sees what lies still; motion tells apart what touches in a
picture, and sees what is too small or dark to stand out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.data.backends.motion import MotionSegmenter
from skyreels_a2.data.backends.protocols import Sighting, Track
from skyreels_a2.data.backends.tracking import link
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.settings import ElementSettings
from skyreels_a2.data.vision import Mask, pieces, resize, shrink, tidy

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

SIDE = 320
"""Pixels of the longer side of what is followed."""
OPAQUE = 0.5
"""Opacity from which a pixel belongs to a subject."""
LEAST = 0.38
"""As `tracking.LEAST`, for frames that lie further apart."""
INSIDE = 0.6
"""Share of a piece that lies in another, from which it is taken for a part of it."""


class SalientSegmenter:
    """Finds what stands out or moves, on a few frames of a shot.

    Args:
        settings: Of the stage.
        matting: Picture to opacity; see `IsnetMatting`.
    """

    def __init__(
        self, settings: ElementSettings, matting: Callable[[Frame], NDArray[np.float32]]
    ) -> None:
        self._settings, self._matting = settings, matting
        self._motion = MotionSegmenter(settings)

    def tracks(self, footage: Footage) -> Sequence[Track]:
        """All subjects, each followed over the matted frames."""
        moving = self._motion.tracks(footage)
        numbers = self._numbers(footage)
        frames = [shrink(footage.frames[n], SIDE) for n in numbers]
        found = [
            self._seen(number, frame, moving) for number, frame in zip(numbers, frames, strict=True)
        ]
        return link(frames, found, least=LEAST)

    def _numbers(self, footage: Footage) -> list[int]:
        """Evenly spread frames among those that motion looks at."""
        every = footage.numbers(self._settings.sample_fps)
        count = min(self._settings.matted_frames, len(every))
        places = (np.arange(count) + 0.5) * len(every) / count
        return [every[int(place)] for place in places]

    def _seen(self, number: int, frame: Frame, moving: Sequence[Track]) -> list[Sighting]:
        opacity = self._matting(frame)
        least = max(12, round(self._settings.min_area * 0.3 * opacity.size))
        solid = pieces(tidy(opacity > OPAQUE, gap=3), min_area=least)
        moved = [
            resize(s.mask.astype(np.uint8), frame.shape[1], frame.shape[0]) > 0
            for track in moving
            for s in track.sightings
            if s.frame == number
        ]
        masks = apart(solid, moved, least)
        # What moves without standing out makes a picture, if a poorer one.
        return [Sighting(number, mask, max(0.5, float(opacity[mask].mean()))) for mask in masks]


def apart(solid: Sequence[Mask], moved: Sequence[Mask], least: int) -> list[Mask]:
    """Subjects of a frame out of what stands out and what moves there.

    Args:
        solid: Pieces that stand out, none overlapping.
        moved: Pieces that move, none overlapping.
        least: Pixels of the smallest subject.

    Returns:
        A solid piece as it is, or, where several that move make it up, its share of each; and
        what moves without standing out.
    """
    subjects: list[Mask] = []
    for piece in solid:
        parts = [piece & m for m in moved if _inside(m, piece) >= INSIDE]
        parts = [part for part in parts if part.sum() >= max(least, 0.15 * piece.sum())]
        subjects += parts if len(parts) > 1 else [piece]
    taken = np.any(solid, axis=0) if solid else None
    for piece in moved:
        free = piece if taken is None else piece & ~taken
        if free.sum() >= max(least, 0.7 * piece.sum()):
            subjects.append(free)
    return subjects


def _inside(part: Mask, whole: Mask) -> float:
    return float((part & whole).sum() / max(1, part.sum()))
