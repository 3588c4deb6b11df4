"""`judge-instruction`: one of the three marks of a judge that IntelligentVBench sums up."""

from __future__ import annotations

from skyreels_a2.bench.metrics.judged import Judged
from skyreels_a2.bench.metrics.metric import Dimension


class JudgeInstruction(Judged):
    """Is the text followed?"""

    name = "judge-instruction"
    dimension = Dimension.TEXT
    says = "is the text followed, 1 to 5"
    question = (
        "How well does the video do what the text says: every subject, action, place and camera "
        "move? 1 is not at all, 5 is all of it."
    )
