import numpy as np
import pytest
import torch

from skyreels_a2 import (
    Composer,
    Composition,
    Element,
    GenerationRequest,
    Sampling,
    SkyReelsA2Pipeline,
    VideoSpec,
)
from skyreels_a2.errors import CompositionError, InputError, SamplingError, SpecError
from skyreels_a2.pipeline.schedulers import make_scheduler
from skyreels_a2.runtime.seeds import generator

ROLES = [
    Element.character,
    Element.object,
    Element.background,
    Element.character,
    Element.object,
]
QUICK = Sampling(num_inference_steps=2, negative_prompt="")


def composition(pictures, count=2, prompt="a bear waves"):
    return Composition(prompt, tuple(ROLES[i](pictures[i]) for i in range(count)))


def request(pictures, *, seed=3, frames=9, **options):
    return GenerationRequest(
        composition(pictures), VideoSpec(32, 32, frames, 15), seed, QUICK, **options
    )


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_any_number_of_references_runs_and_is_cut_off(pipeline, pictures, count, caplog):
    frames = pipeline(composition(pictures, count), num_frames=25, num_inference_steps=1).frames
    assert frames.shape == (1, 25 - 4 * count, 32, 32, 3)
    assert ("never saw more" in caplog.text) == (count > 3)


def test_untrimmed_frames_end_with_the_trimmed_ones(pipeline, pictures):
    kept, cut = (
        pipeline(
            composition(pictures), generator=generator(1), trim_references=trim, output_type="pt"
        ).frames
        for trim in (False, True)
    )
    assert kept.shape[1] == 17
    assert torch.equal(kept[:, 8:], cut)


def test_too_many_references_for_the_frames_are_refused(pipeline, pictures):
    with pytest.raises(CompositionError, match="at least 13 frames"):
        pipeline(composition(pictures, 3), num_frames=9)


@pytest.mark.parametrize(
    ("output_type", "shape"),
    [("latent", (2, 16, 5, 4, 4)), ("pt", (2, 9, 3, 32, 32)), ("np", (2, 9, 32, 32, 3))],
)
def test_output_types(pipeline, pictures, output_type, shape):
    frames = pipeline(
        composition(pictures), num_videos_per_prompt=2, output_type=output_type
    ).frames
    assert frames.shape == shape
    if output_type != "latent":
        assert frames.min() >= 0
        assert frames.max() <= 1


def test_pil_output_and_tuple(pipeline, pictures):
    (videos,) = pipeline(composition(pictures), output_type="pil", return_dict=False)
    assert [picture.size for picture in videos[0]] == [(32, 32)] * 9


def test_an_unknown_output_type_is_refused_before_work(pipeline, pictures):
    with pytest.raises(SamplingError, match="latent, pt, np, pil"):
        pipeline(composition(pictures), output_type="mp4")


@pytest.mark.parametrize("scheduler", ["unipc", "euler-ancestral"])
def test_a_batch_gives_each_video_the_frames_it_has_alone(own_pipeline, pictures, scheduler):
    pipeline = own_pipeline
    pipeline.scheduler = make_scheduler(scheduler, flow_shift=3.0)

    def call(seeds):
        generators = [generator(seed) for seed in seeds]
        return pipeline(
            composition(pictures), num_videos_per_prompt=len(seeds), generator=generators
        ).frames

    together = call([5, 6, 7])
    for index, seed in enumerate([5, 6, 7]):
        np.testing.assert_array_equal(together[index], call([seed])[0])
    assert np.abs(together[0] - together[1]).max() > 0.01


def test_one_generator_for_a_batch_starts_with_the_video_it_makes_alone(pipeline, pictures):
    two = pipeline(composition(pictures), num_videos_per_prompt=2, generator=generator(5)).frames
    one = pipeline(composition(pictures), generator=generator(5)).frames
    np.testing.assert_array_equal(two[0], one[0])
    assert np.abs(two[0] - two[1]).max() > 0.01


def test_given_noise_replaces_the_draw(pipeline, pictures):
    noise = torch.randn(1, 16, 5, 4, 4, generator=generator(9))
    first, second, other = (
        pipeline(composition(pictures), latents=latents, generator=generator(1)).frames
        for latents in (noise, noise, noise + 1)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 0.01


def test_noise_of_a_wrong_shape_is_refused(pipeline, pictures):
    with pytest.raises(SamplingError, match=r"give \(1, 16, 5, 4, 4\)"):
        pipeline(composition(pictures), latents=torch.zeros(1, 16, 4, 4, 4))


@pytest.mark.parametrize("wrong", [{"num_frames": 16}, {"height": 40}, {"guider": "magic"}])
def test_wrong_settings_are_refused(pipeline, pictures, wrong):
    with pytest.raises((SpecError, SamplingError), match="use"):
        pipeline(composition(pictures), **wrong)


def test_the_callback_sees_every_step_and_may_change_the_latents(pipeline, pictures):
    seen = []

    def blank(_, step, timestep, tensors):
        seen.append((step, float(timestep)))
        return {"latents": torch.zeros_like(tensors["latents"])}

    latents = pipeline(
        composition(pictures), output_type="latent", callback_on_step_end=blank
    ).frames
    assert [step for step, _ in seen] == [0, 1]
    assert seen[0][1] > seen[1][1]
    assert latents.eq(0).all()


def test_every_branch_reaches_the_video(pipeline, pictures):
    """Prompt, references, their order and their role: each changes what comes out."""

    def call(composed):
        return pipeline(composed, generator=generator(1), output_type="latent").frames

    base = call(composition(pictures))
    a, b = composition(pictures).elements
    others = [
        composition(pictures, prompt="an astronaut sleeps"),
        Composition("a bear waves", (b, a)),
        Composition("a bear waves", (a, Element.background(pictures[1]))),
        composition(pictures, count=3),
    ]
    for other in others:
        assert (call(other) - base).abs().max() > 1e-5


def test_image_guidance_changes_the_video_and_one_is_the_published_way(pipeline, pictures):
    def call(scale):
        return pipeline(
            composition(pictures), generator=generator(1), image_guidance_scale=scale
        ).frames

    assert np.abs(call(2.5) - call(1.0)).max() > 1e-3


def test_without_a_text_encoder_embeddings_do(pipeline, pictures, expected):
    parts = {**pipeline.components, "text_encoder": None, "tokenizer": None}
    bare = SkyReelsA2Pipeline(**parts, defaults=pipeline.defaults.as_mapping())
    with pytest.raises(SamplingError, match="give prompt_embeds"):
        bare(composition(pictures))
    embeds = {key: expected[key] for key in ("prompt_embeds", "negative_prompt_embeds")}
    assert bare(composition(pictures), **embeds).frames.shape == (1, 9, 32, 32, 3)


def test_it_is_a_composer_and_delivers_what_was_asked(pipeline, pictures):
    assert isinstance(pipeline, Composer)
    asked = request(pictures, frames=13)
    generation = pipeline.generate(asked)
    assert generation.request is asked
    assert generation.video.spec == asked.spec
    assert generation.video.frames.shape == (13, 32, 32, 3)
    assert generation.video.frames.dtype == np.uint8


def test_generate_makes_the_frames_of_the_call(pipeline, pictures):
    asked = request(pictures)
    called = pipeline(
        asked.composition,
        num_frames=asked.sampled_spec.num_frames,
        num_inference_steps=2,
        negative_prompt="",
        generator=generator(asked.seed),
    ).frames[0]
    np.testing.assert_array_equal(
        pipeline.generate(asked).video.frames, (called * 255).round().astype(np.uint8)
    )


def test_generate_may_keep_the_reference_frames(pipeline, pictures):
    trimmed = pipeline.generate(request(pictures)).video.frames
    whole = pipeline.generate(request(pictures, trim_references=False)).video.frames
    assert len(whole) == 17
    np.testing.assert_array_equal(whole[8:], trimmed)


def test_streaming_tells_progress_and_hands_on_in_pieces(pipeline, pictures):
    told = []
    chunks = list(pipeline.stream(request(pictures), on_progress=lambda *a: told.append(a)))
    assert [len(chunk) for chunk in chunks] == [1, 4, 4]
    assert [t for t in told if t[0] == "sample"] == [("sample", 1, 2), ("sample", 2, 2)]
    assert told[-1] == ("decode", 17, 17)


def test_saving_and_loading_gives_the_same_video(pipeline, model_folder, pictures):
    again = SkyReelsA2Pipeline.from_pretrained(model_folder)
    assert again.defaults == pipeline.defaults
    np.testing.assert_array_equal(
        again.generate(request(pictures)).video.frames,
        pipeline.generate(request(pictures)).video.frames,
    )


def test_model_offload_changes_nothing(pipeline, own_pipeline, pictures):
    """But for rounding: loaded weights lie unaligned in memory, offload's copies do not."""
    own_pipeline.enable_model_cpu_offload(device="cpu")
    for _ in range(2):
        made = own_pipeline.generate(request(pictures)).video.frames.astype(int)
        usual = pipeline.generate(request(pictures)).video.frames
        assert np.abs(made - usual).max() <= 1


def test_nonsense_pictures_are_refused(pipeline, tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InputError, match=r"a\.png"):
        pipeline(Composition("x", (Element.object(tmp_path / "a.png"),)))
