"""Dyes: the same assets in other colours, so that identities do not run out.

A young model learns a few thousand subjects by heart and then reads their names instead of looking
at their references. Dyed, nobody looks as their name says: what they look like is in their
reference alone.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from skyreels_a2.scenes.assets import AssetSource, Background, Memory, Subject

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from skyreels_a2.scenes.assets import Picture, Sprite

LUMA = np.array((0.299, 0.587, 0.114))
SATURATION = (0.6, 1.5)
GAIN = (0.7, 1.15)


class DyedSource:
    """A source whose every asset has another hue, saturation and brightness.

    Args:
        source: Where the assets come from.
        seed: Decides the colours, together with an asset's id.
    """

    def __init__(self, source: AssetSource, seed: int) -> None:
        self._source, self._seed = source, seed
        self._sprites = Memory(self._dye_sprite, capacity=16)
        self._pictures = Memory(self._dye_picture, capacity=4)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Those of the source."""
        return self._source.subjects

    @property
    def backgrounds(self) -> tuple[Background, ...]:
        """Those of the source."""
        return self._source.backgrounds

    def sprite(self, subject_id: str) -> Sprite:
        """Poses of a subject, dyed; opacity stays."""
        return self._sprites(subject_id)

    def picture(self, background_id: str) -> Picture:
        """Picture of a place, dyed."""
        return self._pictures(background_id)

    def _dye_sprite(self, subject_id: str) -> Sprite:
        sprite = self._source.sprite(subject_id)
        poses, height, width, _ = sprite.shape
        flat = sprite.reshape(poses * height, width, 4)
        colours = _dye(np.ascontiguousarray(flat[..., :3]), self._rng(subject_id))
        return np.concatenate([colours, flat[..., 3:]], axis=2).reshape(sprite.shape)

    def _dye_picture(self, background_id: str) -> Picture:
        return _dye(self._source.picture(background_id), self._rng(background_id))

    def _rng(self, asset_id: str) -> Generator:
        return np.random.default_rng((self._seed, zlib.crc32(asset_id.encode())))


def dyed_in_turn(source: AssetSource, seed: int) -> AssetSource:
    """The source for a training scene: dyed where the seed is odd."""
    return DyedSource(source, seed) if seed % 2 else source


def _dye(pixels: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    matrix = np.zeros((3, 4))
    matrix[:, :3] = dye_matrix(
        angle=float(rng.uniform(0, 2 * math.pi)),
        saturation=float(rng.uniform(*SATURATION)),
        gain=float(rng.uniform(*GAIN)),
    )
    return np.asarray(Image.fromarray(pixels).convert("RGB", tuple(matrix.ravel().tolist())))


def dye_matrix(*, angle: float, saturation: float, gain: float) -> NDArray[np.float64]:
    """Turns hues about the grey axis, spreads them from their luma, and scales the whole.

    Args:
        angle: Radians about the axis.
        saturation: 0 leaves grey, 1 changes nothing.
        gain: Factor on all.

    Returns:
        A 3×3 matrix for RGB columns.
    """
    axis = np.full(3, 1 / math.sqrt(3))
    across = np.array(
        [[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]]
    )  # Rodrigues' formula
    turn = np.eye(3) + math.sin(angle) * across + (1 - math.cos(angle)) * across @ across
    grey = np.tile(LUMA, (3, 1))
    found: NDArray[np.float64] = gain * (grey + saturation * (np.eye(3) - grey)) @ turn
    return found
