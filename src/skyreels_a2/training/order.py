"""In which order examples are trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


class Order:
    """Shuffled anew each time round, and the samples of a batch of one shape where it can be.

    It holds nothing that changes: a run that is taken up again meets the same examples. What does
    not fill a batch waits for the next time round, where chance leaves out others.

    Args:
        count: Examples.
        batch_size: Samples of a step.
        seed: Of the shuffling.
        shapes: What tells examples apart that cannot share a forward pass; None if all can.
    """

    def __init__(
        self,
        count: int,
        *,
        batch_size: int,
        seed: int,
        shapes: Sequence[Hashable] | None = None,
    ) -> None:
        self._batch, self._seed = min(batch_size, count), seed
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for number, shape in enumerate(shapes or ()):
            groups[shape].append(number)
        self._groups = [np.array(group) for group in groups.values()] or [np.arange(count)]
        self._length = count // self._batch * self._batch
        self._round = (-1, np.zeros(0, dtype=np.int64))

    def __getitem__(self, index: int) -> int:
        """The example of the sample of an index, counted over all steps."""
        number, place = divmod(index, self._length)
        if self._round[0] != number:
            self._round = number, self._shuffled(number)
        return int(self._round[1][place])

    def _shuffled(self, number: int) -> Numbers:
        draw = np.random.default_rng((self._seed, number))
        groups = [draw.permutation(group) for group in self._groups]
        whole = [group[: len(group) // self._batch * self._batch] for group in groups]
        rest = [group[len(taken) :] for group, taken in zip(groups, whole, strict=True)]
        order = np.concatenate([*whole, draw.permutation(np.concatenate(rest))])
        batches = order[: self._length].reshape(-1, self._batch)
        return draw.permutation(batches).reshape(-1)
