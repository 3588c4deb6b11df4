import json

import pytest

from skyreels_a2.media.manifest import Manifest


@pytest.fixture
def jobs(tmp_path, pictures):
    def write(*lines):
        elements = [{"role": "object", "picture": str(pictures[0])}]
        texts = [
            line if isinstance(line, str) else json.dumps({"elements": elements, **line})
            for line in lines
        ]
        (tmp_path / "jobs.jsonl").write_text("\n".join(texts) + "\n")

    return write


@pytest.fixture
def batch(cli, model_folder):
    def call(*flags):
        return cli("generate", "--model", model_folder, "--batch", "jobs.jsonl", *flags)

    return call


def test_jobs_are_made_and_a_second_run_makes_none(batch, jobs, tmp_path):
    jobs({"prompt": "a", "frames": 5, "output": "a.mp4"}, {"prompt": "b", "frames": 5})
    first = batch("-o", "videos")
    assert first.code == 0
    assert "2 made, 0 there already, 0 failed" in first.err
    made = first.out.split()
    assert made[0] == "a.mp4"
    assert made[1].startswith("videos/b-")
    stamps = [(tmp_path / name).stat().st_mtime_ns for name in made]
    second = batch("-o", "videos")
    assert second.code == 0
    assert "0 made, 2 there already" in second.err
    assert "Loading" not in second.err
    assert stamps == [(tmp_path / name).stat().st_mtime_ns for name in made]


def test_a_failure_is_told_and_the_rest_goes_on(batch, jobs, tmp_path):
    jobs(
        {"prompt": "a", "frames": 5, "output": "a.mp4"},
        "no json",
        {"prompt": "", "output": "b.mp4"},
        {"prompt": "c", "frames": 6, "output": "c.mp4"},
        {"prompt": "d", "colour": "red"},
        {"prompt": "e", "elements": [{"role": "object", "picture": "gone.png"}]},
        {"prompt": "f", "frames": 5, "output": "f.mp4"},
    )
    result = batch()
    assert result.code == 1
    assert "2 made, 0 there already, 5 failed" in result.err
    for number, reason in [
        (2, "no JSON"),
        (3, "prompt is empty"),
        (4, "use 4k+1"),
        (5, "unknown key 'colour'"),
        (6, "gone.png"),
    ]:
        line = next(line for line in result.err.splitlines() if f"jsonl:{number}:" in line)
        assert reason in line
    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == ["a.mp4", "f.mp4"]


def test_a_changed_job_is_not_silently_skipped(batch, jobs, tmp_path):
    jobs({"prompt": "a", "frames": 5, "output": "a.mp4"})
    batch()
    jobs({"prompt": "another", "frames": 5, "output": "a.mp4"})
    refused = batch()
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert batch("--overwrite").code == 0
    assert Manifest.read(tmp_path / "a.mp4").prompt == "another"


def test_flags_hold_where_a_job_says_nothing(batch, jobs, tmp_path):
    jobs(
        {"prompt": "a", "frames": 5, "output": "a.mp4"},
        {"prompt": "b", "frames": 5, "fps": 7, "output": "b.mp4"},
    )
    assert batch("--fps", "10", "--num-inference-steps", "1").code == 2
    assert batch("--fps", "10", "--steps", "1").code == 0
    assert Manifest.read(tmp_path / "a.mp4").spec.fps == 10
    assert Manifest.read(tmp_path / "b.mp4").spec.fps == 7


@pytest.mark.parametrize(("content", "message"), [("", "has no jobs"), (None, "cannot be read")])
def test_an_empty_or_missing_batch_is_refused(batch, tmp_path, content, message):
    if content is not None:
        (tmp_path / "jobs.jsonl").write_text(content)
    result = batch()
    assert result.code == 2
    assert message in result.err


def test_a_broken_model_stops_the_batch(cli, jobs):
    jobs({"prompt": "a", "frames": 5})
    result = cli("generate", "--model", "./nowhere", "--batch", "jobs.jsonl")
    assert result.code != 0
    assert "nowhere" in result.err
