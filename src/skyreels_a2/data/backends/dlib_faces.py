"""Faces by dlib: its detector, five landmarks and 128 numbers of who it is.

The models come in the package `face-recognition-models` (CC0). Its vectors lie close together: at
the distance of 0.6 from which its authors take two faces for different people, cosines are 0.91.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.data.backends.protocols import Face
from skyreels_a2.errors import MissingExtraError
from skyreels_a2.extras import require

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

_LANDMARKS = "shape_predictor_5_face_landmarks.dat"
_IDENTITY = "dlib_face_recognition_resnet_model_v1.dat"


class DlibFaces:
    """dlib's HOG detector and its ResNet.

    Raises:
        MissingExtraError: dlib or its models are not installed.
    """

    def __init__(self) -> None:
        dlib = require("dlib", extra="faces")
        folder = _models()
        self._chip = dlib.get_face_chip
        self._detector = dlib.get_frontal_face_detector()
        self._landmarks = dlib.shape_predictor(str(folder / _LANDMARKS))
        self._identity = dlib.face_recognition_model_v1(str(folder / _IDENTITY))

    def faces(self, picture: Frame) -> Sequence[Face]:
        """The faces of a picture, the largest first."""
        boxes, scores, _ = self._detector.run(picture, 1, 0.0)
        found = []
        for box, score in zip(boxes, scores, strict=True):
            landmarks = self._landmarks(picture, box)
            vector = np.array(self._identity.compute_face_descriptor(picture, landmarks))
            vector /= np.linalg.norm(vector)
            sides = (box.left(), box.top(), box.right() + 1, box.bottom() + 1)
            found.append(Face(sides, float(score), tuple(round(float(v), 5) for v in vector)))
        return sorted(found, key=lambda face: face.box[0] - face.box[2])


def _models() -> Path:
    # Importing the package fails without setuptools' pkg_resources; its files are all we need.
    spec = find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "face-recognition-models is needed for dlib's faces and not installed: "
            "pip install 'skyreels-a2[data]'"
        )
    return Path(spec.submodule_search_locations[0]) / "models"
