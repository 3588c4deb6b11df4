"""VBench's own networks: RAFT, AMT, MUSIQ and the aesthetic head, if the user has them.

RAFT comes from torchvision, MUSIQ from pyiqa; AMT has no package, so a TorchScript export of it is
taken; the aesthetic head is one linear layer on CLIP ViT-L/14.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from skyreels_a2.bench.networks.transformer_models import open_clip
from skyreels_a2.bench.networks.weights import Weights, absence
from skyreels_a2.extras import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from skyreels_a2.media.colours import Frame

_RAFT_STEP = 8
_AMT_STEP = 16
_MUSIQ_SIDE = 512


@cache
def open_raft(weights: Weights) -> Callable[[Frame, Frame], NDArray[np.float32]]:
    """RAFT-large: two frames to the flow between them, (height, width, 2).

    Raises:
        NetworkMissingError: torchvision or the weights' file is absent.
    """
    place = weights.place("raft")
    with absence("raft"):
        models = require("torchvision.models.optical_flow", extra="vbench")
        network = models.raft_large(weights=None)
        network.load_state_dict(torch.load(place, weights_only=True, map_location="cpu"))
    network = network.to(weights.device).eval()

    @torch.no_grad()
    def flow(first: Frame, second: Frame) -> NDArray[np.float32]:
        height, width = first.shape[:2]
        pair = [_padded(_tensor(f) * 2 - 1, _RAFT_STEP).to(weights.device) for f in (first, second)]
        last = network(*pair, num_flow_updates=20)[-1][0]
        found: NDArray[np.float32] = last.permute(1, 2, 0).cpu().numpy()[:height, :width]
        return found

    return flow


@cache
def open_amt(weights: Weights) -> Callable[[Frame, Frame], Frame]:
    """AMT-S as TorchScript, `(first, second, time) -> middle`, levels 0 to 1.

    Raises:
        NetworkMissingError: No file was named, or it is no TorchScript.
    """
    place = weights.place("amt")
    with absence("amt"):
        # torch has no types for it.
        network: Any = torch.jit.load(place, map_location=weights.device)  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def middle(first: Frame, second: Frame) -> Frame:
        height, width = first.shape[:2]
        pair = [_padded(_tensor(f), _AMT_STEP).to(weights.device) for f in (first, second)]
        half = torch.full((1, 1, 1, 1), 0.5, device=weights.device)
        between = network(*pair, half)[0, :, :height, :width]
        levels = (between.clamp(0, 1) * 255).round().byte()
        found: Frame = levels.permute(1, 2, 0).cpu().numpy()
        return found

    return middle


@cache
def open_musiq(weights: Weights) -> Callable[[Image.Image], float]:
    """MUSIQ trained on SPAQ: a picture to its quality from 0 to 100.

    Raises:
        NetworkMissingError: pyiqa or the weights' file is absent.
    """
    place = weights.place("musiq")
    with absence("musiq"):
        arch = require("pyiqa.archs.musiq_arch", extra="vbench")
        network = arch.MUSIQ(pretrained=False, pretrained_model_path=place)
    network = network.to(weights.device).eval()

    @torch.no_grad()
    def quality(image: Image.Image) -> float:
        scale = min(1.0, _MUSIQ_SIDE / max(image.size))
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        pixels = _tensor(np.asarray(image.convert("RGB").resize(size)))
        return float(network(pixels.to(weights.device)))

    return quality


@cache
def open_aesthetic(weights: Weights) -> Callable[[Sequence[Image.Image]], NDArray[np.float32]]:
    """LAION's linear aesthetic head on CLIP ViT-L/14: pictures to marks from 0 to 10.

    Raises:
        NetworkMissingError: The head or CLIP ViT-L/14 is absent.
    """
    place = weights.place("aesthetic")
    with absence("aesthetic"):
        state = torch.load(place, weights_only=True, map_location="cpu")
        weight, bias = state["weight"].float().numpy()[0], float(state["bias"])
    encoder = open_clip(weights, "clip-large")

    def marks(images: Sequence[Image.Image]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = encoder.pictures(images) @ weight + bias
        return found

    return marks


def _tensor(frame: Frame) -> Tensor:
    """Levels 0 to 1, (1, 3, height, width)."""
    return torch.from_numpy(np.array(frame)).permute(2, 0, 1)[None].float() / 255


def _padded(pixels: Tensor, step: int) -> Tensor:
    height, width = pixels.shape[-2:]
    pad = (0, -width % step, 0, -height % step)
    return torch.nn.functional.pad(pixels, pad, mode="replicate")
