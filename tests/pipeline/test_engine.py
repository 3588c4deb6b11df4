from dataclasses import replace

import numpy as np
import pytest

from skyreels_a2.pipeline.engine import Engine
from skyreels_a2.runtime.memo import RequestMemo, fuse_self_attention
from skyreels_a2.runtime.stepcache import StepCache


@pytest.mark.parametrize("scales", [{}, {"image_guidance_scale": 2.0}, {"guidance_scale": 1.0}])
def test_kept_keys_and_values_are_the_same_ones(own_pipeline, request_of, frames_of, scales):
    exact = frames_of(own_pipeline, request_of(**scales))
    own_pipeline.engine = Engine(memo=RequestMemo(own_pipeline.transformer))
    assert np.array_equal(frames_of(own_pipeline, request_of(**scales)), exact)


def test_what_was_kept_for_one_request_is_gone_for_the_next(own_pipeline, request_of, frames_of):
    memo = RequestMemo(own_pipeline.transformer)
    own_pipeline.engine = Engine(memo=memo)
    frames_of(own_pipeline, request_of())
    assert memo.num_bytes == 0
    fewer = request_of(references=1)
    kept = frames_of(own_pipeline, fewer)
    memo.detach()
    own_pipeline.engine = Engine()
    assert np.array_equal(frames_of(own_pipeline, fewer), kept)


def test_a_detached_memo_leaves_the_transformer_as_it_was(own_pipeline, request_of, frames_of):
    exact = frames_of(own_pipeline, request_of())
    RequestMemo(own_pipeline.transformer).detach()
    assert np.array_equal(frames_of(own_pipeline, request_of()), exact)
    RequestMemo(own_pipeline.transformer)


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("merged", [False, True])
def test_lossless_ways_differ_by_one_of_255_at_most(
    own_pipeline, request_of, frames_of, batched, fused, merged
):
    asked = request_of(image_guidance_scale=1.5)
    exact = frames_of(own_pipeline, asked)
    if fused:
        fuse_self_attention(own_pipeline.transformer)
    memo = RequestMemo(own_pipeline.transformer, merge_padding=merged)
    own_pipeline.engine = Engine(memo=memo, batch_guidance=batched)
    worst = np.abs(frames_of(own_pipeline, asked).astype(int) - exact).max()
    assert worst <= 1


@pytest.mark.parametrize("name", ["fbc", "mag", "sea", "taylor"])
def test_step_caches_skip_blocks_and_leave_no_trace(own_pipeline, request_of, frames_of, name):
    asked = request_of(steps=8)
    exact = frames_of(own_pipeline, asked)
    cache = StepCache(name=name, dial={"taylor": 4}.get(name, 5.0), ratios=(1.0,) * 8)
    runs = []
    last = own_pipeline.transformer.blocks[-1].ffn
    counter = last.register_forward_hook(lambda *_: runs.append(1))
    own_pipeline.engine = replace(Engine(), step_cache=cache)
    skipped = frames_of(own_pipeline, asked)
    assert 0 < len(runs) < 16
    counter.remove()
    own_pipeline.engine = Engine()
    assert np.array_equal(frames_of(own_pipeline, asked), exact)
    assert skipped.shape == exact.shape
