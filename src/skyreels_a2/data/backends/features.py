"""Likeness by a network's features: DINOv2, CLIP or SigLIP, whichever the weights are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from skyreels_a2.data.backends.weights import model_errors
from skyreels_a2.data.vision import Mask

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame


class FeatureEmbedder:
    """What a network sees in a cut-out on white.

    Args:
        model: Folder or hub name, e.g. `facebook/dinov2-base`.
        device: Where it runs.

    Raises:
        ModelError: It cannot be opened.
    """

    def __init__(self, model: str, *, device: str = "cpu") -> None:
        from transformers import AutoImageProcessor, AutoModel

        with model_errors(model, "an image encoder (facebook/dinov2-base)"):
            self._processor: Any = AutoImageProcessor.from_pretrained(model)
            network: Any = AutoModel.from_pretrained(model)
        # Of CLIP and SigLIP the pictures' half.
        network = getattr(network, "vision_model", network)
        self._network = network.to(device).eval()

    @torch.inference_mode()
    def embed(self, picture: Frame, mask: Mask) -> NDArray[np.float32]:
        """A unit vector: the pooled features."""
        shown = np.where(mask[..., None], picture, 255).astype(np.uint8)
        inputs = self._processor(images=_on_square(shown), return_tensors="pt")
        pixels = inputs.pixel_values.to(self._network.device)
        features = self._network(pixel_values=pixels).pooler_output[0].float().cpu()
        unit: NDArray[np.float32] = (features / features.norm().clamp_min(1e-9)).numpy()
        return unit


def _on_square(picture: Frame) -> Image.Image:
    """In the middle of a white square: processors crop, and a cut-out would lose its ends."""
    height, width = picture.shape[:2]
    side = max(height, width)
    square = Image.new("RGB", (side, side), "white")
    square.paste(Image.fromarray(picture), ((side - width) // 2, (side - height) // 2))
    return square
