import json

import numpy as np
import pytest

from skyreels_a2.bench.cases import Status
from skyreels_a2.bench.ledger import Ledger
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric, NotApplicableError
from skyreels_a2.bench.metrics.registry import open_metrics
from skyreels_a2.bench.networks.weights import Weights
from skyreels_a2.bench.scoring import read_rows, read_run, score_videos
from skyreels_a2.bench.summary import HOME, compare, row_total, summarise
from skyreels_a2.errors import InputError


class Counting(Metric):
    """Counts how often it is asked; its answer is the brightness."""

    name = "sharpness"
    dimension = Dimension.IMAGE
    says = uses = "brightness"

    def __init__(self, weights):
        super().__init__(weights)
        self.asked = 0

    def measure(self, case, footage):
        self.asked += 1
        return Measured(float(footage.frames.mean() / 255))


class Broken(Counting):
    name = "drift"

    def measure(self, case, footage):
        raise ZeroDivisionError("a bug")


class Endless(Counting):
    name = "copy-paste"

    def measure(self, case, footage):
        return Measured(float("nan"))


class Unasked(Counting):
    name = "identity-swap"

    def measure(self, case, footage):
        raise NotApplicableError("one character")


@pytest.fixture
def pairs(cases, write_video, tmp_path, moving):
    """A good video, a black one of one frame, and one that is missing."""
    good = write_video("videos/case-0.mp4", moving)
    black = write_video("videos/case-1.mp4", np.zeros((1, 96, 160, 3), np.uint8))
    missing = tmp_path / "videos/case-2.mp4"
    return list(zip(cases, (good, black, missing), strict=True))


def run(pairs, tmp_path, metrics):
    return score_videos(pairs, tmp_path / "videos", metrics, Ledger(tmp_path / "scores.jsonl"))


def test_bad_videos_are_told_case_by_case_and_stop_nothing(pairs, tmp_path):
    metrics = open_metrics(["sharpness", "flow-smoothness", "character-id"], Weights())
    good, black, missing = run(pairs, tmp_path, metrics)
    assert good.scores["sharpness"].status is Status.OK
    assert good.flags == ()
    assert [flag.split(":")[0] for flag in black.flags] == ["one frame", "black"]
    assert black.scores["flow-smoothness"].status is Status.FAILED
    assert missing.flags[0].startswith("missing")
    assert {s.value for s in missing.scores.values()} == {0.0}
    assert missing.failed
    assert not good.failed
    summary = summarise([good, black, missing])
    assert summary.metrics["sharpness"].estimate.count == 3
    assert summary.metrics["sharpness"].failed == 1
    assert set(summary.flagged) == {"case-1.mp4", "case-2.mp4"}


def test_nothing_is_scored_twice(pairs, tmp_path):
    first = Counting(Weights())
    run(pairs, tmp_path, [first])
    assert first.asked == 2
    second = Counting(Weights())
    again = run(pairs, tmp_path, [second])
    assert second.asked == 0
    assert [row.case for row in again] == ["case-0", "case-1", "case-2"]


def test_a_video_that_changed_is_scored_again_alone(pairs, tmp_path, write_video, moving):
    run(pairs, tmp_path, [Counting(Weights())])
    write_video("videos/case-0.mp4", moving // 2)
    metric = Counting(Weights())
    rows = run(pairs, tmp_path, [metric])
    assert metric.asked == 1
    assert rows[0].value("sharpness") < 0.3
    assert len(read_rows(Ledger(tmp_path / "scores.jsonl"))) == 3


def test_scores_of_another_definition_or_network_are_made_again(pairs, tmp_path):
    run(pairs, tmp_path, [Counting(Weights())])
    changed = Counting(Weights())
    changed.version = 2
    run(pairs, tmp_path, [changed])
    assert changed.asked == 2
    for place in ("/one", "/other"):
        asking = Counting(Weights((("clip", place),)))
        asking.version, asking.networks = 2, ("clip",)
        (row, *_) = run(pairs, tmp_path, [asking])
        assert (asking.asked, row.scores["sharpness"].by) == (2, f"v2 clip={place}")


def test_further_metrics_are_added_to_what_is_known(pairs, tmp_path):
    run(pairs, tmp_path, [Counting(Weights())])
    metric = Counting(Weights())
    rows = run(pairs, tmp_path, [metric, Unasked(Weights())])
    assert metric.asked == 0
    assert set(rows[0].scores) == {"sharpness", "identity-swap"}
    assert rows[0].scores["identity-swap"].status is Status.NOT_APPLICABLE


def test_a_metric_that_breaks_is_missing_and_tried_again(pairs, tmp_path):
    (row, *_) = run(pairs[:1], tmp_path, [Broken(Weights()), Endless(Weights())])
    assert row.scores["drift"].status is Status.MISSING
    assert "a bug" in row.scores["drift"].reason
    assert "nan" in row.scores["copy-paste"].reason
    assert row.value("drift") is None
    mended = Counting(Weights())
    mended.name = "drift"
    (row, *_) = run(pairs[:1], tmp_path, [mended])
    assert row.value("drift") > 0


def test_a_run_that_died_while_writing_goes_on(pairs, tmp_path):
    run(pairs, tmp_path, [Counting(Weights())])
    path = tmp_path / "scores.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "{}", lines[1][:40]]))
    metric = Counting(Weights())
    rows = run(pairs, tmp_path, [metric])
    assert metric.asked == 1  # only the one whose line was cut off and has a video
    assert len(rows) == 3
    assert json.loads(path.read_text().splitlines()[-1])["case"] == "case-2"


def test_totals_and_comparison_come_from_rows_alone(pairs, tmp_path):
    rows = run(pairs, tmp_path, [Counting(Weights())])
    assert read_run(tmp_path) == rows
    assert row_total(rows[0], HOME) == rows[0].value("sharpness")
    summary = summarise(rows)
    assert summary.totals["comprehensive"].estimate is None
    assert "character-id" in summary.totals["comprehensive"].missing
    found = compare(rows, rows)
    assert found["sharpness"].difference.mean == 0
    assert found["home-total"].probability == 0.5
    assert "character-id" not in found
    with pytest.raises(InputError, match="is no run"):
        read_run(tmp_path / "videos")
