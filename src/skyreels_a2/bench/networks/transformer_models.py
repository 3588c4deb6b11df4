"""Networks that transformers has: CLIP, DINOv2, and detectors that take words.

From the hub's cache, or a folder that the user names; nothing is downloaded unless asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from skyreels_a2.bench.networks.weights import Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

_BATCH = 16
_THRESHOLD = 0.25
"""Least confidence of a detection; that of Grounding DINO's authors."""

_MOST_TOKENS = 256
"""What Grounding DINO was trained with."""


class PictureEncoder:
    """Pictures, and for CLIP texts, as unit vectors."""

    def __init__(self, model: Any, processor: Any, tokenizer: Any = None) -> None:
        self._model, self._processor, self._tokenizer = model, processor, tokenizer

    @torch.no_grad()
    def pictures(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Unit vectors (n, dim) of RGB pictures."""
        parts = []
        for start in range(0, len(images), _BATCH):
            batch = [image.convert("RGB") for image in images[start : start + _BATCH]]
            inputs = self._processor(images=batch, return_tensors="pt").to(self._model.device)
            features = getattr(self._model, "get_image_features", self._model)
            parts.append(_pooled(features(pixel_values=inputs.pixel_values)))
        return _unit(torch.cat(parts))

    @torch.no_grad()
    def texts(self, prompts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, dim) of texts, cut at the length CLIP knows."""
        length = self._model.config.text_config.max_position_embeddings
        tokens = self._tokenizer(
            list(prompts), padding=True, truncation=True, max_length=length, return_tensors="pt"
        ).to(self._model.device)
        return _unit(
            _pooled(
                self._model.get_text_features(
                    input_ids=tokens.input_ids, attention_mask=tokens.attention_mask
                )
            )
        )


@dataclass(frozen=True, slots=True)
class Detection:
    """Where something was found: left, top, right, bottom in pixels, and how surely."""

    box: tuple[float, float, float, float]
    confidence: float


class Detector:
    """Finds what a phrase says, by Grounding DINO or OWLv2."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model, self._processor = model, processor

    @torch.no_grad()
    def find(self, image: Image.Image, phrase: str) -> Detection | None:
        """The surest detection of a phrase, or None."""
        words = [[phrase.lower()]]
        inputs = self._processor(
            images=image,
            text=words,
            # OWLv2 knows 16 tokens and its processor does not cut at them.
            text_kwargs={"truncation": True, "max_length": self._most_tokens()},
            return_tensors="pt",
        )
        outputs = self._model(**inputs.to(self._model.device))
        found = self._processor.post_process_grounded_object_detection(
            outputs, threshold=_THRESHOLD, target_sizes=[(image.height, image.width)]
        )[0]
        if not len(found["scores"]):
            return None
        best = int(found["scores"].argmax())
        width, height = image.size
        left, top, right, bottom = (float(v) for v in found["boxes"][best])
        across, down = (
            sorted((_within(left, width), _within(right, width))),
            sorted((_within(top, height), _within(bottom, height))),
        )
        return Detection((across[0], down[0], across[1], down[1]), float(found["scores"][best]))

    def _most_tokens(self) -> int:
        return min(_MOST_TOKENS, int(self._model.config.text_config.max_position_embeddings))


@cache
def open_clip(weights: Weights, network: str = "clip") -> PictureEncoder:
    """CLIP, once a process.

    Raises:
        NetworkMissingError: Its weights are not there.
    """
    from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPModel

    model = weights.pretrained(network, CLIPModel.from_pretrained)
    processor = weights.pretrained(network, CLIPImageProcessorPil.from_pretrained)
    tokenizer = weights.pretrained(network, AutoTokenizer.from_pretrained)
    return PictureEncoder(model.to(weights.device).eval(), processor, tokenizer)


@cache
def open_dinov2(weights: Weights) -> PictureEncoder:
    """DINOv2, once a process.

    Raises:
        NetworkMissingError: Its weights are not there.
    """
    from transformers import AutoImageProcessor, Dinov2Model

    model = weights.pretrained("dinov2", Dinov2Model.from_pretrained)
    processor = weights.pretrained("dinov2", AutoImageProcessor.from_pretrained)
    return PictureEncoder(model.to(weights.device).eval(), processor)


@cache
def open_detector(weights: Weights) -> Detector:
    """Grounding DINO or OWLv2, whichever the weights are, once a process.

    Raises:
        NetworkMissingError: Its weights are not there.
    """
    from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

    load = AutoModelForZeroShotObjectDetection.from_pretrained
    model = weights.pretrained("detector", load)
    processor = weights.pretrained("detector", AutoProcessor.from_pretrained)
    return Detector(model.to(weights.device).eval(), processor)


def _within(value: float, side: int) -> float:
    return min(max(value, 0.0), float(side))


def _pooled(output: Any) -> Tensor:
    """Features of an output: transformers 5 gives an object where 4 gave a tensor."""
    pooled: Tensor = getattr(output, "pooler_output", output)
    return pooled.float()


def _unit(vectors: Tensor) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = functional.normalize(vectors, dim=-1).cpu().numpy()
    return unit
