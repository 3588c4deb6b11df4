"""`text-dual`: a stand-in for text similarity by the tiny dual encoder, nothing to download."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import torch

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.dual import embed_pictures, square
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.tiny_dual import open_tiny_dual
from skyreels_a2.bench.networks.weights import DUAL_ENCODER
from skyreels_a2.elements import Role

if TYPE_CHECKING:
    from PIL import Image

_NUM_FRAMES = 3
_SIDES = (0.45, 0.6, 0.8)
"""Sides of the squares that every frame is cut into, as shares of its height."""


class TextDual(Metric):
    """The prompt against the video's ends, and each element's words against parts of frames.

    A prompt names several elements, so the whole hardly changes with one of them: half the value
    is how well the best square of a frame fits the words of each character and object.
    """

    name = "text-dual"
    dimension = Dimension.TEXT
    says = "prompt and ends of the video, elements' words and parts of frames, cosine x 100"
    uses = "dual encoder of the model folder"
    networks = (DUAL_ENCODER,)
    version = 2
    scale = 100.0

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean of both cosines, from 0 to 100; the first alone where no element has words."""
        whole = self._whole(case.composition.text, footage)
        words = [
            text
            for element in case.composition.elements
            if element.role is not Role.BACKGROUND and (text := element.description or element.name)
        ]
        parts = [self._parts(words, footage)] if words else []
        return Measured(100 * max(0.0, fmean([whole, *parts])), {"whole": whole})

    def _whole(self, prompt: str, footage: Footage) -> float:
        model = open_tiny_dual(self.weights)
        ends = [footage.sample(2)[i] for i in (0, -1)]
        with torch.no_grad():
            first, last = model.pixels(ends)[:, None]
            video, text = model.embed_videos(first, last)[0], model.embed_texts([prompt])[0]
        return float(video @ text)

    def _parts(self, words: list[str], footage: Footage) -> float:
        """Mean over frames and elements of the best square's cosine with the element's words."""
        model = open_tiny_dual(self.weights)
        frames = footage.sample(_NUM_FRAMES)
        squares = [_squares(frame) for frame in frames]
        with torch.no_grad():
            texts = model.embed_texts(words).cpu().numpy()
        seen = embed_pictures(self.weights, [one for some in squares for one in some])
        return float((seen @ texts.T).reshape(len(frames), -1, len(words)).max(axis=1).mean())


def _squares(frame: Image.Image) -> list[Image.Image]:
    """A frame cut into squares of all sides that overlap by half."""
    return [
        square(frame, x, y, side)
        for side in _SIDES
        for x in _centres(frame.width, side * frame.height)
        for y in _centres(frame.height, side * frame.height)
    ]


def _centres(length: int, side: float) -> list[float]:
    """Where squares of a side stand along a length, about half a side apart."""
    room = length - side
    if room <= 0:
        return [length / 2]
    return [float(v) for v in side / 2 + np.linspace(0, room, 1 + max(1, round(2 * room / side)))]
