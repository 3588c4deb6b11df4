"""The report in a real browser: nothing is loaded, nothing overflows, and it can be read."""

import pytest
from bench_chromium import Chromium, find_chromium

from skyreels_a2.bench.metrics.registry import open_metrics
from skyreels_a2.bench.networks.weights import Weights
from skyreels_a2.bench.running import Run, report, score_run
from skyreels_a2.bench.suites.suite import Suite


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [1200, 420])
def test_the_report_fits_wide_and_narrow_windows(cases, write_video, moving, tmp_path, width):
    pytest.importorskip("websockets", reason="websockets is not installed")
    write_video("videos/case-0.mp4", moving)
    metrics = open_metrics(["sharpness", "flow-smoothness", "flow-dynamics"], Weights())
    suite = Suite("three", tuple(cases))
    run = Run(suite, tmp_path, tmp_path / "videos", metrics, "mine", {}, lambda *_: None)
    report(run, score_run(run))
    with Chromium(tmp_path / "profile", size=(width, 900)) as browser:
        browser.open(tmp_path / "report.html")
        assert browser.run("document.documentElement.scrollWidth<=innerWidth")
        loaded = "performance.getEntriesByType('resource').filter(e=>!e.name.startsWith('data:'))"
        assert browser.run(f"{loaded}.length") == 0
        assert browser.run("[...document.images].every(i=>{i.loading='eager';return !!i.alt})")
        browser.until("[...document.images].every(i=>i.complete&&i.naturalWidth>0)")
        assert browser.run("document.querySelectorAll('svg title').length") == 3
