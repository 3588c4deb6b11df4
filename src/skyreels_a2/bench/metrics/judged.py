"""Marks of a judge, from 1 to 5: what the metrics that ask one share.

The wording is ours and so are the names: a published figure needs the published judge and prompts.
"""

from __future__ import annotations

from typing import ClassVar

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.metric import Measured, Metric
from skyreels_a2.bench.networks.judge import open_judge
from skyreels_a2.bench.networks.weights import JUDGE
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
    networks = (JUDGE,)
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
