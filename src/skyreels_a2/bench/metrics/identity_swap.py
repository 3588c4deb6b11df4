"""`identity-swap`: do several characters exchange who they are during the video?

Each character is placed where the frame is more like its reference than like the other's. When
from one frame to the next the places make more sense exchanged, identities were exchanged.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.bench.metrics.matching import frame_cells, reference_cells
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric, NotApplicableError
from skyreels_a2.elements import Role

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.bench.cases import Case
    from skyreels_a2.bench.footage import Footage
    from skyreels_a2.elements import Element

_NUM_FRAMES = 12
_TOP = 0.04
"""Share of the cells that place a character."""
_MARGIN = 0.3
"""Widths of the frame by which exchanged places must be nearer."""


class IdentitySwap(Metric):
    """1 / (1 + exchanges), over all pairs of characters."""

    name = "identity-swap"
    dimension = Dimension.FAULTS
    says = "1 / (1 + exchanges of identity between characters)"
    uses = "EfficientNet-Lite0"
    needs_motion = True

    def measure(self, case: Case, footage: Footage) -> Measured:
        """For two or more characters."""
        characters = case.elements(Role.CHARACTER)
        if len(characters) < 2:
            raise NotApplicableError("fewer than two characters")
        maps = {id(e): _maps(case, e, footage) for e in characters}
        count = sum(_exchanges(maps[id(a)], maps[id(b)]) for a, b in combinations(characters, 2))
        return Measured(1 / (1 + count), {"exchanges": float(count)})


def _maps(case: Case, element: Element, footage: Footage) -> list[NDArray[np.float32]]:
    """For every frame, how alike each of its cells is to an element."""
    references = [r for r in case.composition.references if r.element is element]
    patches = [cells for r in references for cells in reference_cells(r)]
    return [
        np.max([cells.likeness(frame).max(axis=0) for cells in patches], axis=0).reshape(
            frame.shape
        )
        for frame in frame_cells(footage, _NUM_FRAMES)
    ]


def _exchanges(a: list[NDArray[np.float32]], b: list[NDArray[np.float32]]) -> int:
    """How often two characters change places between one frame and the next."""
    places = [(_place(x - y), _place(y - x)) for x, y in zip(a, b, strict=True)]
    count = 0
    for (a0, b0), (a1, b1) in pairwise(places):
        stayed = _distance(a0, a1) + _distance(b0, b1)
        crossed = _distance(a0, b1) + _distance(b0, a1)
        count += crossed + _MARGIN < stayed
    return count


def _place(lead: NDArray[np.float32]) -> tuple[float, float]:
    """Centre of the cells that lead most, in widths of the frame."""
    count = max(3, round(lead.size * _TOP))
    y, x = np.divmod(np.argsort(lead.ravel())[-count:], lead.shape[1])
    return float(np.median(x)) / lead.shape[1], float(np.median(y)) / lead.shape[1]


def _distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(np.hypot(one[0] - other[0], one[1] - other[1]))
