"""A tiny data set, encoded once."""

import pytest

from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.scene import SceneSpec
from skyreels_a2.training.cache import CachedExamples, build_cache
from skyreels_a2.training.triplets import SceneTriplets
from skyreels_a2.video import VideoSpec

SMALL = SceneSpec(video=VideoSpec(48, 32, 17, 10), characters=(1, 1), objects=(0, 1), shot_frames=1)


@pytest.fixture(scope="session")
def triplets():
    return SceneTriplets(BuiltinSource(), spec=SMALL, count=12)


@pytest.fixture(scope="session")
def cache_folder(pipeline, triplets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache") / "scenes"
    build_cache(pipeline.conditioner(), triplets, folder, count=12, settings={"data": "scenes"})
    return folder


@pytest.fixture(scope="session")
def examples(cache_folder):
    return CachedExamples(cache_folder)
