import json

import numpy as np
import pytest

from skyreels_a2.media.videos import iter_frames


def test_rendering_writes_videos_and_truth_apart(cli, tmp_path):
    result = cli("scenes", "render", "--count", "1", "--seed", "3", "-o", "raw")
    assert (result.code, result.out) == (0, "raw\n")
    (video,) = (tmp_path / "raw/videos").glob("*.mp4")
    truth = json.loads((tmp_path / "raw/truth" / f"{video.stem}.json").read_text())
    frames = list(iter_frames(video))
    assert len(frames) > 100
    assert truth


def test_the_same_seed_is_the_same_video(cli, tmp_path):
    for name in ("a", "b"):
        cli("scenes", "render", "--count", "1", "--seed", "3", "-o", name)
    first, second = (list(iter_frames(tmp_path / n / "videos/000001.mp4")) for n in ("a", "b"))
    np.testing.assert_array_equal(np.stack(first), np.stack(second))


@pytest.mark.parametrize("source", ["magic", "fluent"])
def test_assets_that_are_not_there_are_told(cli, tmp_path, source):
    flags = ["--source", source, "--assets", tmp_path / "empty"]
    result = cli("scenes", "render", "-o", "raw", *flags)
    assert result.code == 2
    assert len([line for line in result.err.splitlines() if line.startswith("error:")]) == 1
