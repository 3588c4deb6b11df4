"""Motion smoothness, VBench's: frames interpolated by AMT against the true ones."""

from __future__ import annotations

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.interpolation import interpolation_errors
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.vbench_models import open_amt


class MotionSmoothness(Metric):
    """(255 - mean error of interpolated frames) / 255."""

    name = "motion-smoothness"
    dimension = Dimension.SMOOTHNESS
    published = True
    says = "every second frame interpolated, 1 - error / 255 (VBench)"
    uses = "AMT-S as TorchScript"
    networks = ("amt",)
    needs_motion = True

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over every second frame."""
        del case
        errors = interpolation_errors(footage, open_amt(self.weights))
        return Measured(float(1 - np.mean([error for error, _ in errors]) / 255))
