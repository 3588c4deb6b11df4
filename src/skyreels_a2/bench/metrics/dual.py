"""The tiny dual encoder of a model folder: what the `-dual` stand-ins share.

It was trained on rendered scenes, so its figures mean little elsewhere. It sees a picture as a
square of 96 pixels, and so an element only in a crop about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.matching import best_match, frame_cells
from skyreels_a2.bench.metrics.metric import Measured, Metric
from skyreels_a2.bench.metrics.regions import require_elements
from skyreels_a2.bench.networks.tiny_dual import open_tiny_dual
from skyreels_a2.bench.networks.weights import DUAL_ENCODER, Weights
from skyreels_a2.elements import Role
from skyreels_a2.media.images import open_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from skyreels_a2.elements import Reference

_NUM_FRAMES = 12
_SIDES = (0.35, 0.45, 0.55, 0.7, 0.85)
"""Sides of the crops about an element's place, as shares of the frame's height: how large it is
shown is not known, so the best of them counts."""


class Dual(Metric):
    """Cosine of references and the crops in which they are found."""

    role: ClassVar[Role]
    uses = "dual encoder of the model folder"
    networks = (DUAL_ENCODER,)
    version = 2

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over references and frames of the best crop's cosine."""
        elements = require_elements(case, self.role)
        references = [r for r in case.composition.references if r.element in elements]
        values = []
        for reference in references:
            pictures = [open_picture(reference.picture).image, *_crops(reference, footage)]
            own, *crops = embed_pictures(self.weights, pictures)
            values.append((np.stack(crops) @ own).reshape(-1, len(_SIDES)).max(axis=1).mean())
        return Measured(float(np.clip(np.mean(values), 0, 1)))


def embed_pictures(weights: Weights, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
    """Unit vectors of pictures, (n, dim)."""
    model = open_tiny_dual(weights)
    with torch.no_grad():
        vectors: NDArray[np.float32] = model.embed_pictures(model.pixels(pictures)).cpu().numpy()
    return vectors


def square(frame: Image.Image, x: float, y: float, share: float) -> Image.Image:
    """The square about a point of a frame, given in pixels; its side a share of the height."""
    half = share * frame.height / 2
    return frame.crop((round(x - half), round(y - half), round(x + half), round(y + half)))


def _crops(reference: Reference, footage: Footage) -> list[Image.Image]:
    """Squares of all sides about the place of every frame that is most like a reference."""
    frames, cells = footage.sample(_NUM_FRAMES), frame_cells(footage, _NUM_FRAMES)
    crops = []
    for frame, found in zip(frames, cells, strict=True):
        match = best_match(reference, found)
        x, y = match.x * frame.width, match.y * frame.height
        crops += [square(frame, x, y, side) for side in _SIDES]
    return crops
