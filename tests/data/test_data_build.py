import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from material import HERE, SETTINGS, run_here

from skyreels_a2.data.build import Plan, build
from skyreels_a2.data.check import check
from skyreels_a2.data.settings import STAGES
from skyreels_a2.data.tables import read_table
from skyreels_a2.errors import InputError
from skyreels_a2.scenes.dataset import render_dataset
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.scene import SceneSpec
from skyreels_a2.training.triplets import ManifestTriplets
from skyreels_a2.video import VideoSpec

KILLS = 30
BUILD = """
import sys
from pathlib import Path
from material import HERE
from skyreels_a2.data.build import build
build(Path(sys.argv[1]), Path(sys.argv[2]), HERE)
"""


def media_of(dataset):
    return {p.relative_to(dataset): p.stat().st_ino for p in (dataset / "media").rglob("*.mp4")}


def copied(raw, folder, count):
    folder.mkdir(exist_ok=True)
    for path in sorted((raw / "videos").iterdir())[:count]:
        shutil.copy(path, folder)
    return folder


def test_a_data_set_is_whole_and_opens_for_training(dataset):
    assert list(check(dataset)) == []
    triplets = ManifestTriplets(dataset, VideoSpec(64, 48, 17, 12))
    triplet = triplets.triplet(0)
    assert triplet.video.frames.shape == (17, 48, 64, 3)
    assert triplet.composition.references


def test_nothing_is_done_twice_and_new_videos_alone_are_new(raw, tmp_path):
    videos, out = copied(raw, tmp_path / "videos", 2), tmp_path / "out"
    build(videos, out, HERE)
    before = media_of(out)
    counts = []
    build(videos, out, HERE, on_unit=lambda *n: counts.append(n))
    assert counts == []
    copied(raw, videos, 3)
    build(videos, out, HERE, on_unit=lambda *n: counts.append(n))
    assert counts == [(1, 1)]
    after = media_of(out)
    assert before.items() < after.items()


def test_a_changed_setting_keeps_what_it_does_not_touch(raw, tmp_path):
    videos, out = copied(raw, tmp_path / "videos", 1), tmp_path / "out"
    build(videos, out, HERE)
    before = media_of(out)
    stricter = Plan(SETTINGS.with_settings(["elements.min_presence=0.95"]), 1, run_here)
    build(videos, out, stricter)
    after = media_of(out)
    assert sorted(before.values()) == sorted(after.values())
    assert set(before) != set(after)
    longer = Plan(stricter.settings.with_settings(["shots.min_seconds=1.5"]), 1, run_here)
    build(videos, out, longer)
    assert not set(after.values()) & set(media_of(out).values())


def test_what_is_done_anew_is_what_a_first_build_makes(raw, tmp_path):
    videos, again, first = copied(raw, tmp_path / "videos", 2), tmp_path / "again", tmp_path / "new"
    build(videos, again, HERE)
    finer = Plan(SETTINGS.with_settings(["elements.difference=20"]), 1, run_here)
    build(videos, again, finer)
    build(videos, first, finer)
    for table in ("elements", "shots"):
        rows, wanted = (read_table(out, table) for out in (again, first))
        assert rows
        assert rows == wanted


def test_two_builds_at_once_are_refused(dataset, raw):
    import fcntl

    with (dataset / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another process"):
            build(raw / "videos", dataset, HERE)


def test_unreadable_inputs_are_reported(raw, tmp_path):
    videos = copied(raw, tmp_path / "videos", 1)
    (videos / "gone.mp4").symlink_to(tmp_path / "nowhere")
    (videos / "text.mp4").write_text("no video")
    build(videos, tmp_path / "out", HERE)
    reasons = {row["stage"]: row["reason"] for row in read_table(tmp_path / "out", "dropped")}
    assert reasons["inputs"] == "not readable"
    assert reasons["probe"] == "not readable"


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Eight short videos of one shot."""
    folder = tmp_path_factory.mktemp("many")
    spec = SceneSpec(video=VideoSpec(192, 112, 25, 12), characters=(1, 1), objects=(0, 0))
    render_dataset(BuiltinSource(), folder, count=8, seed=1, spec=spec)
    return folder / "videos"


def start_build(videos, out):
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])
    }
    command = [sys.executable, "-c", BUILD, str(videos), str(out)]
    return subprocess.Popen(command, env=environment)


def test_killed_at_any_moment_nothing_is_lost_or_there_twice(many, tmp_path):
    whole = tmp_path / "whole"
    began = time.monotonic()
    assert start_build(many, whole).wait(300) == 0
    usual = time.monotonic() - began
    chance = random.Random(0)
    out, kills = tmp_path / "out", 0
    while kills < KILLS:
        process = start_build(many, out)
        try:
            process.wait(usual * chance.uniform(0.2, 1.0))
        except subprocess.TimeoutExpired:
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        else:
            # It came to its end: begin anew, so that later kills hit work again.
            assert process.returncode == 0
            shutil.rmtree(out)
    assert start_build(many, out).wait(300) == 0
    assert list(check(out)) == []
    assert (out / "triplets.jsonl").read_text() == (whole / "triplets.jsonl").read_text()
    assert not list((out / "media").glob(".*"))
    assert sorted(media_of(out)) == sorted(media_of(whole))


def test_what_each_stage_will_still_take_is_told(many, tmp_path):
    told = []
    build(many, tmp_path / "out", Plan(SETTINGS, 2, run_here), on_stages=told.append)
    assert len(told) == 8
    assert told[0].keys() == set(STAGES)
    assert told[0]["elements"] > 0
    assert set(told[-1].values()) == {0}


def test_a_killed_worker_costs_nothing(many, tmp_path):
    plan = Plan(SETTINGS, 2)
    killed = []

    def kill_once(done, total):
        if not killed:
            children = psutil.Process().children()
            worker = next(c for c in children if "spawn_main" in " ".join(c.cmdline()))
            killed.append(worker.pid)
            worker.kill()

    gathered = build(many, tmp_path / "out", plan, on_unit=kill_once)
    assert killed
    assert {s.shot.source_id for s in gathered.shots} | {d.what[:16] for d in gathered.dropped} == {
        row.name[:16] for row in (tmp_path / "out/media").iterdir()
    }
    assert not [d for d in gathered.dropped if d.stage == "limits"]


def test_a_source_that_takes_too_long_is_set_aside(raw, tmp_path):
    videos = copied(raw, tmp_path / "videos", 1)
    limits = ["limits.seconds=0.01", "limits.seconds_per_second=0", "limits.attempts=2"]
    gathered = build(videos, tmp_path / "out", Plan(SETTINGS.with_settings(limits), 1))
    assert [(d.reason, d.detail) for d in gathered.dropped] == [
        ("set aside", "took longer than 0 s")
    ]
    counts = []
    patient = Plan(SETTINGS, 1, run_here, retry=True)
    build(videos, tmp_path / "out", patient, on_unit=lambda *n: counts.append(n))
    assert counts == [(1, 1)]


def test_the_report_shows_references_and_frames(dataset):
    page = (dataset / "report.html").read_text("utf-8")
    rows = read_table(dataset, "triplets")
    assert page.count("data:image/jpeg") > 4
    assert rows[0]["caption"].split("'")[0] in page
    assert "http" not in page.replace("http-equiv", "")


def test_rows_for_training_name_files_that_are_there(dataset):
    for line in (dataset / "triplets.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        assert (dataset / row["video"]).is_file()
        assert all((dataset / p).is_file() for e in row["elements"] for p in e["pictures"])


def test_a_ray_cluster_makes_the_same(many, tmp_path):
    ray = pytest.importorskip("ray", reason="ray is not installed")
    from skyreels_a2.data.cluster import ray_runner

    build(many, tmp_path / "here", HERE)
    try:
        build(many, tmp_path / "there", Plan(SETTINGS, 2, ray_runner("local")))
    finally:
        ray.shutdown()
    here, there = ((tmp_path / n / "triplets.jsonl").read_text() for n in ("here", "there"))
    assert here == there
