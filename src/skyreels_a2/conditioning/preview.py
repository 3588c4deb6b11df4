"""What the model will see of each reference: exactly the pixels that CLIP and the VAE get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from skyreels_a2.conditioning.semantic import clip_picture
from skyreels_a2.elements import Reference
from skyreels_a2.media.fit import fit
from skyreels_a2.media.images import open_picture
from skyreels_a2.media.sheets import Cell, sheet
from skyreels_a2.video import VideoSpec


def preview_sheet(
    references: Sequence[Reference], spec: VideoSpec, image_processor: Any
) -> Image.Image:
    """A sheet with a row for each reference: as given, as CLIP sees it, as the VAE sees it."""
    return sheet([_row(i, ref, spec, image_processor) for i, ref in enumerate(references)])


def _row(index: int, reference: Reference, spec: VideoSpec, image_processor: Any) -> list[Cell]:
    picture = open_picture(reference.picture).image
    clip = clip_pixels(picture, image_processor)
    fitted = fit(picture, reference.role, spec.width, spec.height)
    given = f"{reference.role.value}, {picture.width}x{picture.height}"
    return [
        Cell(picture, f"{index} {reference.label}", given),
        Cell(clip, "CLIP sees", f"{clip.width}x{clip.height}, semantic branch"),
        Cell(fitted, "VAE sees", f"{fitted.width}x{fitted.height}, latent frame {index}"),
    ]


def clip_pixels(picture: Image.Image, image_processor: Any) -> Image.Image:
    """The processor's result for a picture, with its normalisation taken back."""
    pixels = image_processor(images=clip_picture(picture), return_tensors="np").pixel_values[0]
    mean, std = (
        np.asarray(values, dtype=np.float32)[:, None, None]
        for values in (image_processor.image_mean, image_processor.image_std)
    )
    levels = (pixels * std + mean).clip(0, 1) * 255
    return Image.fromarray(levels.round().astype(np.uint8).transpose(1, 2, 0))
