"""Laying sprites into frames: one affine transform and one paste of the part in the frame.

Frames are Pillow pictures here, for Pillow's loops over pixels are the fastest at hand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from skyreels_a2.scenes.sprites import premultiplied, turning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.scenes.assets import Sprite
    from skyreels_a2.scenes.scene import Point

BORDER = 1
"""Transparent pixels round a sprite, so that its edge fades instead of breaking off."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One actor in one frame: the part of the frame that it covers, and how.

    Attributes:
        element: Identity of who it is.
        left, top: Pixels of the part's corner.
        patch: RGBA picture of the part.
    """

    element: str
    left: int
    top: int
    patch: Image.Image

    @property
    def part(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that it covers."""
        width, height = self.patch.size
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @property
    def solid(self) -> NDArray[np.bool_]:
        """Where in the part it is half opaque or more: bool (height, width)."""
        return np.asarray(self.patch.getchannel("A")) >= 128


class Puppet:
    """A sprite made ready for one actor: scaled once, mirrored once, each pose when first shown.

    Args:
        sprite: Poses of the subject.
        size: Width and height in pixels at its largest.
        mirrored: Whether it faces the other way.
    """

    def __init__(self, sprite: Sprite, size: Point, *, mirrored: bool) -> None:
        self._sprite = sprite
        self._size = max(1, round(size[0])), max(1, round(size[1]))
        self._mirrored = mirrored
        self._poses: dict[int, Image.Image] = {}

    def put(
        self, frame: Image.Image, element: str, pose: int, at: Point, scale: float, angle: float
    ) -> Layer | None:
        """Draw a pose into a frame, in place.

        Args:
            frame: RGB picture.
            element: Identity for the layer.
            pose: Index of the pose.
            at: Middle of the sprite in pixels.
            scale: Factor on the largest size.
            angle: Degrees, clockwise.

        Returns:
            What was drawn, or None when all of it is outside of the frame.
        """
        box = self._box(at, scale, angle, frame.size)
        if box[0] >= box[2] or box[1] >= box[3]:
            return None
        picture = self._pose(pose)
        middle = (at[0] - box[0], at[1] - box[1])
        matrix = turning(picture.size, middle, scale, angle)
        patch = picture.transform(
            (box[2] - box[0], box[3] - box[1]),
            Image.Transform.AFFINE,
            matrix,
            Image.Resampling.BILINEAR,
        ).convert("RGBA")
        frame.paste(patch, box[:2], patch)
        return Layer(element, box[0], box[1], patch)

    def _box(
        self, at: Point, scale: float, angle: float, frame_size: tuple[int, int]
    ) -> tuple[int, int, int, int]:
        """The part of the frame that the turned sprite can touch."""
        cos, sin = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
        width, height = (s * scale + 2 * BORDER for s in self._size)
        across, down = (width * cos + height * sin) / 2, (width * sin + height * cos) / 2
        return (
            max(0, math.floor(at[0] - across)),
            max(0, math.floor(at[1] - down)),
            min(frame_size[0], math.ceil(at[0] + across)),
            min(frame_size[1], math.ceil(at[1] + down)),
        )

    def _pose(self, index: int) -> Image.Image:
        if index not in self._poses:
            picture = premultiplied(self._sprite[index])
            picture = picture.resize(self._size, Image.Resampling.BICUBIC, reducing_gap=2.0)
            if self._mirrored:
                picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            room = Image.new("RGBa", (self._size[0] + 2 * BORDER, self._size[1] + 2 * BORDER))
            room.paste(picture, (BORDER, BORDER))
            self._poses[index] = room
        return self._poses[index]


def visible(layers: list[Layer], element: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Where an element is seen in a frame: half opaque or more, and nothing like that before it.

    Args:
        layers: The frame's layers from the back to the front.
        element: Whose mask.
        shape: Height and width of the frame.
    """
    mask = np.zeros(shape, dtype=np.bool_)
    for layer in layers:
        if layer.element == element:
            mask[layer.part] = layer.solid
        else:
            mask[layer.part] &= ~layer.solid
    return mask
