"""The pages, read as a reader's browser would."""

import csv
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from skyreels_a2.bench.metrics.registry import open_metrics
from skyreels_a2.bench.networks.weights import Weights
from skyreels_a2.bench.report.comparison import Contender, write_comparison
from skyreels_a2.bench.running import (
    Run,
    choose_best,
    find_video,
    measured_validity,
    report,
    score_run,
)
from skyreels_a2.bench.suites.suite import Suite

VOID = {"meta", "img", "input", "br", "hr", "link", "path", "use", "rect", "circle", "polygon"}
METRICS = ["sharpness", "flow-smoothness", "flow-dynamics", "reference-flash", "image-text"]


class Page(HTMLParser):
    """Checks that tags are balanced, and collects what the page would load from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.open, self.loads, self.words = [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in {"src", "href", "xlink:href"} and not value.startswith(("data:", "#")):
                self.loads.append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def run(cases, write_video, tmp_path, moving):
    write_video("videos/case-0.mp4", moving)
    write_video("videos/case-1.mp4", np.zeros((5, 96, 160, 3), np.uint8))
    phases = []
    return Run(
        Suite("three", tuple(cases)),
        tmp_path,
        tmp_path / "videos",
        open_metrics(METRICS, Weights()),
        "a <b>system</b>",
        {"steps": "12", "note": "<script>alert(1)</script>"},
        lambda *told: phases.append(told),
        remarks=("case x: 1 of 4 references were dropped",),
    )


def test_the_page_holds_all_it_shows_and_says_what_is_missing(run, tmp_path):
    report(run, score_run(run))
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    assert page.loads == []
    assert "<script" not in text
    words = " ".join(" ".join(page.words).split())
    for expected in (
        *("a <b>system</b> on three", "SkyReels-A2", "0.818", "Kling 1.6", "missing"),
        *("not comparable with published", "2 of 3", "black", "case-2.mp4 is not there"),
        *("1 of 4 references were dropped", "sharpness", "alert(1)", "Settings and versions"),
        "openai/clip-vit-base-patch32 is neither a folder",
    ):
        assert expected in words or expected in text, expected
    assert text.count("data:image/jpeg") == 3
    assert text.count("<svg") == 2 + 1


def test_the_worst_cases_come_first(run, tmp_path):
    report(run, score_run(run))
    text = (tmp_path / "report.html").read_text()
    assert re.findall(r"<h3>(case-\d)", text) == ["case-2", "case-1", "case-0"]


def test_figures_are_there_for_programs(run, tmp_path):
    summary = report(run, score_run(run))
    content = json.loads((tmp_path / "report.json").read_text())
    mean = content["metrics"]["sharpness"]["estimate"]["mean"]
    assert mean == summary.metrics["sharpness"].estimate.mean
    assert content["metrics"]["image-text"]["estimate"] is None
    assert content["metrics"]["image-text"]["missing"]
    assert content["totals"]["comprehensive"]["estimate"] is None
    with (tmp_path / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == ["case-0", "case-1", "case-2"]
    assert rows[0]["image-text"] == ""
    assert float(rows[0]["sharpness"]) == pytest.approx(
        content["rows"][0]["scores"]["sharpness"]["value"], rel=1e-4
    )
    assert "black" in rows[1]["flags"]


def test_equal_rows_give_equal_pages(run, tmp_path):
    rows = score_run(run)
    report(run, rows)
    first = (tmp_path / "report.html").read_bytes()
    report(run, rows)
    assert (tmp_path / "report.html").read_bytes() == first


def test_two_systems_stand_side_by_side(run, tmp_path):
    rows = score_run(run)
    path = tmp_path / "comparison.html"
    write_comparison(Contender("one", rows), Contender("two", rows[:2]), path)
    page = Page(path.read_text())
    words = " ".join(page.words)
    assert "one against two" in words
    assert "not told apart" in words
    assert "50.0 %" in words
    assert page.loads == []


def test_other_formats_are_found_and_what_is_missing_has_its_name(run, write_video, moving):
    write_video("videos/case-2.webm", moving)
    case = run.suite.cases[2]
    assert find_video(run.videos, run.suite, case).name == "case-2.webm"
    (run.videos / "case-2.webm").unlink()
    assert find_video(run.videos, run.suite, case).name == "case-2.mp4"


def test_the_best_seed_is_chosen_and_its_cost_told(run, write_video, moving):
    suite = Suite("one", run.suite.cases[:1])
    run = Run(suite, run.out, run.videos, run.metrics[:3], "x", {}, run.on_progress)
    still = np.repeat(moving[:1], len(moving), axis=0)
    write_video("videos/candidates/case-0-0.mp4", still)
    best = write_video("videos/candidates/case-0-1.mp4", moving)
    told = choose_best(run, [0, 1])
    assert (run.videos / "case-0.mp4").read_bytes() == best.read_bytes()
    assert "best of 2 seeds" in told
    assert "2 times the generation" in told


def test_measured_validity_stands_in_the_package():
    found = measured_validity()
    assert found["character-lite"] >= 0.8
    assert set(found) >= {"object-lite", "background-lite", "sharpness", "copy-paste"}
