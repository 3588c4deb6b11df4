"""Motion smoothness by interpolation: what AMT's and the flow's metric share.

VBench's definition: leave out every second frame, interpolate it from its neighbours, and take
(255 - mean absolute error) / 255.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.bench.metrics.metric import NotApplicableError

if TYPE_CHECKING:
    from skyreels_a2.bench.footage import Footage
    from skyreels_a2.media.colours import Frame


def interpolation_errors(
    footage: Footage, middle: Callable[[Frame, Frame], Frame]
) -> list[tuple[float, float]]:
    """For every second frame: its error when interpolated, and its change from the one before.

    Raises:
        NotApplicableError: Fewer than three frames.
    """
    frames = footage.frames
    if len(frames) < 3:
        raise NotApplicableError("fewer than three frames")
    return [
        (
            difference(middle(frames[i - 1], frames[i + 1]), frames[i]),
            difference(frames[i - 1], frames[i]),
        )
        for i in range(1, len(frames) - 1, 2)
    ]


def difference(first: Frame, second: Frame) -> float:
    """Mean absolute difference of two frames, 0 to 255."""
    return float(np.abs(first.astype(np.int16) - second).mean())
