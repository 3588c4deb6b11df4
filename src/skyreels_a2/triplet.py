"""Triplets: elements, a caption and the video that shows them. A training example."""

from __future__ import annotations

from dataclasses import dataclass

from skyreels_a2.elements import Composition
from skyreels_a2.video import Video


@dataclass(frozen=True, slots=True)
class Triplet:
    """A composition and a video of it."""

    composition: Composition
    video: Video
