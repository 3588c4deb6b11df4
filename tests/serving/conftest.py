"""Servers that no test outlives."""

from __future__ import annotations

import subprocess
import sys

import pytest
from served import DRAWING, RunningServer


@pytest.fixture
def start_server(tmp_path):
    """Start servers on free ports with a data folder in `tmp_path`; none outlives its test."""
    started = []

    def call(*arguments, drawing=True, data=None, **kwargs):
        folder = data or tmp_path / "data"
        command = [DRAWING] if drawing else ["-m", "skyreels_a2", "serve"]
        options = ["--data", folder, "--port", "0", *arguments]
        server = RunningServer([*command, *options], tmp_path, **kwargs)
        started.append(server)
        return server

    yield call
    for server in started:
        server.kill()


@pytest.fixture(scope="module")
def drawing_server(tmp_path_factory):
    """One server of the drawing composer for a module's tests; do not kill it."""
    folder = tmp_path_factory.mktemp("served")
    command = [DRAWING, "--data", folder / "data", "--port", "0", "--max-queue", "1000"]
    server = RunningServer(command, folder)
    yield server
    server.end()


@pytest.fixture
def api(drawing_server):
    return drawing_server.api


@pytest.fixture
def make_key(tmp_path):
    """Make an API key in the data folder of the test's servers."""

    def call(name, *arguments):
        command = [sys.executable, "-m", "skyreels_a2", "keys", "add", name]
        options = ["--data", tmp_path / "data", *arguments]
        made = subprocess.run(
            [*command, *map(str, options)], capture_output=True, text=True, check=True
        )
        return made.stdout.strip()

    return call
