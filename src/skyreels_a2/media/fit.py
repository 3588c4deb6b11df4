"""Fitting pictures to a size: letter-box on white, or crop to fill; to the pixel as published.

The released SkyReels-A2 code pads or crops in source pixels first and resizes then, with PIL's
default filter (bicubic). The weights were trained on such pictures, so neither the order nor the
rounding is free. Knows nothing of files: pictures come from `media.images`.
"""

from __future__ import annotations

import math

from PIL import Image

from skyreels_a2.elements import Role

MAX_PADDED_PIXELS = 200_000_000
"""Canvas that letter-boxing may need: 800 MB. A panorama on an upright canvas could ask for ten
times that, so it is reduced by a whole factor first; smaller pictures equal the released code."""


def fit(image: Image.Image, role: Role, width: int, height: int) -> Image.Image:
    """Fit a reference as its role asks: backgrounds fill the picture, the rest stays whole.

    The role alone decides, never the place in a list.

    Args:
        image: RGB picture of any size.
        role: What the picture shows.
        width, height: Size of the result in pixels.

    Returns:
        RGB picture of exactly that size.
    """
    fitted = cover if role is Role.BACKGROUND else letterbox
    return fitted(image, width, height)


def letterbox(image: Image.Image, width: int, height: int) -> Image.Image:
    """Pad to the target's aspect with white on two sides, then resize.

    Args:
        image: RGB picture of any size.
        width, height: Size of the result in pixels.

    Returns:
        RGB picture of exactly that size, equal to that of the released code.
    """
    image = _reduce_panorama(image, width, height)
    w, h = image.size
    if h / w < height / width:
        pad = int((height / width * w - h) / 2)
        window = _window(image, (0, -pad, w, h + pad))
    else:
        pad = int((width / height * h - w) / 2)
        window = _window(image, (-pad, 0, w + pad, h))
    return window.resize((width, height), Image.Resampling.BICUBIC)


def cover(image: Image.Image, width: int, height: int) -> Image.Image:
    """Crop the centre to the target's aspect, then resize.

    Args:
        image: RGB picture of any size.
        width, height: Size of the result in pixels.

    Returns:
        RGB picture of exactly that size, equal to that of the released code. Where that would
        crop to no pixel at all, one row or column is kept.
    """
    w, h = image.size
    if h / w < height / width:
        kept = max(1, int(h / height * width))
        left = (w - kept) // 2
        window = _window(image, (left, 0, left + kept, h))
    else:
        kept = max(1, int(w / width * height))
        top = (h - kept) // 2
        window = _window(image, (0, top, w, top + kept))
    return window.resize((width, height), Image.Resampling.BICUBIC)


def _window(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """A window on the picture that may reach beyond its edges, where all is white."""
    left, top, right, bottom = box
    window = Image.new("RGB", (right - left, bottom - top), "white")
    window.paste(image, (-left, -top))
    return window


def _reduce_panorama(image: Image.Image, width: int, height: int) -> Image.Image:
    w, h = image.size
    padded = max(w, width / height * h) * max(h, height / width * w)
    factor = math.ceil(math.sqrt(padded / MAX_PADDED_PIXELS))
    return image.reduce(factor) if factor > 1 else image
