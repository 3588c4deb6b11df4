"""Triplets: elements, a caption and the video that shows them. A training example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skyreels_a2.elements import Composition
from skyreels_a2.video import Video

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Triplet:
    """A composition and a video of it.

    Attributes:
        composition: Elements and caption.
        video: What shows them.
        subjects: Where characters and objects are seen, if known: (frames, height, width).
        places: Where each reference is seen, and which place of it, if known:
            (references, 3, frames, height, width), see `scenes.places`.
    """

    composition: Composition
    video: Video
    subjects: NDArray[np.bool_] | None = None
    places: NDArray[np.float32] | None = None
