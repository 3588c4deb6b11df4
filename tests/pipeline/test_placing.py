from dataclasses import replace

import numpy as np
import pytest
import torch

from skyreels_a2.errors import ModelError
from skyreels_a2.pipeline import needs
from skyreels_a2.pipeline.placing import place, set_attention
from skyreels_a2.runtime.hardware import detect
from skyreels_a2.runtime.plan import Wishes, make_plan

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def counted(model_folder):
    spec = needs.VideoSpec(32, 32, 17, 15)
    workload = needs.Workload(spec=spec, num_references=2, num_steps=2)
    return needs.needs_of(needs.configs_of(model_folder), workload, precision="fp32")


@pytest.mark.parametrize("preset", ["exact", "balanced", "low-memory"])
def test_presets_without_loss_make_the_same_video(
    own_pipeline, counted, request_of, frames_of, preset
):
    exact = frames_of(own_pipeline, request_of())
    place(own_pipeline, make_plan(counted, detect("cpu"), Wishes(preset=preset)), CPU)
    worst = np.abs(frames_of(own_pipeline, request_of()).astype(int) - exact).max()
    assert worst <= 1  # the layout of the kernels may round a value to its neighbour


def test_blocks_by_turns_make_the_same_video(own_pipeline, request_of, frames_of, counted):
    exact = frames_of(own_pipeline, request_of())
    plan = make_plan(counted, detect("cpu"), Wishes(memo=True))
    place(own_pipeline, replace(plan, placement="by-block", fused=False), CPU)
    assert np.abs(frames_of(own_pipeline, request_of()).astype(int) - exact).max() <= 1


def test_fast_differs_and_is_a_video(own_pipeline, counted, request_of, frames_of):
    place(own_pipeline, make_plan(counted, detect("cpu"), Wishes(preset="fast")), CPU)
    assert own_pipeline.engine.step_cache is not None
    assert frames_of(own_pipeline, request_of()).shape == (9, 32, 32, 3)


def test_an_unknown_attention_backend_is_refused(own_pipeline):
    with pytest.raises(ModelError, match="attention backend 'telepathy' cannot be used"):
        set_attention(own_pipeline.transformer, "telepathy")
