"""Every metric notices what its dimension is about, on frames whose truth is known."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skyreels_a2.bench import worsening
from skyreels_a2.bench.cases import Case, Status
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.dynamics import dynamic_degree
from skyreels_a2.bench.metrics.matching import best_match, cut_out, frame_cells
from skyreels_a2.bench.metrics.registry import METRICS, open_metrics
from skyreels_a2.bench.networks.weights import Weights
from skyreels_a2.bench.running import measured_validity
from skyreels_a2.bench.scoring import measure_all
from skyreels_a2.bench.statistics import spearman
from skyreels_a2.bench.validity import ladder_for, measure_validity, ranked
from skyreels_a2.elements import Composition, Element
from skyreels_a2.errors import InputError
from skyreels_a2.media.fit import fit
from skyreels_a2.media.images import open_picture
from skyreels_a2.pipeline.folders import model_folder

OFFLINE = [
    *("character-lite", "object-lite", "background-lite", "sharpness", "flow-smoothness"),
    *("flow-dynamics", "copy-paste", "reference-flash", "identity-swap", "drift"),
]


def score(name, case, frames, weights, fps=10.0):
    (metric,) = open_metrics([name], weights)
    return measure_all(case, Footage(frames, fps), [metric])[name]


@pytest.mark.parametrize("name", OFFLINE)
def test_a_metric_ranks_known_truth_rightly(name, source, weights):
    (metric,) = open_metrics([name], weights)
    values = ranked(metric, ladder_for(metric, source, 0))
    assert values is not None
    assert spearman(list(values.values()), range(len(values), 0, -1)) >= 0.8


@pytest.mark.parametrize("name", ["character-dual", "object-dual", "text-dual"])
def test_the_embedded_encoder_tells_what_was_asked_from_what_was_not(name, source):
    (metric,) = open_metrics([name], Weights(model_folder=model_folder("a2-tiny")))
    ladder = ladder_for(metric, source, 0)
    *_, worst = ladder.versions
    values = ranked(
        metric, replace(ladder, versions={v: ladder.versions[v] for v in ("truth", worst)})
    )
    assert values["truth"] > values[worst]


def test_a_prompt_is_held_against_the_ends_alone_where_no_element_has_words(pictures, footage):
    (metric,) = open_metrics(["text-dual"], Weights(model_folder=model_folder("a2-tiny")))
    silent = Case("silent", Composition("a thing on a hill", (Element.object(pictures[0]),)))
    measured = metric.measure(silent, footage)
    assert measured.value == pytest.approx(100 * max(0.0, measured.details["whole"]))


def test_validity_leaves_out_metrics_without_their_network(source, weights):
    done = []
    metrics = open_metrics(["sharpness", "character-id"], weights)
    found = measure_validity(source, metrics, count=2, on_scene=lambda *n: done.append(n))
    assert list(found) == ["sharpness"]
    assert found["sharpness"].rho.count == 2
    assert list(found["sharpness"].means) == ["truth", "slightly blurred", "blurred", "noise"]
    assert done == [(1, 2), (2, 2)]


def test_an_element_is_found_where_it_is(scene, case, footage):
    frame = footage.indices(6)[3]
    element = scene.scene.cast[0].id
    left, top, right, bottom = scene.box(element, frame)
    match = best_match(case.composition.references[0], frame_cells(footage)[3])
    assert left / 160 - 0.12 <= match.x <= right / 160 + 0.12
    assert top / 96 - 0.15 <= match.y <= bottom / 96 + 0.15


def test_published_metrics_without_networks_are_missing_and_not_zero(case, footage, weights):
    names = [name for name, metric in METRICS.items() if metric.published]
    assert len(names) == 8
    for name, found in measure_all(case, footage, open_metrics(names, weights)).items():
        assert (found.status, found.value) == (Status.MISSING, None), name
        assert found.reason


def test_what_a_case_does_not_ask_is_not_applicable(footage, weights, pictures):
    place = Case("p", Composition("a place", (Element.background(pictures[2]),)))
    for name in ("character-lite", "object-lite", "identity-swap", "face-dlib", "copy-paste"):
        found = score(name, place, footage.frames, weights)
        assert (found.status, found.value) == (Status.NOT_APPLICABLE, None), name


def test_one_frame_is_no_motion(case, footage, weights):
    for name in ("flow-smoothness", "flow-dynamics", "reference-flash", "drift"):
        found = score(name, case, footage.frames[:1], weights)
        assert (found.status, found.value) == (Status.FAILED, 0.0)


@pytest.mark.parametrize("level", [0, 255])
def test_flat_videos_score_low_and_break_nothing(case, footage, weights, level):
    flat = np.full_like(footage.frames, level)
    metrics = open_metrics(OFFLINE, weights)
    empty = measure_all(case, Footage(flat, 10.0), metrics)
    for name, found in empty.items():
        assert found.status in (Status.OK, Status.NOT_APPLICABLE), (name, found.reason)
    truth = measure_all(case, footage, metrics[:3])
    for name, found in truth.items():
        assert empty[name].value < found.value
    assert empty["sharpness"].value == 0
    assert empty["flow-dynamics"].value == 0


def test_a_flash_says_where_to_cut(case, footage, weights):
    references = [
        fit(open_picture(r.picture).image, r.role, 160, 96) for r in case.composition.references
    ]
    clean = score("reference-flash", case, footage.frames, weights)
    assert clean.details["cut_at"] == 0
    for count in (1, 2):
        frames = worsening.flashed(footage.frames, references[:count])
        found = score("reference-flash", case, frames, weights)
        assert found.details["cut_at"] == count
        assert found.value < clean.value - 0.3


def test_a_paste_is_told_from_another_pose(case, scene, footage, weights):
    reference = open_picture(case.composition.references[0].picture).image
    pasted = score("copy-paste", case, worsening.pasted(footage.frames, reference), weights)
    assert pasted.value < 0.1
    assert pasted.details["identity"] > 0.5
    assert score("copy-paste", case, footage.frames, weights).value > pasted.value + 0.1


def test_vbench_calls_a_video_moving_when_a_quarter_of_its_frames_move():
    frames = np.zeros((17, 64, 64, 3), np.uint8)

    def flow(first, second):
        moving = second[0, 0, 0] > 0
        return np.full((64, 64, 2), 3.0 if moving else 0.0)

    def degree(count):
        marked = frames.copy()
        marked[1 : count + 1] = 255
        return dynamic_degree(Footage(marked, 8.0), flow)[0]

    # 17 frames ask for round(4 * 17 / 16) = 4 that move.
    assert [degree(n) for n in (0, 3, 4, 16)] == [False, False, True, True]


def test_dynamics_are_looked_at_eight_times_a_second(moving, weights, case):
    slow = score("flow-dynamics", case, moving, weights, fps=8)
    assert slow.value > 0.9
    assert slow.details["moves"] == 1
    still = score("flow-dynamics", case, worsening.frozen(moving), weights, fps=8)
    assert (still.value, still.details["moves"]) == (0.0, 0.0)


def test_a_cut_out_is_what_is_not_white():
    picture = Image.new("RGB", (50, 40), "white")
    picture.paste("red", (10, 5, 30, 25))
    cut, seen = cut_out(picture)
    assert cut.size == (20, 20)
    assert seen.all()
    blank, everywhere = cut_out(Image.new("RGB", (9, 7), "white"))
    assert blank.size == (9, 7)
    assert everywhere.all()


def test_unknown_metrics_are_told(weights):
    with pytest.raises(InputError, match="no metric is called 'sharpnes'"):
        open_metrics(["sharpnes"], weights)


def test_published_names_are_never_those_of_stand_ins():
    for metric in METRICS.values():
        assert metric.name == metric.name.lower()
        if not metric.published:
            assert metric.name not in {
                *("character-id", "object", "background", "image-quality", "aesthetic-quality"),
                *("motion-smoothness", "dynamic-degree", "image-text"),
            }


def test_the_documentation_has_one_row_for_every_metric():
    text = (Path(__file__).parents[2] / "docs/bench.md").read_text()
    rows = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    for name, metric in METRICS.items():
        assert name in rows
        assert f"| `{name}` | {metric.dimension.value} |" in text


def test_the_documentation_tells_the_validity_that_was_measured():
    text = (Path(__file__).parents[2] / "docs/bench.md").read_text()
    for name, rho in measured_validity().items():
        assert re.search(rf"\| `{name}` \|.*\| {rho:.2f}( \*\*weak\*\*)? \|", text)
        assert (f"{rho:.2f} **weak**" in text) or rho >= 0.8
