"""The command line, run in this process or as a real one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

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
def quick(model_folder, pictures):
    """Flags of a small, quick generation without output."""
    return [
        *("generate", "--model", model_folder, "--character", f"anna={pictures[0]}"),
        *("--background", pictures[2], "-p", "@anna waves", "--frames", "5", "--seed", "3"),
    ]


def start(*arguments: object, cwd: Path, **options: object) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    command = [sys.executable, "-m", "skyreels_a2", *(str(argument) for argument in arguments)]
    return subprocess.Popen(
        command,
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )
