"""Dynamic degree: VBench's rule on any optical flow."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.bench.footage import Footage
    from skyreels_a2.media.colours import Frame

_RATE = 8.0
"""Frames per second that VBench looks at."""
_TOP = 0.05


def dynamic_degree(
    footage: Footage, flow: Callable[[Frame, Frame], NDArray[np.floating]]
) -> tuple[bool, list[float]]:
    """Whether a video moves by VBench's rule, and the strongest motion between frames.

    Frames are taken at about 8 a second. Between two of them, motion is the mean length of the
    fastest 5 % of flow vectors. It counts above 6 pixels in 256 (scaled for lower rates), and a
    video moves when at least a quarter of its frames do.
    """
    frames = footage.frames[:: max(1, round(footage.fps / _RATE))]
    factor = max(1.0, _RATE / footage.fps)
    threshold = factor * 6.0 * min(frames.shape[1:3]) / 256.0
    least = round(4 * len(frames) / 16.0)
    motions = [_fastest(flow(first, second)) for first, second in pairwise(frames)]
    # VBench looks for the count only at a frame that moves: a video of none never does.
    moving = sum(motion > threshold for motion in motions)
    return moving >= max(1, least), [motion / threshold for motion in motions]


def _fastest(flow: NDArray[np.floating]) -> float:
    lengths = np.sort(np.linalg.norm(flow, axis=-1).ravel())[::-1]
    return float(lengths[: max(1, int(len(lengths) * _TOP))].mean())
