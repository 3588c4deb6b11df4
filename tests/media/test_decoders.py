"""Reading what others wrote: any size, no labels, rotated, one long folder."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from skyreels_a2.media.decoders import decoder_for

CORNER = np.zeros((48, 80, 3), dtype=np.uint8)
CORNER[:16, :16] = 255


def write_plain(path, frames, codec="libx264", pix_fmt="yuv444p"):
    """As another program might: no tags, no comment, any size."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, 10)
        stream.height, stream.width, _ = frames[0].shape
        stream.pix_fmt = pix_fmt
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode(None))


def rotate_on_show(path, matrix):
    """Put a display matrix into the track header, as phones do."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    data[start : start + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".avi", ".MP4"])
def test_any_container_and_size(tmp_path, suffix):
    path = tmp_path / f"other{suffix}"
    write_plain(path, [np.full((50, 71, 3), 90, dtype=np.uint8)] * 7)
    decoder = decoder_for(path)
    info = decoder.info()
    assert (info.width, info.height, info.fps, info.num_frames) == (71, 50, 10, 7)
    frames = list(decoder.frames())
    assert len(frames) == 7
    assert frames[0].dtype == np.uint8
    np.testing.assert_allclose(frames[6].astype(int), 90, atol=2)
    assert decoder.comment() is None


ONE = 1 << 16
QUARTER_TURNS = {
    1: (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30),
    2: (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30),
    3: (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30),
}
"""Quarter turns counterclockwise; ISO/IEC 14496-12, 8.3.2: (p, q) = (a·x + c·y, b·x + d·y)."""


@pytest.mark.parametrize("turns", QUARTER_TURNS)
def test_rotated_videos_come_upright(tmp_path, turns):
    path = tmp_path / "phone.mp4"
    write_plain(path, [CORNER] * 3)
    rotate_on_show(path, QUARTER_TURNS[turns])
    frame = next(decoder_for(path).frames())
    expected = np.rot90(CORNER, turns)
    assert frame.shape == expected.shape
    np.testing.assert_allclose(frame.astype(int), expected, atol=12)
    info = decoder_for(path).info()
    assert (info.height, info.width) == expected.shape[:2]


def test_animation_of_others_gives_each_picture_once(tmp_path):
    pictures = [Image.new("RGB", (30, 20), (60 * i, 0, 0)) for i in range(4)]
    path = tmp_path / "other.gif"
    pictures[0].save(
        path, save_all=True, append_images=pictures[1:], duration=[100, 300, 100, 500], comment=b"x"
    )
    info = decoder_for(path).info()
    assert (info.width, info.height, info.fps, info.num_frames) == (30, 20, 4, 4)
    assert len(list(decoder_for(path).frames())) == 4


def test_still_picture_has_no_rate(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "still.webp")
    with pytest.raises(ValueError, match="no frame rate"):
        decoder_for(tmp_path / "still.webp").info()


def test_pictures_of_others_have_no_rate_but_frames(tmp_path):
    for i in (0, 9999, 10000):
        Image.new("RGB", (8, 8), (i % 255, 0, 0)).save(tmp_path / f"frame_{i:04d}.png")
    decoder = decoder_for(tmp_path)
    assert [frame[0, 0, 0] for frame in decoder.frames()] == [0, 9999 % 255, 10000 % 255]
    with pytest.raises(ValueError, match="frame rate"):
        decoder.info()


def test_rate_is_exact(tmp_path):
    path = tmp_path / "broadcast.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", Fraction(30000, 1001))
        stream.width = stream.height = 32
        for _ in range(3):
            file.mux(stream.encode(av.VideoFrame(32, 32)))
        file.mux(stream.encode(None))
    assert decoder_for(path).info().fps == Fraction(30000, 1001)


def test_playlists_and_text_are_not_opened(tmp_path):
    write_plain(tmp_path / "part.ts", [CORNER] * 3, pix_fmt="yuv420p")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.3,\npart.ts\n#EXT-X-ENDLIST\n")
    assert len(list(decoder_for(tmp_path / "part.ts").frames())) == 3
    with pytest.raises(ValueError, match=r"list\.m3u8"):
        next(decoder_for(playlist).frames())
