"""Image quality, VBench's: MUSIQ trained on SPAQ, divided by 100."""

from __future__ import annotations

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.vbench_models import open_musiq


class ImageQuality(Metric):
    """Mean MUSIQ of all frames, longer side at most 512."""

    name = "image-quality"
    dimension = Dimension.IMAGE
    published = True
    says = "MUSIQ of every frame / 100 (VBench)"
    uses = "MUSIQ (pyiqa)"
    networks = ("musiq",)

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over frames."""
        del case
        quality = open_musiq(self.weights)
        frames = footage.sample(len(footage.frames))
        return Measured(float(np.mean([quality(frame) for frame in frames]) / 100))
