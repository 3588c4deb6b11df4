"""The measures on truth, on the wrong truth and on noise: they must tell these apart."""

import numpy as np
import pytest
import torch

from skyreels_a2.scenes.scene import Direction
from skyreels_a2.training.fidelity.matching import EVIDENCES, Matches
from skyreels_a2.training.fidelity.measures import heading, judge, presence


@pytest.fixture(scope="module")
def judgements(cases):
    return [judge(case, case.frames) for case in cases]


def test_the_truth_is_found(judgements):
    elements = [found for j in judgements for found in j.elements]
    assert np.mean(elements) >= 0.8
    assert np.mean([j.background for j in judgements]) >= 0.75
    assert all(j.direction for j in judgements)


def test_the_video_of_another_case_is_not(cases):
    wrong = [
        judge(case, other.frames) for case, other in zip(cases, cases[1:] + cases[:1], strict=True)
    ]
    assert np.mean([found for j in wrong for found in j.elements]) <= 0.4
    assert np.mean([j.background for j in wrong]) <= 0.25


def test_noise_holds_nothing(cases):
    noise = np.random.default_rng(0).integers(0, 256, cases[0].frames.shape, dtype=np.uint8)
    found = [judge(case, noise) for case in cases]
    assert np.mean([hit for j in found for hit in j.elements]) <= 0.4


def test_played_backwards_the_direction_is_wrong(cases):
    assert not any(judge(case, case.frames[::-1]).direction for case in cases)


def test_frames_in_which_a_subject_is_hidden_do_not_count():
    evidence = torch.zeros(6, 2, 1, len(EVIDENCES))
    evidence[:3, 0], evidence[:, 1] = 1.0, 0.8
    own, other = presence(Matches(evidence, torch.zeros(6, 2, 1, 2)))
    assert own > other


def test_frames_of_another_size_are_judged_too(cases):
    smaller = cases[0].frames[:, ::2, ::2]
    assert judge(cases[0], smaller).direction


@pytest.mark.parametrize(
    ("step", "direction"),
    [
        ((0.05, 0.01), Direction.RIGHT),
        ((-0.05, 0.01), Direction.LEFT),
        ((0.01, 0.05), Direction.DOWN),
        ((0.01, -0.05), Direction.UP),
    ],
)
def test_the_heading_is_the_larger_slope(step, direction):
    frames = torch.arange(9.0)[:, None, None, None]
    places = 0.3 + frames * torch.tensor(step)
    # Two frames in which it is hidden and something else, far off, fits a little.
    places[3], places[6] = torch.tensor([0.9, 0.9]), torch.tensor([0.1, 0.1])
    evidence = torch.ones(9, 1, 1, len(EVIDENCES))
    evidence[3], evidence[6] = 0.1, 0.1
    assert heading(Matches(evidence, places)) is direction
