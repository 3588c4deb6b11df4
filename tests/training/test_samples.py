from dataclasses import replace

import numpy as np
from PIL import Image

from skyreels_a2.request import Sampling
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.training.fidelity.suite import Suite
from skyreels_a2.training.samples import SceneSamples, TripletSamples
from skyreels_a2.training.triplets import SCENES, SceneTriplets
from skyreels_a2.video import VideoSpec

SPEC = VideoSpec(64, 32, 25, 10)
QUICK = Sampling(num_inference_steps=1, guidance_scale=1)


def test_scenes_are_sampled_judged_and_shown(own_pipeline, tmp_path):
    suite = Suite(BuiltinSource(), count=2, spec=SPEC, sampling=QUICK)
    figures = SceneSamples(own_pipeline, suite)(tmp_path, 12)
    assert set(figures) == {"elements", "backgrounds", "directions"}
    assert all(0 <= figure <= 1 for figure in figures.values())
    with Image.open(tmp_path / "sampled-00000012.png") as sheet:
        assert sheet.width > 4 * 200
        assert np.asarray(sheet).std() > 10


def test_the_last_triplets_of_a_set_are_sampled_and_shown(own_pipeline, tmp_path):
    triplets = SceneTriplets(BuiltinSource(), spec=replace(SCENES, video=SPEC), count=5)
    asked = []
    generate = own_pipeline.generate

    class Listening:
        def generate(self, request):
            asked.append(request)
            return generate(request)

    assert TripletSamples(Listening(), triplets, QUICK, count=2)(tmp_path, 3) == {}
    assert [request.composition.text for request in asked] == [
        triplets.triplet(number).composition.text for number in (3, 4)
    ]
    assert all(request.sampled_spec == SPEC for request in asked)
    assert (tmp_path / "sampled-00000003.png").is_file()
