"""Marks of a judge, from 1 to 5: NaturalScore's question, and IntelligentVBench's three.

The wording is ours and so are the names: a published figure needs the published judge and prompts.
"""

from __future__ import annotations

from typing import ClassVar

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.judge import open_judge
from skyreels_a2.media.images import open_picture

NUM_FRAMES = 8
_FORM = (
    "Answer with one JSON object and nothing else: "
    '{"reason": "<one sentence>", "score": <number from 1 to 5>}.'
)


class Judged(Metric):
    """Mean mark of the judge's answers to one question."""

    question: ClassVar[str]
    shows_references: ClassVar[bool] = True
    uses = "a judge (--judge-url)"
    scale = 5.0

    def measure(self, case: Case, footage: Footage) -> Measured:
        """From 1 to 5."""
        judge = open_judge(self.weights)
        frames = footage.sample(NUM_FRAMES)
        references = (
            [open_picture(r.picture).image for r in case.composition.references]
            if self.shows_references
            else []
        )
        shown = f"{len(references)} reference pictures, then " if references else ""
        text = (
            f"You see {shown}{len(frames)} frames of a video in order. The video was asked for "
            f'with this text: "{case.composition.text}"\n{self.question}\n{_FORM}'
        )
        return Measured(judge.mark(text, [*references, *frames]))


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


class JudgeInstruction(Judged):
    """Is the text followed?"""

    name = "judge-instruction"
    dimension = Dimension.TEXT
    says = "is the text followed, 1 to 5"
    question = (
        "How well does the video do what the text says: every subject, action, place and camera "
        "move? 1 is not at all, 5 is all of it."
    )


class JudgeConsistency(Judged):
    """Are the references kept?"""

    name = "judge-consistency"
    dimension = Dimension.CHARACTER
    says = "do all elements look as in their references, 1 to 5"
    question = (
        "How well does everything shown in the reference pictures keep its identity in the video? "
        "1 is absent or somebody else, 5 is the very same."
    )


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


JUDGES: tuple[type[Judged], ...] = (
    JudgeNatural,
    JudgeInstruction,
    JudgeConsistency,
    JudgeQuality,
)
"""All questions that a judge is asked."""
TRIPLE = ("judge-instruction", "judge-consistency", "judge-quality")
"""The three that are summed up as IntelligentVBench does."""
