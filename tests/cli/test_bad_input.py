"""Bad input: one clear line, exit code 2, nothing written, nothing lost."""

import shutil

import numpy as np
import pytest
from PIL import Image


def save_noise(path, size=(64, 64)):
    noise = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


@pytest.fixture
def refused(cli, tmp_path):
    """Check that a command line is refused; gives its one line."""

    def call(*arguments):
        before = sorted(path.name for path in tmp_path.rglob("*"))
        result = cli(*arguments)
        lines = [line for line in result.err.splitlines() if not line.startswith("seed ")]
        assert result.code == 2, result.err
        assert len(lines) == 1, result.err
        assert lines[0].startswith("error: ")
        assert result.out == ""
        assert sorted(path.name for path in tmp_path.rglob("*")) == before
        return lines[0]

    return call


@pytest.fixture
def with_picture(refused, model_folder):
    def call(name):
        flags = ["--model", model_folder, "-p", "it waves", "-o", "out.mp4"]
        return refused("generate", "--character", name, *flags)

    return call


def test_missing_file_names_the_nearest(with_picture, tmp_path):
    save_noise(tmp_path / "anna.png")
    line = with_picture("ana.png")
    assert "ana.png" in line
    assert "anna.png" in line


def test_folder(with_picture, tmp_path):
    (tmp_path / "anna").mkdir()
    assert "folder" in with_picture("anna")


def test_empty_file(with_picture, tmp_path):
    (tmp_path / "anna.png").touch()
    assert "empty" in with_picture("anna.png")


def test_text_renamed_to_png(with_picture, tmp_path):
    (tmp_path / "anna.png").write_text("this is no picture")
    assert "anna.png" in with_picture("anna.png")


def test_truncated_jpeg(with_picture, tmp_path):
    save_noise(tmp_path / "anna.jpg")
    content = (tmp_path / "anna.jpg").read_bytes()
    (tmp_path / "anna.jpg").write_bytes(content[: len(content) // 2])
    assert "truncated" in with_picture("anna.jpg")


def test_decompression_bomb(with_picture, tmp_path):
    Image.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    assert "100,000,000" in with_picture("bomb.png")


def test_one_pixel(with_picture, tmp_path):
    save_noise(tmp_path / "dot.png", (1, 1))
    assert "1x1" in with_picture("dot.png")


def test_extreme_aspect(with_picture, tmp_path):
    save_noise(tmp_path / "line.png", (20, 2000))
    assert "20" in with_picture("line.png")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["-p", " "], ["prompt is empty"]),
        (["-p", "@ana waves"], ["@ana", "did you mean @anna"]),
        (["--frames", "6"], ["5 or 9"]),
        (["--frames", "0"], ["4k+1"]),
        (["--size", "40x32"], ["width is 40", "32 or 48"]),
        (["--size", "32x30"], ["height is 30", "16 or 32"]),
        (["--size", "big"], ["832x480"]),
        (["--seconds", "2", "--frames", "5"], ["give one"]),
        (["--fps", "0"], ["above 0"]),
        (["--seed", "-1"], ["seed is -1"]),
        (["--steps", "0"], ["steps is 0"]),
        (["--num-videos", "0"], ["num_videos"]),
        (["--guidance-scale", "nan"], ["guidance_scale"]),
        (["--guidance-interval", "0.8", "0.2"], ["rising"]),
        (["--guider", "magic"], ["cfg-zero-star"]),
        (["--scheduler", "magic"], ["dpm++"]),
        (["--flow-shift", "0"], ["flow shift is 0"]),
        (["--precision", "int3"], ["published"]),
        (["--model", "a2-tny"], ["a2-tiny"]),
        (["--lora", "gone.safetensors"], ["gone.safetensors does not exist"]),
        (["--device", "quantum"], ["quantum"]),
        (["-o", "out.docx"], [".docx", ".mp4"]),
        (["--preview", "out.docx"], [".png"]),
        (["-o", "/proc/nowhere/out.mp4"], ["/proc/nowhere"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_flags(refused, quick, flags, words):
    line = refused(*quick, *([] if "-o" in flags else ["-o", "out.mp4"]), *flags)
    for word in words:
        assert word in line


def test_seconds_that_are_none(refused, quick):
    flags = [flag for flag in quick if flag not in ("--frames", "5")]
    assert "above 0" in refused(*flags, "--seconds", "-1")


def test_no_element(refused):
    assert "no element was given" in refused("generate", "-p", "x")


def test_more_references_than_the_models_window_holds(refused, model_folder, pictures):
    many = [flag for _ in range(5) for flag in ("--object", pictures[0])]
    line = refused("generate", "--model", model_folder, "-p", "x", *many)
    assert "--frames" in line


def test_an_existing_output_is_kept_unless_told_otherwise(cli, quick, tmp_path):
    (tmp_path / "out.mp4").write_text("precious")
    result = cli(*quick, "-o", "out.mp4")
    assert result.code == 2
    assert "--overwrite" in result.err
    assert (tmp_path / "out.mp4").read_text() == "precious"
    assert cli(*quick, "-o", "out.mp4", "--overwrite").code == 0
    assert (tmp_path / "out.mp4").stat().st_size > 500


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("prompt: [", ["no YAML"]),
        ("- a\n- b", ["expected keys"]),
        ("prompt: x\ncolour: red", ["unknown key 'colour'", "elements"]),
        ("prompt: x\nelements: [{role: villain, picture: a.png}]", ["elements.0.role"]),
        ("prompt: x\nelements: [{role: object}]", ["picture or pictures"]),
        ("prompt: x\nframes: many", ["frames"]),
        ("prompt: x\nelements: [{role: object, picture: a.png, strength: 2}]", ["(0, 1]"]),
    ],
)
def test_wrong_scene_files(refused, tmp_path, content, words):
    (tmp_path / "scene.yaml").write_text(content)
    line = refused("generate", "scene.yaml")
    for word in words:
        assert word in line


def test_a_missing_scene_file(refused):
    assert "scene.yaml" in refused("generate", "scene.yaml")


def test_a_model_with_a_missing_component(refused, quick, model_folder, tmp_path):
    shutil.copytree(model_folder, tmp_path / "model")
    shutil.rmtree(tmp_path / "model/vae")
    assert "'vae'" in refused(*quick, "--model", "model", "-o", "out.mp4")


@pytest.mark.parametrize("verb", ["show", "rerun"])
def test_files_that_are_no_videos_of_ours(refused, verb, tmp_path):
    assert "gone.mp4" in refused(verb, "gone.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    assert "text.mp4" in refused(verb, "text.mp4")


@pytest.mark.parametrize(
    ("mode", "colour"), [("CMYK", (0, 255, 255, 0)), ("RGBA", (255, 0, 0, 128)), ("P", 3)]
)
def test_odd_pictures_work(cli, model_folder, tmp_path, mode, colour):
    suffix = "tif" if mode == "CMYK" else "png"
    Image.new(mode, (40, 40), colour).save(tmp_path / f"odd.{suffix}")
    flags = ["--model", model_folder, "-p", "x", "--frames", "5", "-o", "out.mp4"]
    assert cli("generate", "--object", f"odd.{suffix}", *flags).code == 0


def test_an_animated_picture_works_and_is_told(cli, model_folder, tmp_path):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "odd.gif", save_all=True, append_images=frames[1:])
    flags = ["--model", model_folder, "-p", "x", "--dry-run"]
    result = cli("generate", "--object", "odd.gif", *flags)
    assert result.code == 0
    assert "first frame" in result.err
