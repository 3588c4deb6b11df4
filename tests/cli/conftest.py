"""The command line, run in this process or as a real one."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from skyreels_a2.cli.main import run


@dataclass(frozen=True)
class Outcome:
    """What a user gets to see of a run."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """Run a command line here, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture
def torchrun(tmp_path):
    """Run a command line by two processes on gloo."""

    def call(*arguments: object) -> Outcome:
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
        meeting = ["--master-port", "0", "--rdzv-backend", "c10d"]
        done = subprocess.run(
            [*command, *meeting, "--rdzv-endpoint", "127.0.0.1:0", *_named(arguments)],
            cwd=tmp_path,
            text=True,
            capture_output=True,
            timeout=240,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call


def _named(arguments: tuple[object, ...]) -> list[str]:
    """A script and its arguments, or else those of the command."""
    told = [str(argument) for argument in arguments]
    return told if told[0].endswith(".py") else ["-m", "skyreels_a2", *told]


@pytest.fixture
def quick(model_folder, pictures):
    """Flags of a small, quick generation without output."""
    return [
        *("generate", "--model", model_folder, "--character", f"anna={pictures[0]}"),
        *("--background", pictures[2], "-p", "@anna waves", "--frames", "5", "--seed", "3"),
    ]


@pytest.fixture
def start(tmp_path):
    """Start the command as a process of its own in an empty folder; none outlives its test."""
    started: list[subprocess.Popen[str]] = []

    def call(*arguments: object, limit: tuple[int, int] | None = None) -> subprocess.Popen[str]:
        def prepare() -> None:
            # A shell in the background hands down an ignored Ctrl-C.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if limit is not None:
                resource.setrlimit(limit[0], (limit[1], limit[1]))

        process = subprocess.Popen(
            [sys.executable, "-m", "skyreels_a2", *map(str, arguments)],
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=prepare,  # noqa: PLW1509  (no threads here yet)
        )
        started.append(process)
        return process

    yield call
    for process in started:
        process.kill()
        process.communicate()
