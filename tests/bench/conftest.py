"""Cases, videos and scenes to measure on, made once."""

import numpy as np
import pytest
from PIL import Image

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.networks.weights import Weights
from skyreels_a2.elements import Composition, Element
from skyreels_a2.media.videos import save_video
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import SceneSpec
from skyreels_a2.scenes.splits import Split
from skyreels_a2.video import Video, VideoSpec

SPEC = VideoSpec(160, 96, 17, 10)


@pytest.fixture(scope="session")
def source():
    return BuiltinSource()


@pytest.fixture(scope="session")
def scene(source):
    """A rendered scene: one character, one object, one place."""
    spec = SceneSpec(video=SPEC, characters=(1, 1), objects=(1, 1))
    return render(sample_scene(source, 9001, split=Split.HELD_OUT, spec=spec), source)


@pytest.fixture(scope="session")
def case(scene):
    return Case("scene", scene.composition, "scenes")


@pytest.fixture(scope="session")
def footage(scene):
    return Footage(scene.frames, 10.0)


@pytest.fixture(scope="session")
def weights():
    """No network that would have to be named or fetched."""
    return Weights()


@pytest.fixture(scope="session")
def cases(pictures):
    """Three plain cases of two pictures each."""
    return [
        Case(
            f"case-{n}",
            Composition(
                f"a thing moves, number {n}",
                (Element.character(pictures[n]), Element.background(pictures[n + 1])),
            ),
            "test",
        )
        for n in range(3)
    ]


@pytest.fixture
def write_video(tmp_path):
    """Write frames of any content as a video."""

    def write(name, frames):
        height, width = frames.shape[1:3]
        spec = VideoSpec(width, height, len(frames), 10)
        return save_video(Video(frames, spec), tmp_path / name, overwrite=True)

    return write


@pytest.fixture(scope="session")
def moving():
    """A bright square that crosses a textured ground: 17 frames."""
    rng = np.random.default_rng(0)
    ground = rng.integers(60, 120, (96, 160, 3)).astype(np.uint8)
    ground = np.asarray(Image.fromarray(ground).resize((40, 24)).resize((160, 96)))
    frames = np.repeat(ground[None], 17, axis=0).copy()
    for number, frame in enumerate(frames):
        frame[30:70, 6 * number : 6 * number + 40] = (230, 180, 40)
        frame[40:60, 6 * number + 10 : 6 * number + 30] = (30, 60, 160)
    return frames
