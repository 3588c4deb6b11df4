"""Servers that no test outlives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A real PostgreSQL of this test run's own, on a socket in a folder of its own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) + [
        Path(path) for path in [shutil.which("initdb")] if path
    ]
    if not found:
        reason = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("SKYREELS_A2_CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    bin_ = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a socket's path must be short
    user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    if user:
        shutil.chown(folder, **user)

    def run(*command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **user)

    data, options = folder / "data", f"-k {folder} -c listen_addresses= -c max_connections=200"
    run(bin_ / "initdb", "-D", data, "-A", "trust", "-U", "tests")
    control = [bin_ / "pg_ctl", "-D", data, "-w", "-t", "90", "-l", folder / "log"]
    run(*control, "-o", options, "start")
    yield folder
    run(*control, "-m", "immediate", "stop")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres):
    """A database of a test's own."""
    import psycopg

    name = f"tests{time.monotonic_ns()}"
    with psycopg.connect(f"postgresql://tests@/postgres?host={postgres}", autocommit=True) as one:
        one.execute(f"CREATE DATABASE {name}")
    return f"postgresql://tests@/{name}?host={postgres}"
