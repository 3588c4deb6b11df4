from dataclasses import replace

import numpy as np
import pytest
import torch

from skyreels_a2 import SkyReelsA2Pipeline
from skyreels_a2.errors import ModelError
from skyreels_a2.pipeline import configs, needs
from skyreels_a2.pipeline.placing import place, set_attention
from skyreels_a2.runtime.choices import Wishes
from skyreels_a2.runtime.hardware import detect
from skyreels_a2.runtime.plan import make_plan

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def counted(model_folder):
    spec = needs.VideoSpec(32, 32, 17, 15)
    workload = needs.Workload(spec=spec, num_references=2, num_steps=2)
    return needs.needs_of(configs.configs_of(model_folder), workload, precision="fp32")


@pytest.mark.parametrize("preset", ["exact", "balanced", "low-memory"])
def test_presets_without_loss_make_the_same_video(
    own_pipeline, counted, request_of, frames_of, preset
):
    exact = frames_of(own_pipeline, request_of())
    place(own_pipeline, make_plan(counted, detect("cpu"), Wishes(preset=preset)), CPU)
    worst = np.abs(frames_of(own_pipeline, request_of()).astype(int) - exact).max()
    assert worst <= 1  # the layout of the kernels may round a value to its neighbour


@pytest.mark.parametrize("placement", ["by-block", "by-block-on-disk"])
def test_blocks_by_turns_make_the_same_video(
    own_pipeline, request_of, frames_of, counted, tmp_path, placement
):
    exact = frames_of(own_pipeline, request_of())
    plan = make_plan(counted, detect("cpu"), Wishes(memo=True))
    place(own_pipeline, replace(plan, placement=placement, fused=False), CPU, disk=tmp_path)
    assert np.abs(frames_of(own_pipeline, request_of()).astype(int) - exact).max() <= 1
    written = list(tmp_path.glob("transformer/*.safetensors"))
    assert bool(written) == placement.endswith("disk")


def test_blocks_that_a_killed_process_left_half_written_are_written_again(
    model_folder, request_of, frames_of, counted, tmp_path
):
    plan = make_plan(counted, detect("cpu"), Wishes())
    plan = replace(plan, placement="by-block-on-disk", fused=False)
    videos = []
    for _ in range(2):
        pipeline = SkyReelsA2Pipeline.from_pretrained(model_folder)
        place(pipeline, plan, CPU, disk=tmp_path)
        videos.append(frames_of(pipeline, request_of()))
        for path in tmp_path.glob("transformer/*.safetensors"):
            path.write_bytes(path.read_bytes()[:50])
    assert np.array_equal(*videos)


def test_fast_differs_and_is_a_video(own_pipeline, counted, request_of, frames_of):
    place(own_pipeline, make_plan(counted, detect("cpu"), Wishes(preset="fast")), CPU)
    assert own_pipeline.engine.step_cache is not None
    assert frames_of(own_pipeline, request_of()).shape == (9, 32, 32, 3)


def test_compiled_blocks_keep_keys_and_are_compiled_once_for_all(
    own_pipeline, counted, request_of, frames_of
):
    torch._dynamo.reset()  # what other tests compiled is not compiled again
    request = request_of()
    request = replace(request, sampling=replace(request.sampling, guidance_scale=1.0))
    exact = frames_of(own_pipeline, request)
    plan = replace(make_plan(counted, detect("cpu"), Wishes(memo=True)), compile=True)
    place(own_pipeline, plan, CPU)
    with torch._dynamo.config.patch(error_on_recompile=True):
        found = frames_of(own_pipeline, request)
    assert len(own_pipeline.transformer.blocks) > 1
    assert np.abs(found.astype(int) - exact).max() <= 1


def test_an_unknown_attention_backend_is_refused(own_pipeline):
    with pytest.raises(ModelError, match="attention backend 'telepathy' cannot be used"):
        set_attention(own_pipeline.transformer, "telepathy")
