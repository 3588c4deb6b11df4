import pytest
import torch
from diffusers.guiders import AdaptiveProjectedGuidance, ClassifierFreeZeroStarGuidance

from skyreels_a2 import Sampling
from skyreels_a2.pipeline.guidance import Branch, Guidance
from skyreels_a2.request import GUIDERS

FULL, NO_TEXT, NOTHING = Branch.FULL, Branch.NO_TEXT, Branch.NOTHING


@pytest.fixture
def predictions():
    torch.manual_seed(0)
    return {branch: torch.randn(2, 16, 3, 4, 4) for branch in Branch}


def started(sampling, step=3, num_steps=10):
    guidance = Guidance(sampling)
    return guidance, guidance.start_step(step, num_steps, torch.tensor(500))


def test_published_guidance_is_two_passes_over_the_text(predictions):
    guidance, passes = started(Sampling(guidance_scale=5.0))
    assert passes == (FULL, NO_TEXT)
    full, no_text = predictions[FULL], predictions[NO_TEXT]
    combined = guidance.combine({FULL: full, NO_TEXT: no_text})
    torch.testing.assert_close(combined, no_text + 5.0 * (full - no_text))


def test_image_guidance_is_a_third_pass(predictions):
    guidance, passes = started(Sampling(guidance_scale=4.0, image_guidance_scale=2.5))
    assert passes == (FULL, NO_TEXT, NOTHING)
    full, no_text, nothing = (predictions[branch] for branch in passes)
    expected = nothing + 2.5 * (no_text - nothing) + 4.0 * (full - no_text)
    torch.testing.assert_close(guidance.combine(predictions), expected)


def test_without_guidance_one_pass_is_enough(predictions):
    guidance, passes = started(Sampling(guidance_scale=1.0))
    assert passes == (FULL,)
    assert not guidance.uses_text
    assert torch.equal(guidance.combine({FULL: predictions[FULL]}), predictions[FULL])


@pytest.mark.parametrize("image_scale", [1.0, 3.0])
def test_outside_the_interval_only_the_conditional_pass_runs(predictions, image_scale):
    sampling = Sampling(guidance_interval=(0.2, 0.5), image_guidance_scale=image_scale)
    guidance = Guidance(sampling)
    inside = [
        step for step in range(10) if guidance.start_step(step, 10, torch.tensor(1)) != (FULL,)
    ]
    assert inside == [2, 3, 4]
    guidance.start_step(7, 10, torch.tensor(1))
    assert torch.equal(guidance.combine({FULL: predictions[FULL]}), predictions[FULL])


@pytest.mark.parametrize(
    ("name", "guider"),
    [
        ("cfg-zero-star", ClassifierFreeZeroStarGuidance(6.0)),
        ("apg", AdaptiveProjectedGuidance(6.0, None, 0.0, eta=0.0)),
    ],
)
def test_guiders_by_name_are_those_of_diffusers(predictions, name, guider):
    guidance, _ = started(Sampling(guider=name, guidance_scale=6.0))
    guider.set_state(3, 10, torch.tensor(500))
    expected = guider.forward(predictions[FULL], predictions[NO_TEXT]).pred
    combined = guidance.combine({b: predictions[b] for b in (FULL, NO_TEXT)})
    torch.testing.assert_close(combined, expected)


@pytest.mark.parametrize("name", GUIDERS)
def test_every_guider_treats_videos_of_a_batch_apart(predictions, name):
    guidance, _ = started(Sampling(guider=name, image_guidance_scale=2.0))
    together = guidance.combine(predictions)
    for index in range(2):
        alone = guidance.combine({b: p[index : index + 1] for b, p in predictions.items()})
        torch.testing.assert_close(together[index : index + 1], alone)


def test_projected_guidance_adds_nothing_along_the_prediction(predictions):
    guidance, _ = started(Sampling(guider="apg", guidance_scale=6.0))
    full, no_text = predictions[FULL], predictions[NO_TEXT]
    update = guidance.combine({FULL: full, NO_TEXT: no_text}) - no_text
    along = (update * full).flatten(1).sum(1) / (full * full).flatten(1).sum(1)
    assert along.abs().max() < 1e-5
