"""Dense optical flow by OpenCV's DIS method: no weights at all."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from skyreels_a2.bench.networks.weights import absence
from skyreels_a2.extras import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.media.colours import Frame


@cache
def open_dis() -> DisFlow:
    """The method, once a process.

    Raises:
        NetworkMissingError: OpenCV is not installed.
    """
    with absence("DIS optical flow"):
        return DisFlow(require("cv2", extra="bench"))


class DisFlow:
    """Optical flow, and frames moved along it."""

    def __init__(self, cv2: Any) -> None:
        self._cv2 = cv2
        self._method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, first: Frame, second: Frame) -> NDArray[np.float32]:
        """Pixels that each point moves, (height, width, 2)."""
        grey = [self._cv2.cvtColor(f, self._cv2.COLOR_RGB2GRAY) for f in (first, second)]
        flow: NDArray[np.float32] = self._method.calc(*grey, None)
        return flow

    def middle(self, first: Frame, second: Frame) -> Frame:
        """The frame half-way between two, by moving both along half the flow."""
        forth, back = self.between(first, second), self.between(second, first)
        a, b = self._moved(first, forth, -0.5), self._moved(second, back, -0.5)
        mean: Frame = self._cv2.addWeighted(a, 0.5, b, 0.5, 0)
        return mean

    def _moved(self, frame: Frame, flow: NDArray[np.float32], share: float) -> Frame:
        height, width = flow.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        moved: Frame = self._cv2.remap(
            frame,
            x + share * flow[..., 0],
            y + share * flow[..., 1],
            self._cv2.INTER_LINEAR,
            borderMode=self._cv2.BORDER_REPLICATE,
        )
        return moved
