import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skyreels_a2 import SkyReelsA2Pipeline
from skyreels_a2.media.videos import read_video, save_video
from skyreels_a2.training.cache import CachedExamples
from skyreels_a2.video import Video, VideoSpec

QUICK = ("loop.steps=2", "loop.batch_size=2", "loop.micro_batch=2", "optim.warmup_steps=0")


@pytest.fixture
def train(cli, model_folder, monkeypatch):
    # One video a validation is enough to see that videos are made.
    monkeypatch.setattr("skyreels_a2.training.setup.NUM_SAMPLES", 1)

    def call(recipe, data, *flags):
        settings = [flag for setting in QUICK for flag in ("--set", setting)]
        return cli("train", recipe, "--data", data, "--model", model_folder, *settings, *flags)

    return call


@pytest.fixture
def cached(cli, model_folder):
    def call(*flags):
        return cli("cache", "--model", model_folder, "-o", "cache", "--count", "3", *flags)

    return call


def test_without_a_recipe_all_are_listed(cli):
    result = cli("train")
    assert result.code == 0
    for name in ("paper", "lora", "full", "vae", "decoder", "dual-encoder"):
        assert name in result.out


def test_examples_are_cached_once(cached, tmp_path):
    first = cached()
    assert (first.code, first.out) == (0, "cache\n")
    assert "3 examples encoded now" in first.err
    assert "0 examples encoded now" in cached().err
    settings = json.loads((tmp_path / "cache/settings.json").read_text())
    assert settings["data"] == "scenes:builtin"


def test_a_cache_in_bfloat16_is_nearly_that_in_single_precision(
    cached, cli, model_folder, tmp_path
):
    cached()
    halved = ("cache", "--model", model_folder, "--count", "3", "--precision", "bf16", "-o")
    assert "cache of other settings" in cli(*halved, "cache").err
    assert cli(*halved, "halved").code == 0
    whole, rough = (CachedExamples(tmp_path / name).example(0) for name in ("cache", "halved"))
    apart = (whole.latent_mean - rough.latent_mean).abs().mean()
    assert 0 < apart < 0.05 * whole.latent_mean.abs().mean()


@pytest.mark.parametrize("recipe", ["paper", "full"])
def test_a_trained_model_generates(cli, cached, train, quick, recipe, tmp_path):
    cached()
    result = train(recipe, "cache", "-o", "run", "--set", "optim.lr=0.01")
    assert (result.code, result.out) == (0, "run/model\n")
    assert len((tmp_path / "run/log.jsonl").read_text().splitlines()) == 2
    cli(*quick, "-o", "before.frames")
    assert cli(*quick, "--model", "run/model", "-o", "after.frames").code == 0
    before, after = (read_video(tmp_path / f"{n}.frames").frames for n in ("before", "after"))
    assert not np.array_equal(before, after)


def test_paper_leaves_the_base_as_it_was(cached, train, model_folder, tmp_path):
    cached()
    train("paper", "cache", "-o", "run", "--set", "optim.lr=0.01")
    old, new = (
        SkyReelsA2Pipeline.from_pretrained(folder).transformer.state_dict()
        for folder in (model_folder, tmp_path / "run/model")
    )
    changed = {name for name in old if not (old[name] == new[name]).all()}
    assert "patch_embedding.weight" in changed
    assert any("add_k_proj" in name for name in changed)
    assert not any("attn1" in name or "ffn" in name for name in changed)


def test_a_lora_is_a_file_for_generate(cli, cached, train, quick, tmp_path):
    cached()
    result = train("lora", "cache", "-o", "run", "--lora-rank", "2", "--set", "optim.lr=0.1")
    assert result.code == 0
    file = result.out.strip()
    assert file.endswith("pytorch_lora_weights.safetensors")
    cli(*quick, "-o", "before.frames")
    assert cli(*quick, "--lora", f"{file}=1.0", "-o", "after.frames").code == 0
    before, after = (read_video(tmp_path / f"{n}.frames").frames for n in ("before", "after"))
    assert not np.array_equal(before, after)


def test_a_vae_is_trained_on_scenes(cli, train, quick):
    result = train("vae", "scenes:builtin", "-o", "run", "--set", "loop.batch_size=1")
    assert (result.code, result.out) == (0, "run/model\n")
    assert cli(*quick, "--model", "run/model", "-o", "out.mp4").code == 0


def test_a_lesson_for_the_decoder_leaves_the_latents(train, model_folder, tmp_path):
    settings = ("optim.lr=0.01", "loop.batch_size=1", "vae.decoder_only=true")
    flags = (flag for setting in settings for flag in ("--set", setting))
    result = train("vae", "scenes:builtin", "-o", "run", *flags)
    assert result.code == 0, result.err
    old, new = (
        SkyReelsA2Pipeline.from_pretrained(folder).vae.state_dict()
        for folder in (model_folder, tmp_path / "run/model")
    )
    changed = {name.split(".")[0] for name in old if not (old[name] == new[name]).all()}
    assert changed == {"decoder", "post_quant_conv"}


def test_a_decoder_is_shown_what_the_transformer_makes(
    cli, cached, train, quick, model_folder, tmp_path
):
    cached()
    result = train("decoder", "cache", "-o", "run", "--set", "loop.batch_size=2")
    assert (result.code, result.out) == (0, "run/model\n"), result.err
    old, new = (
        SkyReelsA2Pipeline.from_pretrained(folder).vae.state_dict()
        for folder in (model_folder, tmp_path / "run/model")
    )
    changed = {name.split(".")[0] for name in old if not (old[name] == new[name]).all()}
    assert changed == {"decoder", "post_quant_conv"}
    assert cli(*quick, "--model", "run/model", "-o", "out.mp4").code == 0


def test_a_dual_encoder_is_trained_on_scenes(cli, train, quick, tmp_path):
    result = train("dual-encoder", "scenes:builtin", "-o", "run")
    assert (result.code, result.out) == (0, "run/model\n")
    assert (tmp_path / "run/model/dual_encoder").is_dir()
    assert cli(*quick, "--model", "run/model", "-o", "out.mp4").code == 0


@pytest.mark.parametrize(
    ("recipe", "data", "flags", "words"),
    [
        ("magic", "scenes:builtin", (), "paper, lora, full, vae"),
        ("full", "nowhere", (), "scenes:SOURCE"),
        ("full", "scenes:magic", (), "builtin"),
        ("vae", "nowhere", (), "trains on scenes"),
        ("dual-encoder", "nowhere", (), "trains on scenes"),
        ("full", "scenes:builtin", ("--set", "lr=1"), "optim.lr"),
        ("lora", "scenes:builtin", ("--lora-rank", "0"), "use 1 or more"),
    ],
)
def test_wrong_wishes_are_refused(train, recipe, data, flags, words):
    result = train(recipe, data, *flags)
    assert result.code == 2, result.err
    assert words in result.err


@pytest.fixture
def wide_and_tall(tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    Image.new("RGB", (40, 40), "red").save(folder / "anna.png")
    element = {"role": "character", "pictures": ["anna.png"], "name": "anna"}
    rows = []
    for number, (width, height) in enumerate([(64, 32), (32, 64)] * 2):
        spec = VideoSpec(width, height, 9, 10)
        frames = np.full((9, height, width, 3), 60 * number, np.uint8)
        save_video(Video(frames, spec), folder / f"{number}.mp4")
        rows.append({"video": f"{number}.mp4", "prompt": "@anna waves", "elements": [element]})
    (folder / "triplets.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_wide_and_tall_videos_train_together(cli, train, model_folder, wide_and_tall, tmp_path):
    buckets = ["--bucket", "64x32x9", "--bucket", "32x64x9"]
    made = cli("cache", "--model", model_folder, "--data", wide_and_tall, "-o", "cache", *buckets)
    assert made.code == 0, made.err
    shapes = CachedExamples(tmp_path / "cache").shapes()
    assert [shape[-2:] for shape in shapes] == [(4, 8), (8, 4)] * 2
    for data in ("cache", wide_and_tall):
        told = train("full", data, "-o", f"run-{Path(data).name}", *buckets)
        assert told.code == 0, told.err
        log = (tmp_path / f"run-{Path(data).name}/log.jsonl").read_text().splitlines()
        assert all(np.isfinite(json.loads(line)["loss"]) for line in log)
