"""Faces by dlib, with the models that `face-recognition-models` packages.

The files are loaded by path: the package itself asks for `pkg_resources`, which is gone.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skyreels_a2.bench.networks.weights import NetworkMissingError, absence
from skyreels_a2.extras import require

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

_LANDMARKS = "shape_predictor_5_face_landmarks.dat"
_EMBEDDER = "dlib_face_recognition_resnet_model_v1.dat"
_LEAST_SIDE = 480
"""Pixels that the shorter side is scaled up to: the detector sees no face under 80 pixels."""


class DlibFaces:
    """Faces of a picture as 128 numbers each; equal persons are less than 0.6 apart."""

    def __init__(self, detector: Any, landmarks: Any, embedder: Any) -> None:
        self._detector, self._landmarks, self._embedder = detector, landmarks, embedder

    def embed(self, image: Image.Image) -> list[NDArray[np.float64]]:
        """Embeddings of all frontal faces of an RGB picture."""
        scale = max(1.0, _LEAST_SIDE / min(image.size))
        size = round(image.width * scale), round(image.height * scale)
        pixels = np.ascontiguousarray(image.convert("RGB").resize(size))
        boxes = self._detector(pixels, 0)
        return [
            np.array(
                self._embedder.compute_face_descriptor(pixels, self._landmarks(pixels, box)),
                dtype=np.float64,
            )
            for box in boxes
        ]


@cache
def open_dlib_faces() -> DlibFaces:
    """The detector, landmarks and embedding network, once a process.

    Raises:
        NetworkMissingError: One of the two packages is not installed.
    """
    with absence("dlib's face network"):
        dlib = require("dlib", extra="faces")
        found = find_spec("face_recognition_models")
        if found is None or found.origin is None:
            raise NetworkMissingError("pip install face-recognition-models")
        folder = Path(found.origin).parent / "models"
        return DlibFaces(
            dlib.get_frontal_face_detector(),
            dlib.shape_predictor(str(folder / _LANDMARKS)),
            dlib.face_recognition_model_v1(str(folder / _EMBEDDER)),
        )
