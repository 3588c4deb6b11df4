import json

import numpy as np
import pytest

from skyreels_a2.request import Generation, Sampling
from skyreels_a2.training.fidelity.study import (
    COMPOSED,
    THROUGH_VAE,
    TRUTH,
    WITHOUT,
    Rate,
    conditions_of,
    mean_psnr,
    rates,
    read_answers,
    study,
)
from skyreels_a2.training.fidelity.suite import Suite
from skyreels_a2.video import Video, VideoSpec


class Counting:
    """A composer that paints a video in the colour of its seed, and remembers what was asked."""

    def __init__(self):
        self.requests = []

    def generate(self, request):
        self.requests.append(request)
        shape = (request.spec.num_frames, request.spec.height, request.spec.width, 3)
        return Generation(
            Video(np.full(shape, request.seed % 256, np.uint8), request.spec), request
        )


@pytest.fixture(scope="module")
def two(suite):
    return Suite(suite.source, count=2, spec=VideoSpec(64, 48, 25, 10))


@pytest.fixture(scope="module")
def studied(two, tmp_path_factory):
    """A folder, its answers and what the composer was asked."""
    composer = Counting()
    folder = tmp_path_factory.mktemp("study")
    answers = study(two, conditions_of(composer), folder, num_shown=1)
    return folder, answers, composer.requests


def test_a_broken_off_study_goes_on_and_asks_nothing_twice(two, studied, tmp_path):
    folder, whole, requests = studied
    assert len(requests) == 4
    lines = (folder / "answers.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "answers.jsonl").write_text("".join(lines[:2]) + lines[2][:9])
    composer = Counting()
    assert study(two, conditions_of(composer), tmp_path) == whole
    assert len(composer.requests) == 3
    assert read_answers(tmp_path / "answers.jsonl") == whole


def test_pictures_show_the_references_beside_the_frames(studied):
    names = {path.stem for path in studied[0].glob("*.png")}
    assert names == {"truth-000", "composed-000", "without-references-000"}


def test_without_references_the_words_stay_and_the_pictures_say_nothing(studied):
    told, without = studied[2][:2]
    assert told.composition.text == without.composition.text
    assert told.seed == without.seed
    assert all(element.strength == 1 for element in told.composition.elements)
    assert all(element.strength < 1e-6 for element in without.composition.elements)


def test_a_real_pipeline_and_its_vae_are_judged(own_pipeline, suite, tmp_path):
    small = Suite(
        suite.source,
        count=1,
        spec=VideoSpec(64, 32, 25, 10),
        sampling=Sampling(num_inference_steps=1),
    )
    answers = study(small, conditions_of(own_pipeline, own_pipeline.vae), tmp_path)
    assert [a.condition for a in answers] == [TRUTH, THROUGH_VAE, COMPOSED, WITHOUT]
    assert 0 < mean_psnr(answers, THROUGH_VAE) < 60
    assert np.isnan(mean_psnr(answers, COMPOSED))
    assert rates(answers, TRUTH)["backgrounds"].count == 1


def test_answers_are_lines_that_other_programs_can_read(studied):
    row = json.loads((studied[0] / "answers.jsonl").read_text().splitlines()[0])
    assert row["condition"] == "truth"
    assert set(row["judgement"]) == {"elements", "background", "direction"}


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"), [(0, 3, 0.0, 0.562), (5, 10, 0.237, 0.763), (8, 8, 0.676, 1)]
)
def test_wilsons_interval(hits, count, low, high):
    found = Rate(hits, count).interval
    assert found == pytest.approx((low, high), abs=1e-3)
    assert not any(f"{end:.0%}".startswith("-") for end in found)
