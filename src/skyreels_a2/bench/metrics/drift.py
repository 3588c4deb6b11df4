"""`drift`: do the elements stay who they are from the first frames to the last?"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from skyreels_a2.bench.metrics.matching import NUM_FRAMES, element_likeness
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric, NotApplicableError

if TYPE_CHECKING:
    from skyreels_a2.bench.cases import Case
    from skyreels_a2.bench.footage import Footage

_LEAST_FRAMES = 6


class Drift(Metric):
    """Likeness of the last third against the first; 1 when nothing is lost.

    An element that leaves on purpose loses as well: read it beside the prompt.
    """

    name = "drift"
    dimension = Dimension.FAULTS
    says = "likeness to the references in the last third / in the first; 1 is no drift"
    uses = "EfficientNet-Lite0"
    needs_motion = True

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Over all elements; gains do not make up for losses."""
        if len(footage.frames) < _LEAST_FRAMES:
            raise NotApplicableError(f"fewer than {_LEAST_FRAMES} frames")
        third = NUM_FRAMES // 3
        kept = []
        for element in case.composition.elements:
            likeness = element_likeness(case, element, footage)
            first, last = fmean(likeness[:third]), fmean(likeness[-third:])
            kept.append(min(1.0, last / max(first, 1e-6)))
        return Measured(fmean(kept), {"least": min(kept)})
