"""Text laid over the picture (captions, logos, watermarks), by RapidOCR.

Its networks come with the package (the extra `text`). A picture takes about a second on a CPU core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.extras import require

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

_SURE = 0.8
"""Least certainty of a line's reading; cups and windows are read as 8 and 0."""
_LETTERS = 3
"""Letters and digits that make a line."""


class TextReader:
    """Finds and reads lines of text.

    Raises:
        MissingExtraError: rapidocr is not installed.
    """

    def __init__(self) -> None:
        self._engine: Any = require("rapidocr", extra="text").RapidOCR(
            params={
                "Global.use_cls": False,
                "Global.log_level": "error",
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            }
        )

    def share(self, picture: Frame) -> float:
        """Share of a picture (height, width, 3) that its lines of text cover."""
        found = self._engine(np.ascontiguousarray(picture[..., ::-1]))
        if found.boxes is None:
            return 0.0
        lines = zip(found.boxes, found.txts, found.scores, strict=True)
        areas = [
            _area(np.asarray(box, np.float64))
            for box, text, score in lines
            if score >= _SURE and sum(map(str.isalnum, text)) >= _LETTERS
        ]
        size: int = picture.shape[0] * picture.shape[1]
        return min(1.0, sum(areas) / size)


def _area(corners: NDArray[np.float64]) -> float:
    """Of a polygon with corners (n, 2), by the shoelace formula."""
    x, y = corners.T
    return abs(float(x @ np.roll(y, -1)) - float(y @ np.roll(x, -1))) / 2
