"""The page in a real Chromium, driven by Playwright (`page.cjs` says what a person does)."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

STORIES = Path(__file__).with_name("page.cjs")
EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 240


def missing():
    """What is not installed of what the tests of the page need."""
    if not shutil.which("node"):
        return "node is not installed"
    if not Path(os.environ.get("CHROMIUM", "/usr/bin/chromium")).exists():
        return "chromium is not installed: apt-get install chromium"
    found = subprocess.run(
        ["node", "-e", "require.resolve('playwright-core')"], capture_output=True, check=False
    )
    if found.returncode:
        return "playwright-core is not installed: npm install playwright-core, and NODE_PATH"
    return ""


@pytest.fixture
def tell(tmp_path):
    """Run one story against a server; gives the folder of its screenshots."""
    if reason := missing():
        if os.environ.get("SKYREELS_A2_CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path / "page"
    folder.mkdir()
    pictures = {"anna": "astronaut", "cup": "cup", "launchpad": "launchpad"}
    for name, example in pictures.items():
        shutil.copy(EXAMPLES / f"{example}.jpg", folder / f"{name}.jpg")

    def call(story, server, *arguments):
        command = ["node", STORIES, server.api.url, folder, story, *arguments]
        told = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert told.returncode == 0, told.stderr
        return folder

    return call


@pytest.mark.parametrize("story", ["whole", "saved", "phone", "errors"])
def test_a_person_uses_the_page(tell, start_server, story):
    folder = tell(story, start_server())
    if keep := os.environ.get("SCREENSHOTS"):
        for picture in folder.glob("*.png"):
            shutil.copy(picture, keep)


def test_a_server_with_keys_asks_for_one(tell, start_server, make_key):
    key = make_key("anna")
    tell("key", start_server("--host", "0.0.0.0"), key)
