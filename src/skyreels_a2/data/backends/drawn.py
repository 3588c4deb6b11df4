"""Subjects of drawn footage: a small network that ships says what is a character or an object.

It was trained on rendered scenes (`training.segmenter`), so it knows drawings and emoji, not
photographs. It looks at single frames: what lies still is seen, and so is what is held, carried
or touched, as far as one of the two is a character and the other an object.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import interpolate

from skyreels_a2.data.backends.protocols import Sighting, Track
from skyreels_a2.data.backends.tracking import link
from skyreels_a2.data.backends.weights import model_errors
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.records import Kind
from skyreels_a2.data.settings import ElementSettings
from skyreels_a2.data.vision import pieces, shrink, tidy
from skyreels_a2.runtime.lite import as_pixels, features_at, open_lite

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

CLASSES = ("place", "character", "object")
"""What a pixel can be, by the network's numbers."""
SIDE = 320
"""Pixels of the longer side of what it looks at, as in training."""
PLACE = 0.7
"""How sure it must be of the place: at a half, thin parts are lost. In 160 held-out frames 74 % of
all elements' boxes are then right to an IoU of 0.75, instead of 71 %."""
WEIGHTS = "model.safetensors"
"""The file of a folder that holds a network."""
_BLOCKS, _CHANNELS = (2, 4, 10, 15), [24, 40, 112, 320]
"""Blocks of EfficientNet-Lite0 whose features are read, at strides 4, 8, 16 and 32."""


def shipped() -> Path:
    """The folder of the network that ships."""
    return Path(__file__).parents[2] / "models" / "drawn-segmenter"


class DrawnNetwork(nn.Module):
    """EfficientNet-Lite0 with SegFormer's head: frames to what each of their places is."""

    def __init__(self) -> None:
        from transformers import SegformerConfig
        from transformers.models.segformer.modeling_segformer import SegformerDecodeHead

        super().__init__()
        # Opened anew each time, since this one may be trained.
        self.encoder = copy.deepcopy(open_lite("data").network)
        self.encoder._fc = nn.Identity()  # noqa: SLF001  (its thousand classes)
        self.head = SegformerDecodeHead(
            SegformerConfig(num_labels=len(CLASSES), hidden_sizes=_CHANNELS, decoder_hidden_size=96)
        )

    @classmethod
    def opened(cls, folder: Path) -> DrawnNetwork:
        """The one that a folder holds.

        Raises:
            ModelError: None, or one of other sizes.
        """
        network = cls()
        with model_errors(str(folder), "a segmenter of drawn footage"):
            network.load_state_dict(load_file(folder / WEIGHTS))
        return network

    def forward(self, pixels: Tensor, *, encoder_learns: bool = False) -> Tensor:
        """Logits of each class: (n, classes, height, width).

        Args:
            pixels: (n, 3, height, width), as `as_pixels` makes them.
            encoder_learns: Whether gradients reach the encoder.
        """
        with torch.set_grad_enabled(encoder_learns and torch.is_grad_enabled()):
            features = features_at(self.encoder, pixels, _BLOCKS)
        logits = self.head(features).float()
        return interpolate(logits, pixels.shape[-2:], mode="bilinear")

    def save(self, folder: Path) -> None:
        """Write it in half precision."""
        folder.mkdir(parents=True, exist_ok=True)
        halves = {
            name: value.half() if value.is_floating_point() else value
            for name, value in self.state_dict().items()
        }
        save_file(halves, folder / WEIGHTS)


class DrawnSegmenter:
    """Finds characters and objects in every frame looked at, and follows them.

    Args:
        settings: Of the stage; `drawn_model` is the folder of a `DrawnNetwork`, if another than
            the one that ships is meant.

    Raises:
        ModelError: It cannot be opened.
    """

    def __init__(self, settings: ElementSettings) -> None:
        self._settings = settings
        folder = settings.drawn_model
        network = DrawnNetwork.opened(Path(folder) if folder else shipped())
        self._network = network.to(settings.device).eval()

    def tracks(self, footage: Footage) -> Sequence[Track]:
        """All characters and all objects, each followed while it is seen."""
        numbers = footage.numbers(self._settings.sample_fps)
        frames = [shrink(footage.frames[n], SIDE) for n in numbers]
        shares = [self._shares(frame) for frame in frames]
        found: list[Track] = []
        for kind, level in ((Kind.CHARACTER, 1), (Kind.OBJECT, 2)):
            seen = [
                self._sightings(number, share, level)
                for number, share in zip(numbers, shares, strict=True)
            ]
            found += [
                Track(track.sightings, kind=kind, presence=track.presence)
                for track in link(frames, seen)
            ]
        return found

    @torch.inference_mode()
    def _shares(self, frame: Frame) -> NDArray[np.float32]:
        """How sure it is of each class: (classes, height, width)."""
        pixels = as_pixels(frame[None]).to(self._settings.device)
        shares: NDArray[np.float32] = self._network(pixels).softmax(1)[0].cpu().numpy()
        return shares

    def _sightings(self, number: int, shares: NDArray[np.float32], level: int) -> list[Sighting]:
        likelier = shares[level] >= shares[3 - level]
        mask = tidy(likelier & (shares[0] < PLACE), gap=5)
        least = max(12, round(self._settings.min_area * 0.3 * mask.size))
        return [
            Sighting(number, piece, float(shares[level][piece].mean()))
            for piece in pieces(mask, min_area=least)
        ]
