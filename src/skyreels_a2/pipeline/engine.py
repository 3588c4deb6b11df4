"""`Engine`: how a pipeline runs its models. The plain one runs them as the released pipeline does.

What it holds was put together by `placing.place` after a plan; it knows nothing of hardware.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from skyreels_a2.errors import SamplingError
from skyreels_a2.pipeline.appearance import NO_MATCHING, AppearanceMatching, Matching
from skyreels_a2.pipeline.decode import Share
from skyreels_a2.pipeline.encodings import Encodings
from skyreels_a2.pipeline.prediction import AmongProcesses, InOneBatch, OneByOne
from skyreels_a2.pipeline.sampling import Predictor
from skyreels_a2.pipeline.windows import Windowed, Windows
from skyreels_a2.runtime.advice import NO_PLAN
from skyreels_a2.runtime.memo import RequestMemo
from skyreels_a2.runtime.parallel import Processes, exchange
from skyreels_a2.runtime.stepcache import StepCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Ways of running; the defaults are the released pipeline's.

    Attributes:
        memo: Keeps what does not change from step to step.
        batch_guidance: Run the passes of guidance in one batch.
        step_cache: Skips steps whose features hardly change.
        processes: Those that share one video, this one among them.
        encodings: Store of prompts and references that were encoded before.
        advice: What to try when memory runs out.
    """

    memo: RequestMemo | None = None
    batch_guidance: bool = False
    step_cache: StepCache | None = None
    processes: Processes | None = None
    encodings: Encodings | None = None
    advice: str = NO_PLAN

    @contextmanager
    def predictor(
        self,
        transformer: Any,
        windows: Windows | None,
        num_steps: int,
        matching: Matching = NO_MATCHING,
    ) -> Iterator[Predictor]:
        """The transformer for one run; what it remembers is gone at the end.

        Raises:
            SamplingError: Appearance matching, and several processes.
        """
        if matching.draws and self.processes is not None:
            raise SamplingError(
                f"appearance matching is {matching.strength:g}, and processes share the video: "
                "set it to 0 (--appearance-matching 0), or use one process"
            )
        if self.memo is not None:
            self.memo.clear()
        if self.step_cache is not None:
            self.step_cache.enable(transformer, num_steps)
        try:
            yield self._predictor(transformer, windows, matching)
        finally:
            if self.step_cache is not None:
                self.step_cache.disable(transformer)
            if self.memo is not None:
                self.memo.clear()

    def _predictor(
        self, transformer: Any, windows: Windows | None, matching: Matching
    ) -> Predictor:
        kind = InOneBatch if self.batch_guidance else OneByOne
        predict: Predictor = kind(transformer, self.memo)
        if self.processes is not None and self.processes.passes is not None:
            predict = AmongProcesses(OneByOne(transformer, self.memo), self.processes.passes)
        if matching.draws:
            predict = AppearanceMatching(predict, transformer, matching)
        return predict if windows is None else Windowed(predict, windows)

    @property
    def share(self) -> Share | None:
        """How the tiles of the VAE are shared out; None where this process decodes them all."""
        if self.processes is None:
            return None
        world = self.processes.world
        return lambda run, items: exchange(run, items, world)
