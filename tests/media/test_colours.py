"""Colours through YUV and back: by the tags, and by the conventions where there are none."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from skyreels_a2.media.colours import to_rgb, to_yuv

COLOURS = np.array(
    [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255)]
    + [(grey, grey, grey) for grey in (0, 64, 128, 255)],
    dtype=np.uint8,
)


@pytest.mark.parametrize("colour", COLOURS)
def test_flat_colours_come_back(colour):
    frame = np.full((32, 48, 3), colour, dtype=np.uint8)
    np.testing.assert_allclose(to_rgb(to_yuv(frame)).astype(int), frame, atol=2)


def test_white_black_and_red_have_the_published_values():
    """ITU-R BT.709-6: 16 to 235 for luma, and Kr 0.2126, Kb 0.0722."""
    for colour, expected in (
        ((255, 255, 255), (235, 128, 128)),
        ((0, 0, 0), (16, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 0, 255), (32, 240, 118)),
    ):
        yuv = to_yuv(np.full((16, 16, 3), colour, dtype=np.uint8))
        planes = [int(np.frombuffer(plane, dtype=np.uint8)[0]) for plane in yuv.planes]
        np.testing.assert_allclose(planes, expected, atol=1)


def test_frames_are_tagged():
    yuv = to_yuv(np.zeros((16, 16, 3), dtype=np.uint8))
    assert (yuv.colorspace, yuv.color_primaries, yuv.color_trc, yuv.color_range) == (1, 1, 1, 1)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(
    ("height", "matrix", "tag"),
    [
        (480, Colorspace.ITU601, 2),
        (720, Colorspace.ITU709, 2),
        (480, Colorspace.ITU709, 1),
        (720, Colorspace.ITU601, 6),
        (720, Colorspace.BT2020, 9),
    ],
)
def test_others_are_read_by_tag_else_by_size(height, matrix, tag, full_range):
    frame = np.full((height, 64, 3), (200, 30, 90), dtype=np.uint8)
    value_range = ColorRange.JPEG if full_range else ColorRange.MPEG
    yuv = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
        format="yuv444p", dst_colorspace=matrix, dst_color_range=value_range
    )
    yuv.colorspace = tag
    np.testing.assert_allclose(to_rgb(yuv).astype(int), frame, atol=3)
