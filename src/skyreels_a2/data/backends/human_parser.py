"""Garments of a person by a human parser: a SegFormer that names every pixel of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import interpolate

from skyreels_a2.data.backends.weights import model_errors

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

Mask: TypeAlias = NDArray[np.bool_]

CLOTHES = {
    "clothes_upper": ("upper-clothes", "coat"),
    "clothes_lower": ("pants", "skirt"),
    "jumpsuit": ("dress", "jumpsuits"),
    "shoes": ("left-shoe", "right-shoe"),
    "bags": ("bag",),
    "hat": ("hat",),
    "glasses": ("sunglasses", "glasses"),
    "accessories": ("scarf", "belt"),
}
"""The paper's concepts to the names that human parsers (ATR, LIP) give their classes."""


class HumanParser:
    """Tells a person's garments apart.

    Args:
        model: Folder or hub name, e.g. `mattmdjaga/segformer_b2_clothes`.
        min_area: Least share of the picture; smaller pieces are noise.
        device: Where it runs.

    Raises:
        ModelError: It cannot be opened, or none of its classes is a garment.
    """

    def __init__(self, model: str, *, min_area: float = 0.01, device: str = "cpu") -> None:
        from transformers import (
            AutoImageProcessor,
            AutoModelForSemanticSegmentation,
        )

        with model_errors(model, "a human parser (mattmdjaga/segformer_b2_clothes)"):
            self._processor: Any = AutoImageProcessor.from_pretrained(model)
            network: Any = AutoModelForSemanticSegmentation.from_pretrained(model)
            self._classes = _garments(network.config.id2label)
        self._network = network.to(device).eval()
        self._min_area = min_area

    @torch.inference_mode()
    def parse(self, picture: Frame) -> dict[str, Mask]:
        """Masks of the garments in a person's picture, by the paper's names.

        Args:
            picture: RGB, (height, width, 3): the person's crop.

        Returns:
            Concept to mask of (height, width); only what is there.
        """
        inputs = self._processor(images=Image.fromarray(picture), return_tensors="pt")
        logits = self._network(inputs.pixel_values.to(self._network.device)).logits
        large = interpolate(logits.float(), picture.shape[:2], mode="bilinear")
        classes = large.argmax(dim=1)[0].cpu().numpy()
        masks = {name: np.isin(classes, list(ids)) for name, ids in self._classes.items()}
        return {name: mask for name, mask in masks.items() if mask.mean() >= self._min_area}


def _garments(id2label: dict[int, str]) -> dict[str, tuple[int, ...]]:
    """Concept to class numbers.

    Raises:
        ValueError: No class is a garment.
    """
    named = {label.casefold().replace("_", "-"): number for number, label in id2label.items()}
    found = {
        concept: tuple(named[name] for name in names if name in named)
        for concept, names in CLOTHES.items()
    }
    found = {concept: numbers for concept, numbers in found.items() if numbers}
    if not found:
        raise ValueError(f"its classes are {', '.join(sorted(named)[:6])}: none is a garment")
    return found
