import numpy as np
import pytest

from skyreels_a2.bench.footage import UnusableVideoError, file_sha256, read_footage


def test_a_good_video_has_no_flags(write_video, moving):
    footage = read_footage(write_video("good.mp4", moving))
    assert footage.frames.shape == moving.shape
    assert footage.flags == ()
    assert footage.indices(3) == [0, 8, 16]


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "missing"), (b"", "unreadable"), (b"not a video" * 99, "unreadable")],
)
def test_what_is_no_video_is_told(tmp_path, content, told):
    path = tmp_path / "v.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnusableVideoError, match=told):
        read_footage(path)


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_video_that_breaks_off_keeps_what_can_be_read(write_video, moving, suffix):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, moving.shape).astype(np.uint8)
    path = write_video(f"cut{suffix}", noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    footage = read_footage(path)
    assert 1 <= len(footage.frames) < 17
    assert any(flag.startswith("truncated") for flag in footage.flags)


@pytest.mark.parametrize(
    ("level", "count", "told"),
    [(0, 5, "black"), (128, 5, "empty"), (128, 5, "frozen"), (128, 1, "one frame")],
)
def test_what_is_odd_about_frames_is_flagged(write_video, level, count, told):
    frames = np.full((count, 32, 32, 3), level, np.uint8)
    flags = read_footage(write_video("odd.mp4", frames)).flags
    assert any(flag.startswith(told) for flag in flags)


def test_the_hash_follows_the_content(tmp_path, write_video, moving):
    assert file_sha256(tmp_path / "none.mp4") == ""
    first = file_sha256(write_video("a.mp4", moving))
    assert first != file_sha256(write_video("a.mp4", moving[::-1]))
    folder = write_video("b.frames", moving[:5])
    assert len(file_sha256(folder)) == 64
