"""ArcFace by insightface on onnxruntime. Its models are for non-commercial use: name them yourself.

`--weights arcface=FOLDER` with the `.onnx` files of a model pack such as `buffalo_l`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skyreels_a2.bench.networks.weights import Weights, absence
from skyreels_a2.extras import require

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image


class ArcFaces:
    """Faces of a picture as unit vectors."""

    def __init__(self, analysis: Any) -> None:
        self._analysis = analysis

    def embed(self, image: Image.Image) -> list[NDArray[np.float32]]:
        """Unit vectors of all faces of an RGB picture."""
        blue_first = np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])
        return [face.normed_embedding for face in self._analysis.get(blue_first)]


@cache
def open_arcface(weights: Weights) -> ArcFaces:
    """The detector and the embedding network, once a process.

    Raises:
        NetworkMissingError: insightface is not installed, or no folder of its models was named.
    """
    folder = Path(weights.place("arcface")).resolve()
    with absence("arcface"):
        app = require("insightface.app", extra="arcface")
        # insightface looks for ROOT/models/NAME.
        analysis = app.FaceAnalysis(name=str(folder), root=str(folder.parent))
        analysis.prepare(ctx_id=0 if weights.device.startswith("cuda") else -1)
    return ArcFaces(analysis)
