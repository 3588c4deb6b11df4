"""Semantic branch: what the references *are*, as tokens of the CLIP vision encoder.

Every reference is letter-boxed on white to a square, seen by CLIP, and its penultimate hidden
states are the tokens. Tokens of all references stand one after the other; the transformer's own
image embedder turns them into keys and values of the image cross-attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from skyreels_a2.media.fit import letterbox

CLIP_CANVAS = 512
"""Side of the white square that the CLIP processor is given, as in the released code."""


def clip_picture(picture: Image) -> Image:
    """The picture that the CLIP processor is given: letter-boxed on white, 512 by 512."""
    return letterbox(picture, CLIP_CANVAS, CLIP_CANVAS)


def encode_semantic(
    image_processor: Any,
    image_encoder: Any,
    pictures: Sequence[Image],
    *,
    device: torch.device | None = None,
) -> Tensor:
    """Tokens of all references.

    Args:
        image_processor: CLIP's image processor.
        image_encoder: A `CLIPVisionModel`.
        pictures: N RGB pictures of any size.
        device: Where the encoder runs; its own device by default.

    Returns:
        Shape (1, N·tokens, image_dim); 257 tokens a reference for ViT-H/14.
    """
    canvases = [clip_picture(picture) for picture in pictures]
    pixels: Tensor = image_processor(images=canvases, return_tensors="pt").pixel_values
    pixels = pixels.to(device or image_encoder.device, image_encoder.dtype)
    output = image_encoder(pixel_values=pixels, output_hidden_states=True)
    penultimate: Tensor = output.hidden_states[-2]
    return penultimate.flatten(0, 1).unsqueeze(0)
