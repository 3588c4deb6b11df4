"""Things found by their names: Grounding DINO or OWLv2, whichever the weights are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from skyreels_a2.data.backends.weights import model_errors
from skyreels_a2.errors import InputError

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

MAX_OVERLAP = 0.8
"""Boxes that overlap more (IoU) are one thing (OpenS2V-5M)."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A thing in a frame.

    Attributes:
        word: Which of the asked words it is.
        score: The detector's confidence, 0 to 1.
        box: Left, top, right, bottom as fractions of the frame.
    """

    word: str
    score: float
    box: tuple[float, float, float, float]

    @property
    def area(self) -> float:
        """Share of the frame."""
        left, top, right, bottom = self.box
        return max(0.0, right - left) * max(0.0, bottom - top)


class OpenVocabularyDetector:
    """Finds what words name.

    Args:
        model: Folder or hub name, e.g. `IDEA-Research/grounding-dino-tiny` or
            `google/owlv2-base-patch16-ensemble`.
        threshold: Least confidence; 0.25 suits Grounding DINO, 0.1 to 0.2 OWLv2.
        device: Where it runs.

    Raises:
        ModelError: It cannot be opened.
    """

    def __init__(self, model: str, *, threshold: float = 0.25, device: str = "cpu") -> None:
        from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

        with model_errors(model, "an open-vocabulary detector (grounding-dino, owlv2)"):
            self._processor: Any = AutoProcessor.from_pretrained(model)
            network: Any = AutoModelForZeroShotObjectDetection.from_pretrained(model)
        self._network = network.to(device).eval()
        self._threshold = threshold

    @torch.inference_mode()
    def detect(self, frame: Frame, words: Sequence[str]) -> list[Detection]:
        """What the words name in a frame, the surest first, each thing once.

        Args:
            frame: RGB, (height, width, 3).
            words: Nouns or short phrases, e.g. "a red car".

        Raises:
            InputError: No word.
        """
        asked = [word.casefold().strip(" .") for word in words]
        if not any(asked):
            raise InputError("no word to look for was given: name at least one thing")
        inputs = self._processor(
            images=Image.fromarray(frame), text=[asked], return_tensors="pt"
        ).to(self._network.device)
        outputs = self._network(**inputs)
        (result,) = self._processor.post_process_grounded_object_detection(
            outputs, threshold=self._threshold, target_sizes=[(1.0, 1.0)], text_labels=[asked]
        )
        if result["scores"].numel() == 0:  # Grounding DINO's texts are then not empty
            return []
        found = [
            Detection(meant(text, asked), float(score), _inside(box.tolist()))
            for text, score, box in zip(
                result["text_labels"], result["scores"], result["boxes"], strict=True
            )
        ]
        return distinct([one for one in found if one.area > 0.0])


def meant(text: str, words: Sequence[str]) -> str:
    """Which of the words a detector's text stands for: the one that shares most of its words.

    Grounding DINO answers with the pieces of text that its queries hit, e.g. "red" for "red car".
    """
    pieces = set(text.casefold().replace(".", " ").split())
    return max(words, key=lambda word: len(pieces & set(word.split())) / len(word.split() or [""]))


def distinct(found: Sequence[Detection], *, max_overlap: float = MAX_OVERLAP) -> list[Detection]:
    """Detections, the surest first, without those that lie on a surer one."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda one: -one.score):
        if all(overlap(one.box, other.box) <= max_overlap for other in kept):
            kept.append(one)
    return kept


def overlap(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> float:
    """Intersection over union of two boxes; 0 if both are empty."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other))
    return shared / (areas - shared) if areas > shared else 0.0


def _inside(box: Sequence[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (min(1.0, max(0.0, side)) for side in box)
    return left, top, right, bottom
