"""Aesthetic quality, VBench's: LAION's linear head on CLIP ViT-L/14, divided by 10."""

from __future__ import annotations

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.vbench_models import open_aesthetic


class Aesthetic(Metric):
    """Mean mark of all frames."""

    name = "aesthetic-quality"
    dimension = Dimension.AESTHETIC
    published = True
    says = "LAION aesthetic mark of every frame / 10 (VBench)"
    uses = "CLIP ViT-L/14 and LAION's head"
    networks = ("clip-large", "aesthetic")

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over frames."""
        del case
        marks = open_aesthetic(self.weights)
        return Measured(float(marks(footage.sample(len(footage.frames))).mean() / 10))
