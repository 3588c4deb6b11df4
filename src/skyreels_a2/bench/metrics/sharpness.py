"""`sharpness`: a stand-in for image quality, the energy of fine detail; nothing to download."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUM_FRAMES = 8
_HALF = 12.0
"""Levels of detail at which the value is one half: about that of a plain sharp picture."""

_NOISE = 3.1
"""Mean of the strongest tenth of white noise over its median: 2.06 / 0.67."""


class Sharpness(Metric):
    """How much the strongest edges stand out from their surround, and from noise."""

    name = "sharpness"
    dimension = Dimension.IMAGE
    says = "energy of detail at edges; low for blurred and flat frames"
    uses = "Laplacian at edges"

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over frames, from 0 to 1."""
        del case
        frames = [footage.frames[i] for i in footage.indices(_NUM_FRAMES)]
        return Measured(float(np.mean([_sharpness(frame.astype(np.float32)) for frame in frames])))


def _sharpness(frame: NDArray[np.float32]) -> float:
    grey = frame @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    inner = grey[1:-1, 1:-1]
    around = (grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]) / 4
    detail = np.abs(inner - around).ravel()
    # Only where there are edges: a plain sky is not blurred. What is everywhere is noise: its
    # strongest tenth is three times its median, so so much is taken off.
    strongest = np.sort(detail)[-max(1, len(detail) // 10) :]
    level = max(0.0, float(strongest.mean()) - _NOISE * float(np.median(detail)))
    return level / (level + _HALF)
