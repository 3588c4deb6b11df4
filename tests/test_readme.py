"""Every command and every Python block of the README runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands():
    text = "".join(blocks("sh")).replace("\\\n", " ")
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line.startswith("skyreels-a2")]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "outputs").mkdir()
    return folder


def run(arguments, folder):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result


@pytest.mark.parametrize("block", blocks("python"), ids=["generate", "pipeline"])
def test_python_blocks_run(block, workplace):
    run(["-c", block], workplace)


def test_commands_run_in_order(workplace):
    assert len(commands()) >= 8
    for command in commands():
        run(["-m", "skyreels_a2", *shlex.split(command)[1:]], workplace)
    assert (workplace / "outputs/anna.mp4").is_file()
    assert len(list((workplace / "outputs/batch").glob("*.mp4"))) == 2


def test_make_targets_are_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in "".join(blocks("sh")).splitlines():
        if line.startswith("make "):
            assert f"\n{line.split()[1]}: " in makefile


def test_the_scene_file_shown_is_the_one_in_examples():
    (shown,) = blocks("yaml")
    example = (ROOT / "examples/scene.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(shown) == yaml.safe_load(example)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target


def test_every_verb_is_in_the_table():
    from skyreels_a2.cli.main import app

    for command in app.registered_commands:
        assert f"`skyreels-a2 {command.name}`" in README
