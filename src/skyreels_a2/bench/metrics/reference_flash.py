"""`reference-flash`: does a reference itself leak into the first frames, and where to cut?

References are laid before the video in time, so a model may show them before it begins. A first
frame that is far more like a fitted reference than the rest of the video is one that leaked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric, NotApplicableError
from skyreels_a2.media.fit import fit
from skyreels_a2.media.images import open_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.bench.cases import Case
    from skyreels_a2.bench.footage import Footage

_SIZE = (64, 40)
_SHARE = 1 / 3
"""Share of the frames that may be a flash; what lasts longer is no flash but the video."""
_EXCESS = 0.25
"""Correlation above the rest of the video from which a frame leaked."""


class ReferenceFlash(Metric):
    """1 - how much more the first frames are like a fitted reference than the rest is."""

    name = "reference-flash"
    dimension = Dimension.FAULTS
    says = "1 - excess likeness of first frames to a reference; says where to cut"
    uses = "correlation"
    needs_motion = True

    def measure(self, case: Case, footage: Footage) -> Measured:
        """`cut_at` is the number of first frames to cut off; 0 when none leaked."""
        first = int(len(footage.frames) * _SHARE)
        if first < 1:
            raise NotApplicableError("too few frames to tell the first from the rest")
        width, height = footage.frames.shape[2], footage.frames.shape[1]
        frames = np.stack([_thumb(Image.fromarray(f)) for f in footage.frames])
        excess = np.zeros(first)
        for reference in case.composition.references:
            picture = open_picture(reference.picture).image
            wanted = _thumb(fit(picture, reference.role, width, height))
            likeness = frames @ wanted
            rest = max(0.0, float(np.quantile(likeness[first:], 0.9)))
            excess = np.maximum(excess, likeness[:first] - rest)
        leaked = np.flatnonzero(excess > _EXCESS)
        cut_at = int(leaked[-1]) + 1 if len(leaked) else 0
        return Measured(float(np.clip(1 - excess.max(), 0, 1)), {"cut_at": float(cut_at)})


def _thumb(image: Image.Image) -> NDArray[np.float64]:
    """A small picture as a vector of unit length and no mean; a flat one is all zeros."""
    vector = np.asarray(
        image.convert("RGB").resize(_SIZE, Image.Resampling.BOX), np.float64
    ).ravel()
    vector = vector - vector.mean()
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-6 else np.zeros_like(vector)
