"""`flow-dynamics`: a stand-in for dynamic degree by DIS flow, nothing to download."""

from __future__ import annotations

from statistics import fmean

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.dynamics import dynamic_degree
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.flow import open_dis


class FlowDynamics(Metric):
    """Strength of motion in units of VBench's threshold, at most 1 between each two frames.

    VBench's own rule says only yes or no, which tells little of one video.
    """

    name = "flow-dynamics"
    dimension = Dimension.DYNAMICS
    says = "motion between frames in units of VBench's threshold, at most 1"
    uses = "DIS optical flow (OpenCV)"
    needs_motion = True

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over frames, from 0 to 1; `moves` is VBench's yes or no."""
        del case
        moves, motions = dynamic_degree(footage, open_dis().between)
        strength = fmean(min(1.0, motion) for motion in motions) if motions else 0.0
        return Measured(strength, {"moves": float(moves)})
