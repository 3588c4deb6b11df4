"""Stand-ins by the tiny dual encoder of a model folder: elements by region, text by both ends.

It was trained on rendered scenes, so its figures mean little elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.matching import best_match, frame_cells
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.metrics.regions import require_elements
from skyreels_a2.bench.networks.tiny_dual import open_tiny_dual
from skyreels_a2.elements import Role
from skyreels_a2.media.images import open_picture

if TYPE_CHECKING:
    from PIL import Image

    from skyreels_a2.elements import Reference

_NUM_FRAMES = 6
_REGION = 0.55
"""Side of the region about an element's place, as a share of the frame's height."""


class _Dual(Metric):
    role: ClassVar[Role]
    uses = "dual encoder of the model folder"

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean cosine of references and their regions, over elements and frames."""
        model = open_tiny_dual(self.weights)
        elements = require_elements(case, self.role)
        references = [r for r in case.composition.references if r.element in elements]
        values = []
        for reference in references:
            crops = _regions(reference, footage)
            pictures = [open_picture(reference.picture).image, *crops]
            with torch.no_grad():
                vectors = model.embed_pictures(model.pixels(pictures)).cpu().numpy()
            values.append(float((vectors[1:] @ vectors[0]).mean()))
        return Measured(float(np.clip(np.mean(values), 0, 1)))


class CharacterDual(_Dual):
    """Of characters."""

    name = "character-dual"
    dimension = Dimension.CHARACTER
    role = Role.CHARACTER
    says = "reference and its region, cosine"


class ObjectDual(_Dual):
    """Of objects."""

    name = "object-dual"
    dimension = Dimension.OBJECT
    role = Role.OBJECT
    says = "reference and its region, cosine"


class TextDual(Metric):
    """First and last frame against the prompt."""

    name = "text-dual"
    dimension = Dimension.TEXT
    says = "first and last frame and the prompt, cosine x 100"
    uses = "dual encoder of the model folder"
    scale = 100.0

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Cosine of the video's ends and the prompt, from 0 to 100."""
        model = open_tiny_dual(self.weights)
        ends = [footage.sample(2)[i] for i in (0, -1)]
        with torch.no_grad():
            first, last = model.pixels(ends)[:, None]
            video = model.embed_videos(first, last)[0]
            text = model.embed_texts([case.composition.text])[0]
        return Measured(max(0.0, float(video @ text)) * 100)


def _regions(reference: Reference, footage: Footage) -> list[Image.Image]:
    """The part of every sampled frame in which the reference is found best."""
    frames, found = footage.sample(_NUM_FRAMES), frame_cells(footage, _NUM_FRAMES)
    crops = []
    for frame, cells in zip(frames, found, strict=True):
        match = best_match(reference, cells)
        half = _REGION * frame.height / 2
        x, y = match.x * frame.width, match.y * frame.height
        crops.append(
            frame.crop((round(x - half), round(y - half), round(x + half), round(y + half)))
        )
    return crops
