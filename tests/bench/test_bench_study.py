import csv
import io
import json

import pytest
from bench_chromium import Chromium, find_chromium

from skyreels_a2.bench.study import CRITERIA, aggregate_study, write_kit
from skyreels_a2.bench.suites.suite import Suite
from skyreels_a2.errors import InputError, OutputError


@pytest.fixture
def kit(cases, write_video, moving, tmp_path):
    """Two systems on two cases; the second system lacks one."""
    for name in ("one/case-0.webm", "one/case-1.webm", "two/case-0.webm"):
        write_video(name, moving)
    suite = Suite("two", tuple(cases[:2]))
    write_kit(suite, {"one": tmp_path / "one", "two": tmp_path / "two"}, tmp_path / "kit")
    return tmp_path / "kit"


def marks(path, rows):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["rater", "video", "criterion", "mark"])
    writer.writerows(rows)
    path.write_text(text.getvalue())
    return path


def test_the_kit_names_nobody_and_the_key_stays_outside(kit):
    key = json.loads(kit.with_name("kit-key.json").read_text())
    assert sorted((e["system"], e["case"]) for e in key.values()) == [
        ("one", "case-0"),
        ("one", "case-1"),
        ("two", "case-0"),
    ]
    names = sorted(path.name for path in kit.rglob("*") if path.is_file())
    assert names == sorted([*(f"{item}.webm" for item in key), "study.html"])
    assert len(names) == 4
    page = (kit / "study.html").read_text()
    assert "case-0" not in page
    assert len(CRITERIA) == 10
    for criterion, words in CRITERIA:
        assert criterion in page
        assert words in page


def test_the_order_is_decided_by_the_seed(cases, write_video, moving, tmp_path):
    for number in range(3):
        write_video(f"one/case-{number}.mp4", moving)
    suite, orders = Suite("three", tuple(cases)), set()
    for seed in range(5):
        write_kit(suite, {"one": tmp_path / "one"}, tmp_path / f"kit{seed}", seed=seed)
        key = json.loads((tmp_path / f"kit{seed}-key.json").read_text())
        orders.add(tuple(entry["case"] for entry in key.values()))
    assert len(orders) > 1


def test_another_kit_of_the_same_cases_has_other_names(kit, cases, write_video, moving, tmp_path):
    for name in ("one/case-0.webm", "one/case-1.webm", "two/case-0.webm"):
        write_video(f"new/{name}", moving[::-1])
    suite, systems = (
        Suite("two", tuple(cases[:2])),
        {n: tmp_path / "new" / n for n in ("one", "two")},
    )
    write_kit(suite, systems, tmp_path / "other")
    keys = [json.loads((tmp_path / f"{n}-key.json").read_text()) for n in ("kit", "other")]
    assert list(keys[0].values()) == list(keys[1].values())
    assert not set(keys[0]) & set(keys[1])


def test_marks_are_summed_by_system_with_agreement(kit, tmp_path):
    key = json.loads(kit.with_name("kit-key.json").read_text())
    good = [item for item, entry in key.items() if entry["system"] == "one"]
    rows = [(rater, item, "quality", 5 if item in good else 2) for rater in "ab" for item in key]
    result = aggregate_study(
        [marks(tmp_path / "a.csv", rows[:3]), marks(tmp_path / "b.csv", rows[3:])],
        kit.with_name("kit-key.json"),
    )
    assert result.raters == ["a", "b"]
    assert result.marks["one"]["quality"].mean == 5
    assert result.marks["two"]["quality"].mean == 2
    assert result.alpha["quality"] == pytest.approx(1.0)
    assert result.alpha["face"] is None
    assert "face" not in result.marks["one"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("a", "000000-001", "quality", 3), "is no mark of this study"),
        (("a", "ITEM", "charm", 3), "is no mark of this study"),
        (("a", "ITEM", "quality", 7), "is no mark of this study"),
        (("a", "ITEM", "quality", "good"), "line 2: expected rater,video,criterion,mark"),
    ],
)
def test_marks_of_another_study_are_refused(kit, tmp_path, row, told):
    (item, *_) = json.loads(kit.with_name("kit-key.json").read_text())
    row = [item if cell == "ITEM" else cell for cell in row]
    with pytest.raises(InputError, match=told):
        aggregate_study([marks(tmp_path / "a.csv", [row])], kit.with_name("kit-key.json"))


def test_a_kit_without_videos_or_into_a_full_folder_is_refused(kit, cases, tmp_path):
    suite = Suite("one", tuple(cases[:1]))
    with pytest.raises(InputError, match="no video of three"):
        write_kit(suite, {"three": tmp_path / "none"}, tmp_path / "new")
    with pytest.raises(OutputError, match="is not empty"):
        write_kit(suite, {"one": tmp_path / "one"}, kit)


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_a_rater_marks_videos_in_a_real_browser_and_exports_them(kit, tmp_path):
    pytest.importorskip("websockets", reason="websockets is not installed")
    with Chromium(tmp_path / "profile") as browser:
        browser.open(kit / "study.html")
        browser.store_until_kept()
        browser.run("document.getElementById('rater').value='Ann, \"the\" rater'")
        browser.run("document.querySelector('button').click()")
        browser.until("document.querySelectorAll('input[type=radio]').length===50")
        browser.until("document.querySelector('video').readyState>=2")
        for place in range(3):
            browser.run(
                "document.querySelectorAll('.opts').forEach((o,i)=>"
                f"o.querySelectorAll('input')[(i+{place})%5].click())"
            )
            browser.run("document.getElementById('next').click()")
        assert "3 of 3 videos complete" in browser.run("document.getElementById('told').innerText")
        exported = browser.run("csv()")
        # What was marked is still there after the page is read anew. (The browser stores it
        # behind the page's back, so a busy machine needs a moment.)
        browser.reload_until("document.querySelectorAll('input:checked').length===10")
        browser.screenshot(tmp_path / "study.png")
    (tmp_path / "ann.csv").write_text(exported, newline="")
    result = aggregate_study([tmp_path / "ann.csv"], kit.with_name("kit-key.json"))
    assert result.raters == ['Ann, "the" rater']
    assert sum(found.count for found in (row["face"] for row in result.marks.values())) == 3


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_every_rater_has_an_order_of_their_own(kit, tmp_path):
    pytest.importorskip("websockets", reason="websockets is not installed")
    with Chromium(tmp_path / "profile") as browser:
        browser.open(kit / "study.html")
        orders = browser.run("['a','b','c','d','e','f'].map(n=>order(n).join())")
    assert len(set(orders)) > 1
    assert all(sorted(o.split(",")) == ["0", "1", "2"] for o in orders)
