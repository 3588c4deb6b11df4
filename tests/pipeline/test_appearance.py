from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skyreels_a2 import Composition, Element, Sampling, SkyReelsA2Pipeline
from skyreels_a2.errors import SamplingError
from skyreels_a2.pipeline.appearance import find_matches, warp
from skyreels_a2.pipeline.engine import Engine
from skyreels_a2.runtime.looks import QUARTERS, Look
from skyreels_a2.runtime.memo import RequestMemo, fuse_self_attention
from skyreels_a2.runtime.parallel import Processes
from skyreels_a2.runtime.stepcache import StepCache
from skyreels_a2.scenes.sources import open_source
from skyreels_a2.training.fidelity.matching import Matcher
from skyreels_a2.training.fidelity.measures import presence
from skyreels_a2.training.fidelity.suite import Suite

SIZE = (4, 6, 8)
"""Latent frames, of which two are references, height and width: tokens are 3×4 a frame."""
PLACES = 2 * 3 * 4
"""Tokens of the references, and of the video."""


def still(tokens):
    """A rotary embedding that turns nothing."""
    return torch.ones(1, tokens, 1, PLACES), torch.zeros(1, tokens, 1, PLACES)


def looking_at(*tokens):
    """Heads, one a quarter, with which each place of a video looks at one token of a reference."""
    looks = []
    for token in tokens:
        look = Look()
        look.key = torch.zeros(1, 2 * PLACES, PLACES)
        look.key[0, :PLACES] = torch.eye(PLACES)
        look.query = 200 * torch.eye(PLACES)[token].expand(1, 2 * PLACES, -1)
        looks.append(look)
    return looks


@settings(deadline=None)
@given(st.lists(st.integers(0, PLACES - 1), min_size=4, max_size=4))
def test_matches_are_the_middles_of_the_tokens_that_heads_look_at(tokens):
    found = find_matches(looking_at(*tokens), still(2 * PLACES), 2, SIZE)
    assert found.shape == (4, 2, 6, 8)
    for token, (row, column) in zip(tokens, QUARTERS, strict=True):
        number, place = divmod(token, 12)
        middle = (place % 4 + 0.5) / 4, (place // 4 + 0.5) / 3
        for value, expected in zip(found, (number, 1.0, *middle), strict=True):
            quarter = value[:, row::2, column::2]
            torch.testing.assert_close(quarter, torch.full_like(quarter, expected))


def test_where_no_head_is_taught_nothing_is_matched():
    found = find_matches(looking_at(0, 1), still(2 * PLACES), 2, SIZE)
    assert found[1, :, 0::2].eq(1).all()
    assert found[1, :, 1::2].eq(0).all()


def test_warped_references_stand_where_matches_say():
    references = torch.randn(16, 2, 6, 8)
    down, across = torch.meshgrid(
        (torch.arange(6) + 0.5) / 6, (torch.arange(8) + 0.5) / 8, indexing="ij"
    )
    which = torch.zeros(3, 6, 8)
    which[:, :, 4:] = 1
    share = torch.ones(3, 6, 8)
    there, mirrored = (
        torch.stack([which, share, x.expand(3, -1, -1), down.expand(3, -1, -1)])
        for x in (across, 1 - across)
    )
    expected = torch.where(which == 0, references[:, :1], references[:, 1:])
    torch.testing.assert_close(warp(references, there), expected)
    expected = torch.where(which == 0, references[:, :1].flip(-1), references[:, 1:].flip(-1))
    torch.testing.assert_close(warp(references, mirrored), expected)


@pytest.fixture
def taught(own_pipeline):
    """A pipeline whose model says that it was taught where to look."""
    own_pipeline.defaults = replace(own_pipeline.defaults, appearance_matching=0.5)
    return own_pipeline


@pytest.mark.parametrize(
    ("role", "strength", "drawn"),
    [
        ("character", 1.0, True),
        ("object", 0.5, True),
        ("object", 1e-9, False),
        ("background", 1.0, False),
    ],
)
def test_subjects_are_drawn_to_their_references_as_far_as_these_count(
    taught, request_of, frames_of, pictures, role, strength, drawn
):
    element = getattr(Element, role)(pictures[0], strength=strength)
    alone = Composition("a bear waves", (element,))
    without, with_it = (
        frames_of(
            taught,
            replace(request_of(steps=6, appearance_matching=matching), composition=alone),
        )
        for matching in (0.0, 1.0)
    )
    assert np.array_equal(with_it, without) is not drawn


@pytest.mark.parametrize("image_scale", [1.0, 2.0])
def test_ways_of_running_give_the_same_video(taught, request_of, frames_of, image_scale):
    asked = request_of(steps=6, appearance_matching=0.5, image_guidance_scale=image_scale)
    exact = frames_of(taught, asked)
    fuse_self_attention(taught.transformer)
    taught.engine = Engine(memo=RequestMemo(taught.transformer), batch_guidance=True)
    assert np.abs(frames_of(taught, asked).astype(int) - exact).max() <= 1


def test_compiled_blocks_are_watched_too(taught, request_of, frames_of):
    asked = request_of(steps=6, appearance_matching=0.5)
    exact, plain = frames_of(taught, asked), frames_of(taught, request_of(steps=6))
    taught.transformer.compile_repeated_blocks()
    assert np.abs(frames_of(taught, asked).astype(int) - exact).max() <= 1
    assert np.abs(frames_of(taught, request_of(steps=6)).astype(int) - plain).max() <= 1


def test_what_one_run_saw_is_gone_for_the_next(taught, request_of, frames_of):
    asked = request_of(steps=6, appearance_matching=0.5)
    exact = frames_of(taught, asked)
    plain = frames_of(taught, request_of())
    frames_of(taught, request_of(appearance_matching=0.5, references=1, seed=4))
    assert np.array_equal(frames_of(taught, asked), exact)
    assert np.array_equal(frames_of(taught, request_of()), plain)


@pytest.mark.parametrize("frames", [9, 29])
def test_steps_that_a_cache_leaves_out_and_windows_are_matched_too(
    taught, request_of, frames_of, frames
):
    taught.engine = Engine(step_cache=StepCache(name="taylor", dial=3))
    videos = [
        frames_of(taught, request_of(frames=frames, steps=6, appearance_matching=strength))
        for strength in (0.0, 0.5)
    ]
    assert videos[1].shape == (frames, 32, 32, 3)
    assert not np.array_equal(*videos)


def test_a_model_that_was_not_taught_is_refused(pipeline, request_of):
    with pytest.raises(SamplingError, match=r"appearance matching is 0\.5: use 0 with this model"):
        pipeline.generate(request_of(appearance_matching=0.5))
    own = Sampling()
    with pytest.raises(SamplingError, match="was not taught where to look"):
        own.updated({"appearance_matching": 0.1})
    assert Sampling(appearance_matching=0.5).updated({"appearance_matching": 0.0}) == own


def test_processes_that_share_a_video_are_refused(taught, request_of):
    taught.engine = Engine(processes=Processes(rank=0, world=None, passes=None, tokens=None))
    with pytest.raises(SamplingError, match=r"--appearance-matching 0"):
        taught.generate(request_of(appearance_matching=0.5))


def test_the_embedded_model_fits_its_references_better_with_it():
    model = SkyReelsA2Pipeline.from_pretrained("a2-tiny", precision="bf16")
    model.set_progress_bar_config(disable=True)
    own = model.defaults
    suite = Suite(open_source("builtin"), count=2, spec=own.spec, sampling=own.sampling)
    fits = {0.0: [], own.appearance_matching: []}
    for case in suite:
        subjects = [target.picture for target in case.targets[:-1]]
        for strength, found in fits.items():
            sampling = replace(case.request.sampling, appearance_matching=strength)
            frames = model.generate(replace(case.request, sampling=sampling)).video.frames
            found.extend(presence(Matcher(subjects)(frames[::2])))
    assert np.mean(fits[own.appearance_matching]) > np.mean(fits[0.0])
