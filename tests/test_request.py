import pytest

from skyreels_a2 import (
    Composer,
    Composition,
    Element,
    Generation,
    GenerationRequest,
    Sampling,
    VideoSpec,
)
from skyreels_a2.errors import InputError, SamplingError, SkyReelsA2Error
from skyreels_a2.request import MAX_SEED

SCENE = Composition("x", (Element.character(["a.png", "b.png"]), Element.background("c.png")))
SPEC = VideoSpec(32, 32, 69, 15)


def test_the_defaults_are_the_published_ones():
    sampling = Sampling()
    assert (sampling.num_inference_steps, sampling.guidance_scale) == (50, 5.0)
    assert (sampling.scheduler, sampling.guider) == ("unipc", "cfg")


def test_only_what_is_said_is_updated():
    own = Sampling(num_inference_steps=7, scheduler="euler")
    updated = own.updated({"scheduler": None, "guidance_scale": 0.0})
    assert (updated.num_inference_steps, updated.scheduler) == (7, "euler")
    assert updated.guidance_scale == 0


def test_passes_are_counted_by_what_is_guided():
    scales = [(1.0, 1.0), (2.0, 1.0), (1.0, 2.0), (3.0, 2.0)]
    assert [
        Sampling(guidance_scale=text, image_guidance_scale=images).num_passes
        for text, images in scales
    ] == [1, 2, 3, 3]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_inference_steps": -1}, "steps is -1"),
        ({"num_inference_steps": 0}, "steps is 0: use at least 1"),
        ({"guidance_scale": -1.0}, "guidance scale is -1.0: use a number, 0 or above"),
        ({"image_guidance_scale": float("nan")}, "image guidance scale is nan"),
        ({"guider": "magic"}, "cfg, cfg-zero-star, apg"),
        ({"scheduler": "magic"}, "unipc, euler, euler-ancestral, dpm"),
        ({"guidance_interval": (0.5, 0.5)}, "two rising fractions"),
        ({"guidance_interval": (0.5, 1.5)}, "two rising fractions"),
        ({"guidance_interval": (-0.1, 1.0)}, "two rising fractions"),
        ({"guidance_interval": (float("nan"), 1.0)}, "two rising fractions"),
        ({"appearance_matching": 1.1}, r"appearance matching is 1\.1: use a number from 0 to 1"),
        ({"appearance_matching": float("nan")}, "appearance matching is nan"),
        ({"flow_shift": 0.0}, "flow shift is 0.0: use above 0"),
        ({"flow_shift": float("inf")}, "flow shift is inf"),
    ],
)
def test_settings_out_of_range_say_what_is_allowed(wrong, message):
    with pytest.raises(SamplingError, match=message):
        Sampling(**wrong)


def test_the_ends_of_every_range_are_allowed():
    Sampling(num_inference_steps=1, guidance_scale=0.0, image_guidance_scale=0.0)
    Sampling(guidance_interval=(0.0, 1e-3), flow_shift=1e-3)
    Sampling(appearance_matching=1.0)
    for seed in (0, MAX_SEED):
        assert GenerationRequest(SCENE, SPEC, seed).seed == seed


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_a_seed_has_a_range(seed):
    with pytest.raises(SamplingError, match=f"seed is {seed}"):
        GenerationRequest(SCENE, SPEC, seed)


def test_references_are_sampled_on_top_and_cut_off():
    request = GenerationRequest(SCENE, SPEC, 0)
    assert request.sampled_spec.num_frames == 81
    assert request.delivered_spec == SPEC


def test_untrimmed_requests_deliver_them():
    request = GenerationRequest(SCENE, SPEC, 0, trim_references=False)
    assert request.delivered_spec == request.sampled_spec


def test_whatever_generates_is_a_composer():
    class Double:
        def generate(self, request: GenerationRequest) -> Generation:
            raise NotImplementedError

    assert isinstance(Double(), Composer)
    assert not isinstance(object(), Composer)


def test_errors_of_input_are_one_tree_and_exit_with_2():
    assert issubclass(SamplingError, InputError)
    assert issubclass(InputError, SkyReelsA2Error)
    assert issubclass(InputError, ValueError)
    assert (InputError.exit_code, SkyReelsA2Error.exit_code) == (2, 1)
