"""One video by two processes, and a batch by two workers, as a user starts them."""

import runpy
import sys
import time

import numpy as np
import psutil
import pytest
from PIL import Image

from skyreels_a2.cli.model import device_named

DEADLINE = 240


def frames_in(folder):
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))])


@pytest.mark.parametrize(
    ("case", "flags"),
    [
        ("guidance, tiles", ["--vae-tiling", "--size", "272x32"]),
        ("tokens", ["--guidance-scale", "1"]),
        (
            "tokens, integers, cache",
            ["--guidance-scale=1", "--storage=int8", "--step-cache=taylor", "--steps=6"],
        ),
        (
            "guidance, floats, cache",
            ["--storage=fp8", "--step-cache=fbc:0.5", "--steps=6", "--no-batch-guidance"],
        ),
    ],
)
def test_two_processes_make_the_video_of_one(cli, torchrun, quick, tmp_path, case, flags):
    asked = [*quick, "--device", "cpu", *flags]
    assert cli(*asked, "-o", tmp_path / "one.frames").code == 0
    done = torchrun(*asked, "-o", tmp_path / "two.frames")
    assert done.code == 0, done.err[-2000:]
    assert done.out.count("two.frames") == 1
    one, two = frames_in(tmp_path / "one.frames"), frames_in(tmp_path / "two.frames")
    assert one.shape == two.shape
    assert np.abs(one.astype(int) - two).max() <= 1


OFFLOADED = """
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from skyreels_a2 import SkyReelsA2Pipeline
from skyreels_a2.cli.jobs import read_job_file
from skyreels_a2.pipeline import configs, needs
from skyreels_a2.pipeline.placing import place
from skyreels_a2.runtime.choices import Wishes
from skyreels_a2.runtime.hardware import detect
from skyreels_a2.runtime.parallelism import Parallelism, num_processes, rank
from skyreels_a2.runtime.plan import make_plan

folder, scene, out = map(Path, sys.argv[1:])
pipeline = SkyReelsA2Pipeline.from_pretrained(folder)
pipeline.set_progress_bar_config(disable=True)
request = read_job_file(scene).requests(pipeline.defaults, 3)[0]
workload = needs.Workload(spec=request.sampled_spec, num_references=1, num_steps=2)
counted = needs.needs_of(configs.configs_of(folder), workload, precision="fp32")
plan = make_plan(counted, detect("cpu"), Wishes(storage="fp8"))
shared = Parallelism(ulysses=num_processes())
plan = replace(plan, placement="by-block", parallelism=shared)
place(pipeline, plan, torch.device("cpu"))
frames = np.concatenate(list(pipeline.stream(request)))
if rank() == 0:
    np.save(out, frames)
"""
"""Block by block beside shared tokens and 8-bit floats; the command offloads to GPUs only."""


def test_offload_quantisation_and_shared_tokens_go_together(
    torchrun, monkeypatch, model_folder, pictures, tmp_path
):
    script, scene = tmp_path / "offloaded.py", tmp_path / "scene.yaml"
    one, two = tmp_path / "one.npy", tmp_path / "two.npy"
    script.write_text(OFFLOADED)
    scene.write_text(
        f"prompt: a bear\nframes: 5\nelements:\n  - {{role: character, picture: {pictures[0]}}}\n"
    )
    monkeypatch.setattr(sys, "argv", list(map(str, (script, model_folder, scene, one))))
    runpy.run_path(str(script))
    done = torchrun(script, model_folder, scene, two)
    assert done.code == 0, done.err[-2000:]
    assert np.abs(np.load(one).astype(int) - np.load(two)).max() <= 1


@pytest.mark.parametrize("name", ["cuda", "cuda:5"])
def test_each_process_has_a_gpu_of_its_own_unless_one_is_named(monkeypatch, name):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert str(device_named(name)) == ("cuda:3" if name == "cuda" else name)


def test_a_step_cache_under_torchrun_is_refused_before_loading(cli, quick, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    flags = ["--device", "cpu", "--parallel", "ulysses=2", "--step-cache", "fbc"]
    outcome = cli(*quick, *flags, "-o", "x.mp4")
    assert outcome.code == 2
    assert "would disagree" in outcome.err
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
