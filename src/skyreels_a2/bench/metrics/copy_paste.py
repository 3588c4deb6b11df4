"""`copy-paste`: is the reference merely pasted into the video?

Identity should agree and pixels should not: a pasted reference keeps its pose, so its pixels
correlate with the frame at some place and size. 1 means no agreement of pixels, 0 an exact copy.
Where the element is not to be seen at all, there is nothing to judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from skyreels_a2.bench.metrics.matching import cut_out, element_likeness
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric, NotApplicableError
from skyreels_a2.bench.networks.weights import absence
from skyreels_a2.bench.remembering import per_picture
from skyreels_a2.elements import Role
from skyreels_a2.extras import require
from skyreels_a2.media.images import open_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.bench.cases import Case
    from skyreels_a2.bench.footage import Footage
    from skyreels_a2.elements import PictureSource

_NUM_FRAMES = 4
_HEIGHT = 96
"""Pixels that frames are scaled to: pose is coarse."""
_SIZES = (0.25, 0.32, 0.4, 0.5, 0.62, 0.78)
"""Heights of the reference that are tried, as shares of the frame's."""
SEEN = 0.5
"""Least likeness at which an element counts as seen."""


class CopyPaste(Metric):
    """1 - correlation of the reference's pixels with the frame, at the best place and size."""

    name = "copy-paste"
    dimension = Dimension.FAULTS
    says = "1 - agreement of pixels and pose with the reference; low is pasted"
    uses = "template matching (OpenCV)"

    def measure(self, case: Case, footage: Footage) -> Measured:
        """The worst of the case's characters and objects."""
        values: dict[float, float] = {}
        for element in (*case.elements(Role.CHARACTER), *case.elements(Role.OBJECT)):
            identity = float(np.mean(element_likeness(case, element, footage)))
            if identity >= SEEN:
                values[max(_agreement(p, footage) for p in element.pictures)] = identity
        if not values:
            raise NotApplicableError("no element is seen well enough to be a copy")
        pixels = max(values)
        return Measured(1 - pixels, {"pixels": pixels, "identity": values[pixels]})


def _agreement(picture: PictureSource, footage: Footage) -> float:
    """Mean over frames of the best masked correlation, 0 to 1."""
    with absence("OpenCV"):
        cv2 = require("cv2", extra="bench")
    templates = _templates(picture)
    return float(np.mean([_best(cv2, frame, templates) for frame in footage.sample(_NUM_FRAMES)]))


@per_picture
def _templates(
    picture: PictureSource,
) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]:
    """The reference's cut-out and its mask at all sizes."""
    cut, seen = cut_out(open_picture(picture).image)
    made = []
    for share in _SIZES:
        scale = share * _HEIGHT / max(cut.size)
        size = max(4, round(cut.width * scale)), max(4, round(cut.height * scale))
        pixels = np.asarray(cut.resize(size, Image.Resampling.BILINEAR), np.float32)
        mask = np.asarray(Image.fromarray(seen).resize(size), np.float32)
        if mask.sum() >= 16:
            made.append((pixels, np.repeat(mask[..., None], 3, axis=2)))
    return tuple(made)


def _best(cv2: Any, frame: Image.Image, templates: Any) -> float:
    width = max(1, round(frame.width * _HEIGHT / frame.height))
    pixels = np.asarray(frame.resize((width, _HEIGHT), Image.Resampling.BILINEAR), np.float32)
    best = 0.0
    for template, mask in templates:
        if template.shape[1] > width:
            continue
        found = cv2.matchTemplate(pixels, template, cv2.TM_CCOEFF_NORMED, mask=mask)
        found = found[np.isfinite(found) & (np.abs(found) <= 1)]
        best = max(best, float(found.max(initial=0.0)))
    return best
