"""One video by two processes, and a batch by two workers, as a user starts them."""

import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from PIL import Image

DEADLINE = 240


def frames_in(folder):
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])


def torchrun(arguments, folder, *, number=2):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(number)]
    return subprocess.run(
        [*command, "--master-port", "0", "--rdzv-backend", "c10d", "--rdzv-endpoint",
         "127.0.0.1:0", "-m", "skyreels_a2", *map(str, arguments)],
        cwd=folder,
        text=True,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("case", "flags"),
    [
        ("guidance", ["--vae-tiling", "--size", "272x32"]),
        ("tokens", ["--guidance-scale", "1"]),
        ("tokens, 8-bit integers", ["--guidance-scale", "1", "--storage", "int8"]),
        ("guidance, 8-bit floats", ["--storage", "fp8"]),
    ],
)
def test_two_processes_make_the_video_of_one(cli, quick, tmp_path, case, flags):
    asked = [*quick, "--device", "cpu", *flags]
    assert cli(*asked, "-o", tmp_path / "one.frames").code == 0
    done = torchrun([*asked, "-o", tmp_path / "two.frames"], tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("two.frames") == 1
    one, two = frames_in(tmp_path / "one.frames"), frames_in(tmp_path / "two.frames")
    assert one.shape == two.shape
    assert np.abs(one.astype(int) - two).max() <= 1


def test_a_step_cache_under_torchrun_is_refused_before_loading(cli, quick, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    outcome = cli(*quick, "--device", "cpu", "--fast", "-o", "x.mp4")
    assert outcome.code == 2
    assert "several would disagree" in outcome.err
    assert "Loading" not in outcome.err


def worker_processes(process):
    """Ray's processes that run our worker, with their state."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if "_Worker" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def test_a_killed_worker_loses_no_video(start, model_folder, pictures, tmp_path):
    pytest.importorskip("ray", reason="ray is not installed")
    line = (
        '{{"prompt": "job {0}", "seed": {0}, "frames": 5, "output": "out{0}.mp4", '
        '"num_inference_steps": 8, "elements": [{{"role": "character", "picture": "{1}"}}]}}'
    )
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text("\n".join(line.format(i, pictures[0]) for i in range(6)))
    process = start(
        *("generate", "--batch", jobs, "--model", model_folder, "--device", "cpu", "--ray", "2")
    )
    limit = time.monotonic() + DEADLINE
    killed = None
    while killed is None and process.poll() is None and time.monotonic() < limit:
        if list(tmp_path.glob("out*.mp4")) and (workers := worker_processes(process)):
            killed = workers[0]
            killed.kill()
        time.sleep(0.1)
    out, err = process.communicate(timeout=DEADLINE)
    assert killed is not None, err[-2000:]
    assert process.returncode == 0, err[-2000:]
    assert "6 made, 0 there already, 0 failed" in err
    # Ray tells of the death on stdout too.
    assert sum(line.endswith(".mp4") for line in out.splitlines()) == 6
    assert {f"out{i}.mp4" for i in range(6)} <= {path.name for path in tmp_path.iterdir()}
