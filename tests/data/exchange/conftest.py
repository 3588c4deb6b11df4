"""Small data sets of real files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skyreels_a2.data.exchange.rows import ElementRow, TripletRow, write_rows
from skyreels_a2.elements import Role
from skyreels_a2.media.videos import open_writer
from skyreels_a2.video import VideoSpec


def _make_video(path, *, num_frames=13, width=64, height=48, seed=0):
    """A video whose frames differ."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (num_frames, height // 16, width // 16, 3), dtype=np.uint8)
    with open_writer(path, VideoSpec(width, height, num_frames, 8)) as writer:
        writer.write(coarse.repeat(16, axis=1).repeat(16, axis=2))
    return path


def _make_picture(path, colour):
    """A square with another in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (40, 40), "white")
    image.paste(Image.new("RGB", (20, 20), colour), (10, 10))
    image.save(path)
    return path


@pytest.fixture
def make_video():
    """What writes a video."""
    return _make_video


@pytest.fixture
def make_picture():
    """What writes a picture."""
    return _make_picture


@pytest.fixture
def dataset(tmp_path, make_video, make_picture):
    """Two triplets: a named character with two views, and five objects."""
    folder = tmp_path / "dataset"
    (folder / "videos").mkdir(parents=True)
    for number in range(2):
        make_video(folder / f"videos/{number}.mp4", seed=number)
    for number in range(5):
        make_picture(folder / f"references/{number}.png", (40 * number, 90, 60))
    anna = ElementRow(
        role=Role.CHARACTER,
        pictures=(Path("references/0.png"), Path("references/1.png")),
        name="anna",
        description="a girl in red",
    )
    objects = tuple(
        ElementRow(role=Role.OBJECT, pictures=(Path(f"references/{i}.png"),)) for i in range(5)
    )
    write_rows(
        folder,
        [
            TripletRow(video=Path("videos/0.mp4"), prompt="@anna walks.", elements=(anna,)),
            TripletRow(video=Path("videos/1.mp4"), prompt="Five\nthings.", elements=objects),
        ],
    )
    return folder
