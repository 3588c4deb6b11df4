"""`bench`, as a user runs it."""

import json
import re
import signal
import time

import numpy as np
import pytest

from skyreels_a2.bench.suites.scenes_50 import read_scenes_50
from skyreels_a2.media.videos import read_video, save_video
from skyreels_a2.video import Video, VideoSpec

QUICK = ["--metric", "sharpness", "--metric", "flow-smoothness"]


@pytest.fixture
def bench(model_folder):
    """Flags of a small, quick run of the real pipeline."""
    return ["bench", "--model", model_folder, "--frames", "5", *QUICK]


@pytest.fixture
def finished(tmp_path):
    """A folder with videos of the first three cases; the second is black, the third broken."""
    folder = tmp_path / "mine"
    rng = np.random.default_rng(0)
    for number, case in enumerate(read_scenes_50().cases[:2]):
        frames = rng.integers(0, 255, (5, 32, 32, 3)).astype(np.uint8) * (1 - number)
        folder.mkdir(exist_ok=True)
        save_video(Video(frames, VideoSpec(32, 32, 5, 8)), folder / f"{case.id}.mp4")
    (folder / "scene-03.mp4").write_bytes(b"no video at all")
    return folder


def rows_of(folder):
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]


def test_a_model_is_benchmarked_and_a_second_run_makes_and_scores_nothing(cli, bench, tmp_path):
    done = cli(*bench, "--limit", 2, "-o", "run")
    assert done.code == 0, done.err
    assert done.out.strip() == "run/report.html"
    assert "home-total" in done.err
    videos = sorted((tmp_path / "run/videos").iterdir())
    assert [path.name for path in videos] == ["scene-01.mp4", "scene-02.mp4"]
    before = {path: path.stat().st_mtime_ns for path in videos}
    again = cli(*bench, "--limit", 2, "-o", "run")
    assert again.code == 0
    assert {path: path.stat().st_mtime_ns for path in videos} == before
    assert len(rows_of(tmp_path / "run")) == 2


def test_a_folder_of_videos_is_scored_whatever_is_in_it(cli, finished, tmp_path):
    done = cli("bench", "--videos", finished, "--limit", 4, "--name", "mine", "-o", "run", *QUICK)
    assert done.code == 0, done.err
    flags = {row["case"]: row["flags"] for row in rows_of(tmp_path / "run")}
    assert flags["scene-01"] == []
    assert any(flag.startswith("black") for flag in flags["scene-02"])
    assert flags["scene-03"][0].startswith("unreadable")
    assert flags["scene-04"][0].startswith("missing")
    for case in ("scene-02", "scene-03", "scene-04"):
        assert case in done.err
    assert "mine on scenes-50" in (tmp_path / "run/report.html").read_text()


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """A browser that writes down what it is shown."""
    script, shown = tmp_path / "browser", tmp_path / "shown"
    script.write_text(f'#!/bin/sh\necho "$1" >> {shown}\n')
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{script} %s")
    monkeypatch.setattr("webbrowser._tryorder", None)  # it reads the variable once
    return shown


def test_runs_are_compared_and_shown(cli, finished, tmp_path, browser):
    cli("bench", "--videos", finished, "--limit", 2, "-o", "a", *QUICK, "--open")
    cli("bench", "--videos", finished, "--limit", 2, "-o", "b", *QUICK)
    done = cli("bench", "compare", "a", "b", "--open")
    pages = [(tmp_path / page).as_uri() for page in ("a/report.html", "comparison.html")]
    assert browser.read_text().split() == pages
    assert done.code == 0, done.err
    assert "sharpness" in done.err
    page = (tmp_path / "comparison.html").read_text()
    assert "a against b" in page
    assert "not told apart" in page
    assert cli("bench", "compare", "a", finished).code == 2


def test_shards_make_the_whole_and_the_best_seed_is_kept(cli, bench, tmp_path):
    for part in ("0/2", "1/2"):
        done = cli(*bench, "--limit", 2, "-o", "run", "--best-of", 2, "--shard", part)
        assert done.code == 0, done.err
    made = {path.name for path in (tmp_path / "run/videos/candidates").iterdir()}
    assert made == {f"scene-0{case}-{seed}.mp4" for case in (1, 2) for seed in (0, 1)}
    assert not (tmp_path / "run/report.html").exists()
    done = cli(*bench, "--limit", 2, "-o", "run", "--best-of", 2)
    assert done.code == 0, done.err
    assert (tmp_path / "run/videos/scene-02.mp4").is_file()
    assert "best of 2 seeds a case" in (tmp_path / "run/report.html").read_text()


def test_ray_makes_the_same_videos_by_the_same_command(cli, bench, tmp_path):
    pytest.importorskip("ray", reason="ray is not installed")
    assert cli(*bench, "--limit", 3, "-o", "here").code == 0
    done = cli(*bench, "--limit", 3, "-o", "there", "--ray", "local", "--workers", 2)
    assert done.code == 0, done.err
    for name in ("scene-01.mp4", "scene-02.mp4", "scene-03.mp4"):
        here, there = (read_video(tmp_path / o / "videos" / name) for o in ("here", "there"))
        assert np.array_equal(here.frames, there.frames)


def test_a_killed_run_goes_on_where_it_was(start, bench, tmp_path):
    command = [*bench, "--limit", "4", "-o", "run"]
    process = start(*command)
    scores = tmp_path / "run/scores.jsonl"
    deadline = time.monotonic() + 600
    while not (scores.exists() and scores.read_text().count("\n") >= 1):
        assert time.monotonic() < deadline, "no row was written"
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    kept = scores.read_text().splitlines()
    second = start(*command)
    _, err = second.communicate(timeout=600)
    assert second.returncode == 0, err
    rows = rows_of(tmp_path / "run")
    assert [row["case"] for row in rows] == [f"scene-0{n}" for n in (1, 2, 3, 4)]
    assert scores.read_text().splitlines()[: len(kept)] == kept


def test_a_study_is_made_and_summed_up(cli, finished, tmp_path):
    done = cli(
        *("bench", "study", "kit", f"one={finished}", f"two={finished}", "-o", "kit"),
        *("--limit", 2),
    )
    assert done.code == 0, done.err
    assert "keep kit-key.json" in done.err
    items = list(json.loads((tmp_path / "kit-key.json").read_text()))
    lines = ["rater,video,criterion,mark", *(f"ann,{i},quality,4" for i in items)]
    lines += [f"bob,{i},quality,{4 - n % 2}" for n, i in enumerate(items)]
    (tmp_path / "marks.csv").write_text("\n".join(lines))
    done = cli("bench", "study", "aggregate", "marks.csv", "--key", "kit-key.json")
    assert done.code == 0, done.err
    assert "quality" in done.out
    assert "2 raters: ann, bob" in done.err


def test_suites_and_metrics_are_listed(cli):
    assert "opens2v" in cli("bench", "suites").out
    assert re.search(r"character-lite.*EfficientNet", cli("bench", "metrics").out.replace("\n", ""))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--suite", "scene-50"], "no suite is called"),
        (["--suite", "opens2v"], "--cases"),
        (["--metric", "beauty"], "no metric is called 'beauty'"),
        (["--weights", "clip"], "NETWORK=PLACE"),
        (["--shard", "5"], "use I/N"),
        (["--max-references", "2"], "--on-too-many drop"),
        (["--field", "prompt"], "OURS=THEIRS"),
        (["--judge-url", "ftp://x"], "give an address"),
        (["--frames", "6"], "4k+1"),
        (["--model", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_code_2(cli, finished, arguments, told):
    needs_videos = arguments[0] in {"--metric", "--weights", "--judge-url"}
    videos = ["--videos", finished] if needs_videos else []
    done = cli("bench", *arguments, *videos, "--limit", 1, "-o", "run")
    assert done.code == 2
    assert told in done.err
    assert done.err.count("error:") == 1
    assert "Traceback" not in done.err
