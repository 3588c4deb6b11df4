"""How beautiful a picture is, from 0 to 10: LAION's linear head on CLIP's picture features."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from skyreels_a2.data.backends.weights import model_errors

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame


class AestheticMark:
    """Marks pictures.

    Args:
        head: File of the head, e.g. `sa_0_4_vit_l_14_linear.pth` of LAION's aesthetic-predictor.
        clip: Folder or hub name of the CLIP that it was trained on.
        device: Where it runs.

    Raises:
        ModelError: One of them cannot be opened, or they do not fit.
    """

    def __init__(self, head: str, clip: str, *, device: str = "cpu") -> None:
        from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

        with model_errors(clip, "CLIP (openai/clip-vit-large-patch14)"):
            self._processor: Any = CLIPImageProcessorPil.from_pretrained(clip)
            network: Any = CLIPVisionModelWithProjection.from_pretrained(clip)
        self._network = network.to(device).eval()
        width = network.config.projection_dim
        with model_errors(head, "an aesthetic head (sa_0_4_vit_l_14_linear.pth)"):
            try:
                state = torch.load(head, weights_only=True, map_location=device)
                self._head = torch.nn.Linear(width, 1, device=device)
                self._head.load_state_dict(state)
            except (RuntimeError, pickle.UnpicklingError) as error:
                raise ValueError(str(error)) from error

    @torch.inference_mode()
    def mark(self, picture: Frame) -> float:
        """The mark of a picture (height, width, 3)."""
        inputs = self._processor(images=Image.fromarray(picture), return_tensors="pt")
        features = self._network(inputs.pixel_values.to(self._network.device)).image_embeds
        return float(self._head(torch.nn.functional.normalize(features.float(), dim=-1)))
