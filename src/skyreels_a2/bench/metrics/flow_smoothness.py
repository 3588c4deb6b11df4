"""`flow-smoothness`: a stand-in for motion smoothness by DIS flow, nothing to download."""

from __future__ import annotations

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.interpolation import interpolation_errors
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.flow import open_dis


class FlowSmoothness(Metric):
    """VBench's formula with frames moved along DIS flow; a video without motion is not smooth."""

    name = "flow-smoothness"
    dimension = Dimension.SMOOTHNESS
    says = "every second frame interpolated along the flow, 1 - error / 255"
    uses = "DIS optical flow (OpenCV)"
    needs_motion = True

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over every second frame."""
        del case
        errors = np.array(interpolation_errors(footage, open_dis().middle))
        change = float(errors[:, 1].mean())
        return Measured(float(1 - errors[:, 0].mean() / 255), {"change_per_frame": change})
