"""Face similarity: what ArcFace's and dlib's metric share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.bench.metrics.metric import Measured, NotApplicableError
from skyreels_a2.elements import Role
from skyreels_a2.media.images import open_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from skyreels_a2.bench.cases import Case
    from skyreels_a2.bench.footage import Footage

STEP = 16
"""Every 16th frame is looked at, as MAGREF does."""


def face_similarity(
    case: Case,
    footage: Footage,
    embed: Callable[[Image.Image], Sequence[NDArray[np.floating]]],
    alike: Callable[[NDArray[np.floating], NDArray[np.floating]], float],
) -> Measured:
    """Mean similarity of each character's face to the nearest face of every 16th frame.

    A frame without a face counts as 0.

    Raises:
        NotApplicableError: No reference shows a face.
    """
    wanted = [
        faces
        for element in case.elements(Role.CHARACTER)
        if (faces := [f for p in element.pictures for f in embed(open_picture(p).image)[:1]])
    ]
    if not wanted:
        raise NotApplicableError("no reference of a character shows a face that is found")
    frames = footage.sample(max(1, -(-len(footage.frames) // STEP)))
    found = [embed(frame) for frame in frames]
    means = [
        np.mean([max((alike(r, f) for r in own for f in faces), default=0.0) for faces in found])
        for own in wanted
    ]
    seen = sum(bool(faces) for faces in found) / len(found)
    return Measured(float(np.clip(np.mean(means), 0, 1)), {"frames_with_a_face": seen})
