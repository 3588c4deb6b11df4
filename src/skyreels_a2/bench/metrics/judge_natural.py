"""`judge-natural`: NaturalScore's question to a judge."""

from __future__ import annotations

from skyreels_a2.bench.metrics.judged import Judged
from skyreels_a2.bench.metrics.metric import Dimension


class JudgeNatural(Judged):
    """NaturalScore's question: could it be real?"""

    name = "judge-natural"
    dimension = Dimension.IMAGE
    says = "does it look natural, 1 to 5 (NaturalScore's question)"
    shows_references = False
    question = (
        "How natural is the video: do subjects look, move and fit into the place as they would in "
        "a real recording? 1 is plainly impossible or pasted together, 5 cannot be told from one."
    )
