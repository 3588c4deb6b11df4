"""The counted peak against what torch's allocator really hands out."""

import gc
from functools import partial

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from skyreels_a2 import VideoSpec
from skyreels_a2.errors import ModelError
from skyreels_a2.pipeline import needs
from skyreels_a2.pipeline.configs import build_models, configs_of
from skyreels_a2.pipeline.folders import model_folder
from skyreels_a2.pipeline.presets import ModelDefaults
from skyreels_a2.runtime.choices import Wishes
from skyreels_a2.runtime.convolutions import channels_last
from skyreels_a2.runtime.counting import weight_bytes
from skyreels_a2.runtime.hardware import detect
from skyreels_a2.runtime.memo import RequestMemo
from skyreels_a2.runtime.plan import make_plan

MID = {
    "transformer": {
        "num_attention_heads": 8, "attention_head_dim": 128, "in_channels": 36,
        "out_channels": 16, "text_dim": 64, "freq_dim": 256, "ffn_dim": 4096, "num_layers": 16,
        "image_dim": 64, "added_kv_proj_dim": 1024,
    },
    "vae": {"base_dim": 16, "z_dim": 16},
    "text_encoder": {
        "vocab_size": 500, "d_model": 64, "d_kv": 16, "d_ff": 64, "num_layers": 1, "num_heads": 4,
    },
    "image_encoder": {
        "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "image_size": 224, "patch_size": 14, "hidden_act": "gelu",
    },
}  # fmt: skip
"""About 300 million weights in the transformer."""


def measured(work):
    """Most bytes that torch's allocator had out at once while something ran."""
    gc.collect()  # or what earlier work left behind is freed, and counted, meanwhile
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        result = work()
    now = peak = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    del result
    return peak


@pytest.mark.parametrize("name", ["tiny", "mid"])
def test_predicted_peak_is_within_15_percent_of_the_measured_one(name):
    configs = configs_of(model_folder("a2-tiny")) if name == "tiny" else MID
    spec = VideoSpec(96, 64, 17, 15)
    workload = needs.Workload(spec=spec, num_references=2, num_steps=1)
    counted = needs.needs_of(configs, workload, precision="fp32")
    plan = make_plan(counted, detect("cpu"), Wishes(preset="exact", vae_tiling=False))
    models = build_models(configs, dict.fromkeys(configs, torch.float32))
    channels_last(models["vae"])  # as on every CPU; otherwise oneDNN copies what it works on
    weights = sum(weight_bytes(model) for model in models.values())
    assert name == "tiny" or 280e6 < weight_bytes(models["transformer"]) / 4 < 320e6
    works = {
        "encode": partial(needs._encode, models["vae"], spec),
        "sample": partial(needs._pass, models, spec, 2, 1),
        "decode": partial(needs._decode, models["vae"], spec, 4),
    }
    for phase, work in works.items():
        beside = measured(work)
        assert counted.activations[phase] == pytest.approx(beside, rel=0.15), phase
        assert plan.peaks[phase] == pytest.approx(weights + beside, rel=0.15), phase


def test_kept_keys_and_values_take_what_is_counted():
    configs = configs_of(model_folder("a2-tiny"))
    spec = VideoSpec(96, 64, 17, 15)
    workload = needs.Workload(spec=spec, num_references=2, num_passes=1)
    counted = needs.needs_of(configs, workload, precision="fp32")
    models = build_models(configs, dict.fromkeys(configs, torch.float32))
    memo = RequestMemo(models["transformer"])
    with memo.told("one"), torch.no_grad():
        needs._pass(models, spec, 2, 1)
    assert memo.num_bytes == counted.kept > 0


def test_a_long_video_takes_the_memory_of_one_window_and_the_work_of_all():
    configs = configs_of(model_folder("a2-tiny"))
    at = ModelDefaults.of_folder(model_folder("a2-tiny"))

    def count(frames):
        spec = VideoSpec(64, 64, frames, 10)
        asked = needs.Workload(spec=spec, num_references=2)
        return needs.needs_of(configs, asked, precision="fp32", window=at.num_frames)

    short, long = count(33), count(301)
    assert long.activations["sample"] <= 1.05 * short.activations["sample"]
    assert long.activations["decode"] <= 1.05 * short.activations["decode"]
    assert long.flops["sample"] > 8 * short.flops["sample"]


def test_a_folder_without_configs_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json cannot be read"):
        configs_of(tmp_path)
