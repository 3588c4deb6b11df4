"""Image-text similarity, as published: CLIP cosine of frames and prompt, times 100."""

from __future__ import annotations

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.transformer_models import open_clip

_NUM_FRAMES = 16


class ImageText(Metric):
    """Mean over 16 frames; the published encoder is ViCLIP or CLIP, here CLIP."""

    name = "image-text"
    dimension = Dimension.TEXT
    published = True
    says = "frames and prompt, cosine x 100"
    uses = "CLIP"
    networks = ("clip",)
    scale = 100.0

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over frames, from 0 to 100."""
        encoder = open_clip(self.weights)
        text = encoder.texts([case.composition.text])[0]
        frames = encoder.pictures(footage.sample(_NUM_FRAMES))
        return Measured(float(np.clip(frames @ text, 0, 1).mean() * 100))
