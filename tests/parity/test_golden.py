"""The released pipeline's tensors on tiny weights are reproduced."""

import pytest
import torch

from skyreels_a2 import Composition, Element, VideoSpec

ELEMENTS = {
    "character": lambda folder: Element.character(folder / "ref0.png"),
    "object": lambda folder: Element.object(folder / "ref1.png"),
    "background": lambda folder: Element.background(folder / "ref2.png"),
}


@pytest.fixture(params=["2", "3"])
def case(request, golden, golden_meta):
    roles = golden_meta["cases"][request.param]["roles"]
    elements = tuple(ELEMENTS[role](golden) for role in roles)
    return request.param, Composition("given as embeddings", elements)


@pytest.fixture
def settings(golden_meta, expected):
    names = ("height", "width", "num_frames", "num_inference_steps", "guidance_scale")
    embeds = {key: expected[key] for key in ("prompt_embeds", "negative_prompt_embeds")}
    return {name: golden_meta[name] for name in names} | embeds


def seed(golden_meta, name, kind):
    return torch.Generator().manual_seed(golden_meta["cases"][name][f"{kind}_generator_seed"])


def spec(golden_meta):
    return VideoSpec(golden_meta["width"], golden_meta["height"], golden_meta["num_frames"], 15)


def test_image_tokens(case, pipeline, expected, golden_meta):
    name, composition = case
    encoded = pipeline.conditioner().references(composition.references, spec(golden_meta))
    torch.testing.assert_close(
        encoded.image_embeds, expected[f"{name}.image_embeds"], atol=1e-5, rtol=0
    )


def test_condition(case, pipeline, expected, golden_meta):
    name, composition = case
    conditioner = pipeline.conditioner()
    encoded = conditioner.references(composition.references, spec(golden_meta))
    condition = conditioner.condition(encoded, seed(golden_meta, name, "latents_given"))
    torch.testing.assert_close(condition, expected[f"{name}.condition"], atol=1e-5, rtol=0)


def test_latents_with_given_noise(case, pipeline, expected, golden_meta, settings):
    name, composition = case
    result = pipeline(
        composition,
        latents=expected[f"{name}.initial_latents"],
        generator=seed(golden_meta, name, "latents_given"),
        output_type="latent",
        **settings,
    )
    torch.testing.assert_close(result.frames, expected[f"{name}.final_latents"], atol=1e-4, rtol=0)


def test_frames_of_the_wholly_seeded_path(case, pipeline, expected, golden_meta, settings):
    name, composition = case
    result = pipeline(
        composition,
        generator=seed(golden_meta, name, "noise_drawn"),
        output_type="pt",
        trim_references=False,
        **settings,
    )
    frames = (result.frames * 255).round().int()
    assert (frames - expected[f"{name}.frames_uint8"].int()).abs().max() <= 1
