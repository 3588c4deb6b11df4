"""`judge-quality`: one of the three marks of a judge that IntelligentVBench sums up."""

from __future__ import annotations

from skyreels_a2.bench.metrics.judged import Judged
from skyreels_a2.bench.metrics.metric import Dimension


class JudgeQuality(Judged):
    """Is the picture good?"""

    name = "judge-quality"
    dimension = Dimension.IMAGE
    says = "is the picture free of faults, 1 to 5"
    shows_references = False
    question = (
        "How good is the picture itself: sharp, free of flicker, noise and broken shapes? 1 is "
        "unusable, 5 is flawless."
    )
