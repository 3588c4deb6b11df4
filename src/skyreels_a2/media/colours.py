"""Between RGB and the YUV of video streams: matrices, ranges and their tags.

Written streams are BT.709 in limited range, and say so: what players assume of an untagged stream
depends on its size, which turns reds orange. Reading goes by the tags.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

import av
import numpy as np
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from numpy.typing import NDArray

    Frame: TypeAlias = NDArray[np.uint8]
    """uint8 RGB of shape (height, width, 3)."""

EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""Without the two flags flat colours come back twice as far off."""
QUICK = Interpolation.BILINEAR
"""Chroma of the nearest place: what averages it again, as an encoder does, gets it as it was."""
BT709_MATRIX = 1
"""FFmpeg's `AVCOL_SPC_BT709`, which PyAV has no name for."""
_OWN = threading.local()
SD_HEIGHT = 576
"""Lines of the tallest standard-definition video."""
MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
"""FFmpeg's `AVColorSpace` tags as matrices."""


def tag_bt709(stream: VideoCodecContext | av.VideoFrame) -> None:
    """Tag a stream or frame as BT.709 in limited range; converts nothing."""
    stream.colorspace = BT709_MATRIX
    stream.color_primaries = ColorPrimaries.BT709
    stream.color_trc = ColorTrc.BT709
    stream.color_range = ColorRange.MPEG


def copy_tags(picture: av.VideoFrame, stream: VideoCodecContext) -> None:
    """Tag a stream as a decoded frame is, untagged as untagged."""
    stream.colorspace = picture.colorspace
    stream.color_primaries = picture.color_primaries
    stream.color_trc = picture.color_trc
    stream.color_range = picture.color_range


def to_yuv(frame: Frame) -> av.VideoFrame:
    """RGB as 4:2:0 with the BT.709 matrix in limited range, and tagged so."""
    picture = _reformatter().reformat(
        av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24"),
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACT,
    )
    tag_bt709(picture)
    return picture


def to_rgb(picture: av.VideoFrame, *, interpolation: Interpolation = EXACT) -> Frame:
    """A decoded frame as RGB by its own matrix and range tags, turned upright.

    An untagged frame is taken as players take it: BT.601 up to 576 lines, BT.709 above.

    Args:
        picture: As it was decoded.
        interpolation: `QUICK` takes a sixth of the time and may be off by a few of 255.
    """
    untagged = Colorspace.ITU601 if picture.height <= SD_HEIGHT else Colorspace.ITU709
    rgb = _reformatter().reformat(
        picture,
        format="rgb24",
        src_colorspace=MATRICES.get(picture.colorspace, untagged),
        dst_color_range=ColorRange.JPEG,
        interpolation=interpolation,
    )
    upright = np.rot90(rgb.to_ndarray(), k=round(picture.rotation / 90))
    return np.ascontiguousarray(upright, dtype=np.uint8)


def _reformatter() -> VideoReformatter:
    """One a thread: it keeps the tables of its last conversion, which a frame's own makes anew."""
    if not hasattr(_OWN, "reformatter"):
        _OWN.reformatter = VideoReformatter()
    reformatter: VideoReformatter = _OWN.reformatter
    return reformatter
