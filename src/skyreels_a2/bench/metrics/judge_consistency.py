"""`judge-consistency`: one of the three marks of a judge that IntelligentVBench sums up."""

from __future__ import annotations

from skyreels_a2.bench.metrics.judged import Judged
from skyreels_a2.bench.metrics.metric import Dimension


class JudgeConsistency(Judged):
    """Are the references kept?"""

    name = "judge-consistency"
    dimension = Dimension.CHARACTER
    says = "do all elements look as in their references, 1 to 5"
    question = (
        "How well does everything shown in the reference pictures keep its identity in the video? "
        "1 is absent or somebody else, 5 is the very same."
    )
