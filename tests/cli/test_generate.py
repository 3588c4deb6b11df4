import json

import numpy as np
import pytest
from PIL import Image

from skyreels_a2.media.manifest import Manifest
from skyreels_a2.media.videos import probe, read_video


def test_flags_make_a_video_that_knows_how_it_was_made(cli, quick, tmp_path):
    result = cli(*quick, "-o", "out.mp4")
    assert (result.code, result.out) == (0, "out.mp4\n")
    video = read_video(tmp_path / "out.mp4")
    assert str(video.spec) == "32x32, 5 frames at 15 fps"
    manifest = Manifest.read(tmp_path / "out.mp4")
    assert manifest.prompt == "@anna waves"
    assert manifest.seed == 3
    assert [element.role for element in manifest.elements] == ["character", "background"]
    assert manifest.model.fingerprint


def test_a_seed_is_drawn_and_told(cli, quick, tmp_path):
    result = cli(*quick[:-2], "-o", "out.mp4")
    seed = int(result.err.split("seed ")[1].split()[0])
    assert Manifest.read(tmp_path / "out.mp4").seed == seed


def test_several_videos_count_seeds_up_and_match_those_made_alone(cli, quick, tmp_path):
    result = cli(*quick, "--num-videos", "2", "-o", "out.frames")
    assert result.out.split() == ["out-3.frames", "out-4.frames"]
    cli(*quick[:-1], "4", "-o", "alone.frames")
    together, alone = (read_video(tmp_path / f"{n}.frames") for n in ("out-4", "alone"))
    np.testing.assert_array_equal(together.frames, alone.frames)


def test_without_an_output_the_prompt_names_the_file(cli, quick, tmp_path):
    assert cli(*quick).out == "anna-waves-3.mp4\n"
    assert (tmp_path / "anna-waves-3.mp4").is_file()


@pytest.mark.parametrize("name", ["out.webm", "out.gif", "out.webp", "out.frames"])
def test_formats_by_suffix(cli, quick, tmp_path, name):
    assert cli(*quick, "-o", name).code == 0
    info = probe(tmp_path / name)
    assert (info.width, info.height, info.num_frames) == (32, 32, 5)
    assert Manifest.read(tmp_path / name).seed == 3


def test_size_ratio_seconds_and_rate(cli, quick, tmp_path):
    flags = [*quick[:-4], "--seed", "3", "--size", "2:1", "--seconds", "0.5", "--fps", "10"]
    assert cli(*flags, "-o", "out.mp4").code == 0
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height, info.num_frames, info.fps) == (48, 16, 5, 10)


def test_without_a_length_the_models_window_is_sampled(cli, quick):
    result = cli(*quick[:-4], "--seed", "3", "--dry-run")
    assert "9 frames" in result.out
    assert "17 frames = 5 latent frames" in result.out


def test_side_by_side_puts_the_references_beside_the_same_frames(cli, quick, tmp_path):
    cli(*quick, "-o", "plain.frames")
    cli(*quick, "--side-by-side", "-o", "wide.frames")
    plain, wide = (read_video(tmp_path / f"{n}.frames").frames for n in ("plain", "wide"))
    assert wide.shape[2] > plain.shape[2]
    window = wide[:, :, -32:] if np.array_equal(wide[:, :, -32:], plain) else wide[:, :, :32]
    np.testing.assert_array_equal(window, plain)


def test_a_scene_file_is_relative_to_itself_and_flags_go_before_it(cli, model_folder, tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    Image.new("RGB", (40, 40), "red").save(folder / "anna.png")
    (folder / "scene.yaml").write_text(
        "prompt: '@anna waves'\nframes: 9\nseed: 1\nguidance_interval: [0.0, 0.5]\n"
        "elements:\n- {role: character, name: anna, description: a woman, picture: anna.png}\n"
    )
    flags = ["--model", model_folder, "--frames", "5", "-o", "out.mp4"]
    assert cli("generate", "scenes/scene.yaml", *flags).code == 0
    manifest = Manifest.read(tmp_path / "out.mp4")
    assert (manifest.spec.num_frames, manifest.seed) == (5, 1)
    assert manifest.sampling.guidance_interval == (0.0, 0.5)
    assert manifest.elements[0].description == "a woman"


def test_one_name_given_twice_is_one_element_with_two_pictures(cli, quick, pictures):
    result = cli(*quick, "--character", f"anna={pictures[1]}", "--dry-run")
    assert "reference 2" in result.out
    assert result.code == 0


def test_preview_shows_each_reference_and_stops(cli, quick, tmp_path):
    result = cli(*quick, "--preview", "sheet.png")
    assert (result.code, result.out) == (0, "sheet.png\n")
    with Image.open(tmp_path / "sheet.png") as sheet:
        colours = {colour for _, colour in sheet.convert("RGB").getcolors(10**6)}
    assert {(220, 20, 60), (46, 139, 87)} <= colours
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_dry_run_makes_nothing(cli, quick, tmp_path):
    result = cli(*quick, "--dry-run")
    assert result.code == 0
    assert "13 frames = 4 latent frames, of which 2 hold the references" in result.out
    assert list(tmp_path.iterdir()) == []


def test_an_element_the_prompt_never_mentions_is_a_warning(cli, quick, pictures):
    result = cli(*quick, "--object", f"cup={pictures[1]}", "--dry-run")
    assert result.code == 0
    assert "never mentions 'cup'" in result.err


def test_more_references_than_the_weights_saw_is_a_warning_said_once(cli, quick, pictures):
    many = [flag for picture in pictures[:2] for flag in ("--object", picture)]
    result = cli(*quick, *many, "-o", "out.mp4")
    assert result.code == 0
    assert result.err.count("never saw more") == 1


def test_a_cut_prompt_is_a_warning_that_names_what_was_lost(cli, quick):
    flags = [*quick, "-p", "@anna walks " * 400 + "and then falls asleep", "-o", "out.mp4"]
    result = cli(*flags)
    assert result.code == 0
    assert "was cut off" in result.err


@pytest.mark.parametrize(
    "flags",
    [
        ["--scheduler", "euler"],
        ["--scheduler", "dpm++", "--flow-shift", "3"],
        ["--guider", "apg"],
        ["--guider", "cfg-zero-star"],
        ["--image-guidance-scale", "2"],
        ["--guidance-interval", "0.5", "1"],
        ["--guidance-scale", "1"],
        ["--negative-prompt", "blurred"],
        ["--precision", "published"],
    ],
    ids=" ".join,
)
def test_settings_reach_the_video(cli, quick, tmp_path, flags):
    cli(*quick, "-o", "plain.frames")
    assert cli(*quick, *flags, "-o", "set.frames").code == 0
    plain, changed = (read_video(tmp_path / f"{n}.frames").frames for n in ("plain", "set"))
    assert not np.array_equal(plain, changed)


def test_show_prints_the_manifest(cli, quick):
    cli(*quick, "-o", "out.mp4")
    shown = cli("show", "out.mp4")
    assert shown.code == 0
    assert "@anna waves" in shown.out
    assert "torch" in shown.out
    manifest = json.loads(cli("show", "out.mp4", "--json").out)
    assert manifest["seed"] == 3
    assert len(manifest["elements"][0]["pictures"][0]["sha256"]) == 64


def test_rerun_makes_the_same_frames(cli, quick, tmp_path):
    cli(*quick, "--side-by-side", "-o", "out.frames")
    result = cli("rerun", "out.frames", "-o", "again.frames")
    assert result.code == 0
    assert "the same frames" in result.err
    first, again = (read_video(tmp_path / f"{n}.frames").frames for n in ("out", "again"))
    np.testing.assert_array_equal(first, again)


def test_rerun_finds_moved_pictures_by_hash_and_refuses_changed_ones(cli, model_folder, tmp_path):
    picture = tmp_path / "anna.png"
    Image.new("RGB", (40, 40), "red").save(picture)
    flags = ["--model", model_folder, "--character", "anna.png", "-p", "x", "--frames", "5"]
    assert cli("generate", *flags, "-o", "out.mp4").code == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    picture.rename(elsewhere / "renamed.png")
    gone = cli("rerun", "out.mp4")
    assert gone.code == 2
    assert "anna.png is not there" in gone.err
    assert cli("rerun", "out.mp4", "--pictures", elsewhere).code == 0
    Image.new("RGB", (40, 40), "blue").save(picture)
    changed = cli("rerun", "out.mp4", "-o", "new.mp4")
    assert changed.code == 2
    assert "its hash differs" in changed.err
