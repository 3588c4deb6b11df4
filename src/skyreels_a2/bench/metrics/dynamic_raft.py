"""Dynamic degree, VBench's: RAFT flow."""

from __future__ import annotations

from statistics import fmean

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.dynamics import dynamic_degree
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.vbench_models import open_raft


class DynamicDegree(Metric):
    """1 where VBench's rule says that the video moves."""

    name = "dynamic-degree"
    dimension = Dimension.DYNAMICS
    published = True
    says = "share of videos that move (VBench)"
    uses = "RAFT (torchvision)"
    networks = ("raft",)
    needs_motion = True

    def measure(self, case: Case, footage: Footage) -> Measured:
        """0 or 1."""
        del case
        moves, motions = dynamic_degree(footage, open_raft(self.weights))
        return Measured(float(moves), {"motion": fmean(motions) if motions else 0.0})
