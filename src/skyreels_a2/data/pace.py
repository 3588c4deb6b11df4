"""How long stages take: of what is done, how much is left, and how fast each goes."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from skyreels_a2.data.settings import STAGES
from skyreels_a2.data.unit import read_stage


class Pace:
    """Processor seconds of the stages over the sources that are done.

    Args:
        total: Sources that are to be done.
        workers: How many are done at a time.
    """

    def __init__(self, total: int, workers: int) -> None:
        self._left, self._workers, self._done = total, workers, 0
        self._spent: defaultdict[str, float] = defaultdict(float)

    def add(self, folder: Path) -> None:
        """Count a source that is done."""
        self._left -= 1
        self._done += 1
        for stage in STAGES:
            result = read_stage(folder, stage)
            self._spent[stage] += result.seconds if result else 0.0

    def skip(self) -> None:
        """Count one that was set aside."""
        self._left -= 1

    def left(self) -> dict[str, float]:
        """Stage to the seconds that it will still take, if the rest is like what is done."""
        share = self._left / max(1, self._done * self._workers)
        return {stage: self._spent[stage] * share for stage in STAGES}
