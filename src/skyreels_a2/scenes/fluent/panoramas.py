"""Panoramas: from an EXR packed in a JavaScript module to wide pictures of a place.

PyAV decodes the EXR (half-precision light, equirectangular, 360 x 180 degrees). A view is its
projection on a cylinder, which keeps upright lines upright and pans like a camera, tone-mapped
after Reinhard and others, "Photographic Tone Reproduction for Digital Images" (2002).
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from skyreels_a2.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.scenes.assets import Picture

HEIGHT = 160
"""Pixels of a view's height."""
SPAN = 2 * np.pi / 3
"""Angle that a view covers across."""
TILT = 0.56
"""Tangent of the angle that a view reaches above and below the horizon."""
KEY = 0.36
"""Brightness that a view's average light is mapped to."""
BRIGHTEST = 6e4
"""About the most light that half precision holds."""
BLOCK = 8
"""Side of the blocks that the EXR's lossy compression (DWA) works on."""
RINGING = 100.0
"""Light below nothing that the compression leaves at most beside bright lamps."""
SUN = 100.0
"""Light that any tone mapping turns white."""

_PACKED = re.compile(r"base64,([A-Za-z0-9+/=]+)")


def read_light(module: Path) -> NDArray[np.float32]:
    """Linear RGB of a panorama, float32 (height, width, 3).

    Raises:
        InputError: The file holds no EXR that can be decoded.
    """
    found = _PACKED.search(module.read_text("utf-8"))
    if not found:
        raise InputError(f"{module} holds no packed picture: fetch the assets again")
    try:
        decoder = av.codec.CodecContext.create("exr", "r")
        packet = av.Packet(base64.b64decode(found[1]))
        frame = [*decoder.decode(packet), *decoder.decode(None)][0]
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise InputError(f"{module} cannot be decoded ({error}): fetch the assets again") from error
    return _planes(frame)


def view_of(light: NDArray[np.float32], heading: float) -> Picture:
    """The view towards a heading (radians), uint8 RGB."""
    width = round(HEIGHT * SPAN / (2 * TILT))
    yaw = heading + np.linspace(-SPAN / 2, SPAN / 2, width)
    # A touch below the horizon, so that there is ground to stand on.
    pitch = np.arctan(np.linspace(TILT * 0.85, -TILT * 1.15, HEIGHT))
    rows = (0.5 - pitch / np.pi) * light.shape[0] - 0.5
    columns = (yaw / (2 * np.pi)) % 1.0 * light.shape[1] - 0.5
    return tone_mapped(_sample(light, rows, columns))


def tone_mapped(light: NDArray[np.float32]) -> Picture:
    """Light as a picture: scaled to one brightness, highlights rolled off, sRGB gamma."""
    luminance = light @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    # Lamps and suns say nothing of how bright the rest should be.
    without_lamps = np.minimum(luminance, 8 * np.median(luminance))
    average = float(np.exp(np.log(without_lamps + 1e-4).mean()))
    scaled = luminance * KEY / average
    mapped = scaled * (1 + scaled / 9.0) / (1 + scaled)
    colour = light * (mapped / np.maximum(luminance, 1e-6))[..., None]
    bright = 255 * np.clip(colour, 0, 1) ** (1 / 2.2)
    return np.asarray(bright.round(), dtype=np.uint8)


def _planes(frame: av.VideoFrame) -> NDArray[np.float32]:
    """The three half-precision planes (green, blue, red) as RGB."""
    planes = []
    for plane in frame.planes[:3]:
        row = np.frombuffer(bytes(plane), dtype=np.dtype("<f2")).reshape(
            frame.height, plane.line_size // 2
        )
        planes.append(row[:, : frame.width].astype(np.float32))
    light = np.stack([planes[2], planes[0], planes[1]], axis=-1)
    light = np.nan_to_num(light, nan=-BRIGHTEST, posinf=BRIGHTEST, neginf=-BRIGHTEST)
    return np.asarray(np.maximum(_with_white_suns(light), 0.0), dtype=np.float32)


def _with_white_suns(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """White in place of the blocks in which the lossy packing overflowed, those of the sun."""
    height, width = (side // BLOCK * BLOCK for side in light.shape[:2])
    whole = light[:height, :width]
    blocks = whole.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3)
    overflown = blocks.min(axis=(1, 3, 4)) < -RINGING
    spread = np.repeat(np.repeat(overflown, BLOCK, axis=0), BLOCK, axis=1)
    whole[spread] = SUN
    return light


def _sample(
    light: NDArray[np.float32], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Bilinear samples on a grid of rows and columns; columns go round."""
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, along = (rows - top)[:, None, None], (columns - left)[None, :, None]
    height, width = light.shape[:2]
    above, below = (np.clip(top + i, 0, height - 1)[:, None] for i in (0, 1))
    here, next_to = ((left + i)[None, :] % width for i in (0, 1))
    upper = light[above, here] * (1 - along) + light[above, next_to] * along
    lower = light[below, here] * (1 - along) + light[below, next_to] * along
    return np.asarray(upper * (1 - down) + lower * down, dtype=np.float32)
