"""The flags of speed and memory on `generate`, as a user gives them."""

import time

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model_state_dict
from PIL import Image

from skyreels_a2 import SkyReelsA2Pipeline
from skyreels_a2.media.manifest import Manifest


def frames_in(folder):
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])


def test_presets_say_in_the_file_how_the_video_was_made_and_rerun_follows(cli, quick, tmp_path):
    assert cli(*quick, "--steps", "3", "--fast", "-o", "fast.mp4").code == 0
    assert Manifest.read(tmp_path / "fast.mp4").model.step_cache == "fbc"
    outcome = cli("rerun", tmp_path / "fast.mp4")
    assert outcome.code == 0
    assert "the same frames" in outcome.err


@pytest.fixture
def distilled(model_folder, tmp_path):
    """A LoRA file, as somebody who distilled the model would hand it on."""
    transformer = SkyReelsA2Pipeline.from_pretrained(model_folder).transformer
    torch.manual_seed(1)
    config = LoraConfig(r=4, target_modules=["to_q", "to_v"], init_lora_weights=False)
    transformer.add_adapter(config)
    layers = get_peft_model_state_dict(transformer)
    SkyReelsA2Pipeline.save_lora_weights(tmp_path / "lora", transformer_lora_layers=layers)
    return tmp_path / "lora/pytorch_lora_weights.safetensors"


def test_a_distilled_lora_brings_few_steps_without_guidance(cli, quick, distilled, tmp_path):
    assert cli(*quick, "--distilled", distilled, "-o", "few.mp4").code == 0
    made = Manifest.read(tmp_path / "few.mp4")
    sampling = made.sampling
    assert (sampling.num_inference_steps, sampling.guidance_scale) == (4, 1.0)
    assert (sampling.scheduler, sampling.flow_shift) == ("euler", 5.0)
    assert made.model.loras == (str(distilled),)
    # What is said goes before.
    assert cli(*quick, "--distilled", distilled, "--steps", "2", "-o", "two.mp4").code == 0
    assert Manifest.read(tmp_path / "two.mp4").sampling.num_inference_steps == 2


def test_states_and_previews_lie_beside_the_output(cli, quick, tmp_path):
    flags = ["--steps", "4", "--checkpoint-every", "2", "--preview-every", "2"]
    assert cli(*quick, *flags, "-o", "a.frames").code == 0
    assert not (tmp_path / "a.frames.state").exists()
    assert Image.open(tmp_path / "a.frames.preview.png").width > 100
    assert cli(*quick, "--steps", "4", "-o", "b.frames").code == 0
    assert np.array_equal(frames_in(tmp_path / "a.frames"), frames_in(tmp_path / "b.frames"))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_goes_on(cli, start, torchrun, quick, tmp_path, processes):
    plain = [*quick, "--steps", "30", "--device", "cpu"]
    asked = [*plain, "--checkpoint-every", "1", "-o", "long.frames"]
    process = start(*asked)
    state = tmp_path / "long.frames.state"
    limit = time.monotonic() + 240
    while not state.exists() and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert state.exists()
    again = cli(*asked) if processes == 1 else torchrun(*asked)
    assert again.code == 0, again.err
    assert "going on from step" in again.err
    assert not state.exists()
    assert cli(*plain, "-o", "whole.frames").code == 0
    found, whole = (frames_in(tmp_path / f"{name}.frames") for name in ("long", "whole"))
    assert np.abs(found.astype(int) - whole).max() <= 1


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--fast", "--checkpoint-every", "2"], "cannot keep what the step cache"),
        (["--step-cache", "tea"], "step cache 'tea' is unknown"),
        (["--step-cache", "mag"], "calibrate"),
        (["--exact", "--step-cache", "fbc"], "exclude each other"),
        (["--preview-every", "0"], "use 1 or more"),
        (["--ray", "2"], "give --batch with it"),
        (["--placement", "by-block", "--device", "cpu"], "there is none here"),
        (["--attention", "telepathy"], "cannot be used here"),
        (["--exact", "--half-vae"], "exclude each other"),
        (["--storage", "gguf"], "give --transformer FILE.gguf"),
        (["--transformer", "x.pt"], "use a .gguf or .safetensors file"),
        (["--transformer", "x.gguf", "--storage", "int8"], "leave --storage away"),
        (["--fuse", "--storage", "fp8"], "joins plain matrices"),
        (["--parallel", "ulysses=2"], "there are 1 processes"),
        (["--parallel", "heads=2"], "use guidance=N"),
    ],
)
def test_wrong_combinations_are_refused(cli, quick, flags, reason):
    outcome = cli(*quick, *flags, "-o", "x.mp4")
    assert outcome.code == 2
    assert reason in outcome.err


def test_a_packed_transformer_makes_a_video_and_rerun_finds_it(cli, quick, model_folder, tmp_path):
    pytest.importorskip("gguf", reason="the extra quantize is not installed")
    assert cli("pack", model_folder, "small.gguf").code == 0
    assert cli("pack", model_folder, "small.gguf").code == 2
    assert cli(*quick, "--transformer", "small.gguf", "-o", "packed.mp4").code == 0
    record = Manifest.read(tmp_path / "packed.mp4").model
    assert (record.storage, record.transformer) == ("gguf", "small.gguf")
    outcome = cli("rerun", tmp_path / "packed.mp4")
    assert outcome.code == 0, outcome.err
    assert "the same frames" in outcome.err


def test_every_choice_can_be_set_by_hand(cli, quick, tmp_path):
    flags = [
        *("--half-vae", "--no-batch-guidance", "--no-keep-kv", "--no-fuse", "--no-compile"),
        *(
            "--vae-tiling",
            "--parallel",
            "guidance=1",
            "--attention",
            "native",
            "--precision",
            "bf16",
        ),
    ]
    assert cli(*quick, "--fast", "--step-cache", "none", *flags, "-o", "set.mp4").code == 0
    record = Manifest.read(tmp_path / "set.mp4").model
    assert (record.step_cache, record.half_vae, record.precision) == (None, True, "bf16")
    outcome = cli("rerun", tmp_path / "set.mp4")
    assert outcome.code == 0, outcome.err


def test_calibrating_opens_the_mag_cache(cli, quick, model_folder, pictures, tmp_path):
    scene = tmp_path / "scene.yaml"
    scene.write_text(
        f"prompt: a bear\nframes: 5\nelements:\n  - {{role: character, picture: {pictures[0]}}}\n"
    )
    asked = ["calibrate", scene, "--model", model_folder, "--steps", "3"]
    outcome = cli(*asked)
    assert outcome.code == 0, outcome.err
    assert "mag:0.06" in outcome.out
    assert "dB" in outcome.out
    assert cli(*quick, "--step-cache", "mag", "-o", "mag.mp4").code == 0


def test_thirty_seconds_come_out(cli, quick, tmp_path):
    asked = [flag for flag in quick if flag not in ("--frames", "5")]
    assert cli(*asked, "--seconds", "30", "--steps", "1", "-o", "long.frames").code == 0
    assert len(list((tmp_path / "long.frames").glob("*.png"))) == 449
