"""`flow-dynamics`: a stand-in for dynamic degree by DIS flow, nothing to download."""

from __future__ import annotations

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.dynamics import as_measured, dynamic_degree
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.flow import open_dis


class FlowDynamics(Metric):
    """VBench's rule with DIS flow."""

    name = "flow-dynamics"
    dimension = Dimension.DYNAMICS
    says = "share of videos that move, by VBench's rule"
    uses = "DIS optical flow (OpenCV)"
    needs_motion = True

    def measure(self, case: Case, footage: Footage) -> Measured:
        """0 or 1."""
        del case
        return as_measured(*dynamic_degree(footage, open_dis().between))
