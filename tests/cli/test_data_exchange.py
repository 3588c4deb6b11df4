"""The verbs as `data` has them, on real files."""

import json

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from skyreels_a2.cli import data_exchange
from skyreels_a2.errors import InputError
from skyreels_a2.media.videos import open_writer
from skyreels_a2.video import VideoSpec


@pytest.fixture
def run():
    app = typer.Typer()
    data_exchange.add_to(app)

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def pairs(tmp_path):
    folder = tmp_path / "pairs"
    (folder / "walk").mkdir(parents=True)
    frames = np.random.default_rng(0).integers(0, 255, (5, 32, 32, 3), dtype=np.uint8)
    with open_writer(folder / "walk.mp4", VideoSpec(32, 32, 5, 8)) as writer:
        writer.write(frames)
    (folder / "walk.txt").write_text("@anna walks.")
    Image.new("RGB", (32, 32), "red").save(folder / "walk/character-anna.png")
    (folder / "alone.mp4").write_bytes((folder / "walk.mp4").read_bytes())
    return folder


def test_a_folder_is_imported_and_exported_again(run, pairs, tmp_path):
    imported = run("import", "folder", pairs, "--out", tmp_path / "set")
    assert imported.exit_code == 0
    assert imported.stdout.strip() == str(tmp_path / "set")
    assert "left out: no caption (1)" in imported.stderr
    exported = run("export", tmp_path / "set", "--for", "videox-fun", "--out", tmp_path / "out")
    assert exported.exit_code == 0
    assert "1 triplets" in exported.stderr
    (entry,) = json.loads((tmp_path / "out/metadata.json").read_text())
    assert entry["text"] == "anna walks."


def test_a_wrong_layout_is_told_with_those_that_are_known(run, pairs, tmp_path):
    run("import", "folder", pairs, "--out", tmp_path / "set")
    wrong = run("export", tmp_path / "set", "--for", "cosmos", "--out", tmp_path / "out")
    assert isinstance(wrong.exception, InputError)
    assert "finetrainers" in str(wrong.exception)


def test_annotations_that_are_none_are_refused(run, tmp_path):
    wrong = run("import", "opens2v", tmp_path / "no.json", tmp_path, "--out", tmp_path / "set")
    assert isinstance(wrong.exception, InputError)
