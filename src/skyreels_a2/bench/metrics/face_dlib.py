"""`face-dlib`: a stand-in for character ID by dlib's packaged network, nothing to download."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.faces import face_similarity
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.faces_dlib import open_dlib_faces

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FaceDlib(Metric):
    """1 - distance of dlib's embeddings: above 0.4 it counts as the same person."""

    name = "face-dlib"
    dimension = Dimension.CHARACTER
    says = "1 - distance of face embeddings; above 0.4 is the same person"
    uses = "dlib (face-recognition-models)"

    def measure(self, case: Case, footage: Footage) -> Measured:
        """As `face_similarity`, by distance."""
        return face_similarity(case, footage, open_dlib_faces().embed, _alike)


def _alike(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return max(0.0, 1.0 - float(np.linalg.norm(a - b)))
