import numpy as np
import pytest

from skyreels_a2.errors import InputError, SpecError
from skyreels_a2.media.videos import save_video
from skyreels_a2.training.buckets import choose_bucket, read_buckets, read_clipped
from skyreels_a2.video import Video, VideoSpec

BUCKETS = read_buckets(["64x32x9", "64x32x17", "32x64x9", "48x48x9"], 10)


def film(path, width, height, frames, fps=10):
    """A video whose frame n has the brightness 4n."""
    shades = np.arange(frames, dtype=np.uint8)[:, None, None, None] * 4
    pictures = np.broadcast_to(shades, (frames, height, width, 3)).copy()
    return save_video(Video(pictures, VideoSpec(width, height, frames, fps)), path)


@pytest.mark.parametrize(
    ("size", "frames", "fps", "chosen"),
    [
        ((128, 64), 9, 10, "64x32x9"),
        ((128, 80), 21, 10, "64x32x17"),
        ((48, 96), 33, 10, "32x64x9"),
        ((64, 64), 33, 10, "48x48x9"),
        ((128, 64), 17, 20, "64x32x9"),
    ],
)
def test_a_video_goes_to_the_nearest_shape_and_the_longest_it_fills(
    tmp_path, size, frames, fps, chosen
):
    path = film(tmp_path / "a.mp4", *size, frames, fps)
    spec = choose_bucket(path, BUCKETS)
    assert f"{spec.width}x{spec.height}x{spec.num_frames}" == chosen
    assert read_clipped(path, spec).spec == spec


def test_a_video_that_fills_none_says_what_would(tmp_path):
    path = film(tmp_path / "a.mp4", 64, 32, 5)
    with pytest.raises(SpecError, match="has 5 frames: 9 are needed"):
        choose_bucket(path, BUCKETS)


def test_a_faster_video_plays_at_the_rate_of_the_model(tmp_path):
    path = film(tmp_path / "a.mp4", 64, 32, 25, 30)
    frames = read_clipped(path, VideoSpec(64, 32, 9, 10)).frames
    assert frames.mean((1, 2, 3)) == pytest.approx(np.arange(9) * 12, abs=3)


@pytest.mark.parametrize("text", ["64x32", "64 x 32 x 9", "axbxc"])
def test_a_bucket_that_is_none_is_told_how_to_be_written(text):
    with pytest.raises(InputError, match="WIDTHxHEIGHTxFRAMES"):
        read_buckets([text], 10)
