import csv
import json

import pytest
from PIL import Image

from skyreels_a2.bench.suites.registry import NAMES, open_suite
from skyreels_a2.bench.suites.scenes_50 import FOLDER, origins, read_scenes_50
from skyreels_a2.bench.suites.suite import Suite, TooMany, limit_references
from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.media.images import open_picture
from skyreels_a2.scenes.splits import Split, held_out_ids


@pytest.fixture
def folder(tmp_path):
    """Pictures that case files name."""
    for name in ("a.png", "b.png", "c.png", "scene/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (32, 32), "teal").save(tmp_path / name)
    return tmp_path


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def roles(case):
    return [element.role.value for element in case.composition.elements]


def test_scenes_50_has_fifty_cases_of_150_pictures_nobody_trains_on():
    suite = read_scenes_50()
    assert len(suite.cases) == 50
    pictures = {e.pictures[0] for case in suite.cases for e in case.composition.elements}
    assert len(pictures) == 150
    for case in suite.cases:
        assert roles(case) == ["character", "object", "background"]
        assert not list(case.composition.remarks())
    assets = {
        e["asset"]
        for row in json.loads((FOLDER / "cases.json").read_text())
        for e in row["elements"]
    }
    assert assets <= held_out_ids()
    assert origins()["scene-01"].source == "all"


def test_scenes_50_is_small_opens_and_states_its_licences():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000
    for path in FOLDER.glob("*.webp"):
        assert min(open_picture(path).image.size) >= 128
    licences = (FOLDER / "LICENSES.txt").read_text()
    for name in ("Fluent Emoji", "MIT", "CC0", "Apache-2.0"):
        assert name in licences


def test_characters_and_objects_of_scenes_50_differ_from_case_to_case():
    rows = json.loads((FOLDER / "cases.json").read_text())
    subjects = [e["asset"] for row in rows for e in row["elements"] if e["role"] != "background"]
    assert len(set(subjects)) == len(subjects) == 100
    assert Split.HELD_OUT


def test_a2_bench_reads_any_field_names(folder):
    rows = [
        {
            "no": 7,
            "caption": "they meet",
            "person": "a.png",
            "thing": ["b.png", "c.png"],
            "place": "scene/d.png",
        }
    ]
    fields = {
        "id": "no",
        "prompt": "caption",
        "character": "person",
        "object": "thing",
        "background": "place",
    }
    suite = open_suite("a2-bench", write(folder / "cases.json", rows), fields=fields)
    (case,) = suite.cases
    assert (case.id, case.composition.prompt) == ("7", "they meet")
    assert roles(case) == ["character", "object", "object", "background"]
    assert suite.video_name(case) == "7.mp4"


def test_a2_bench_reads_lines_objects_and_folders(folder):
    row = {"prompt": "it waits", "character": "a.png"}
    lines = folder / "cases.jsonl"
    lines.write_text(json.dumps(row) + "\n\n" + json.dumps(row) + "\n")
    assert [c.id for c in open_suite("a2-bench", lines).cases] == ["001", "002"]
    keyed = open_suite("a2-bench", write(folder / "keyed.json", {"x": row}))
    assert keyed.cases[0].id == "x"
    sub = folder / "set" / "first"
    sub.mkdir(parents=True)
    (sub / "prompt.txt").write_text("a fox runs\n")
    for name in ("character.png", "object-1.png", "object-2.png", "background.png"):
        Image.new("RGB", (32, 32)).save(sub / name)
    (case,) = open_suite("a2-bench", folder / "set").cases
    assert roles(case) == ["character", "object", "object", "background"]


def test_opens2v_reads_its_case_file(folder):
    entries = {
        "humanobj_1": {
            "img_paths": ["a.png", "b.png", "scene/d.png"],
            "prompt": "a man sits",
            "class_label": ["Man", "Cup", "Park"],
            "synthesis_flag": "wrong",
        }
    }
    path = write(folder / "Open-Domain_Eval.json", entries)
    (case,) = open_suite("opens2v", path).cases
    assert roles(case) == ["character", "object", "background"]
    assert case.domain == "open"
    assert case.elements(Role.OBJECT)[0].description == "cup"
    assert all(e.pictures[0].is_file() for e in case.composition.elements)


def test_intelligentvbench_reads_its_csv_and_drops_only_when_told(folder):
    path = folder / "mi2v.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["index", "subject_img_1", "subject_img_2", "subject_img_3", "background_img", "prompt"]
        )
        writer.writerow(["11", "a.png", "b.png", "c.png", "scene/d.png", "three meet"])
        writer.writerow(["12", "a.png", "", "", "scene/d.png", "one waits"])
    suite = open_suite("intelligentvbench", path)
    assert [case.domain for case in suite.cases] == ["3 subjects", "1 subject"]
    with pytest.raises(InputError, match="case 11 has 4 references and the model takes 3"):
        limit_references(suite, 3, TooMany.FAIL)
    limited = limit_references(suite, 3, TooMany.DROP)
    assert roles(limited.cases[0]) == ["character", "character", "background"]
    assert limited.cases[1] is suite.cases[1]
    assert limited.remarks == ("case 11: 1 of 4 references were dropped",)


def test_vbench_writes_the_prompt_file_of_its_custom_input(folder):
    rows = {
        "v1": {
            "prompt_en": "a cat naps",
            "images": ["a.png", {"path": "b.png", "role": "background"}],
        }
    }
    suite = open_suite("vbench", write(folder / "cases.json", rows))
    assert roles(suite.cases[0]) == ["object", "background"]
    assert json.loads(suite.files["prompts.json"]) == {"v1.mp4": "a cat naps"}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("opens2v", ["x"], "expected an object of entries"),
        ("opens2v", {"x": {"prompt": "p"}}, "has no img_paths"),
        ("a2-bench", [{"prompt": "p"}], "has no picture under any of"),
        ("a2-bench", [{"character": "a.png"}], "has no text under 'prompt'"),
        ("a2-bench", ["x"], "expected an object"),
        ("vbench", {"x": {"prompt": "p"}}, "has no images"),
        ("vbench", {"x": {"prompt": "p", "images": [{"path": "a", "role": "hero"}]}}, "'hero'"),
        ("vbench", [], "has no case"),
    ],
)
def test_files_that_are_not_as_they_should_be_are_told_in_one_line(folder, name, content, told):
    with pytest.raises(InputError, match=told) as error:
        open_suite(name, write(folder / "bad.json", content))
    assert "\n" not in str(error.value)


def test_unknown_names_and_missing_files_are_told(tmp_path):
    with pytest.raises(InputError, match="use scenes-50, a2-bench"):
        open_suite("vbnech")
    for name in NAMES[1:]:
        with pytest.raises(InputError, match="--cases"):
            open_suite(name)
    with pytest.raises(InputError, match="is not there"):
        open_suite("opens2v", tmp_path / "no.json")


def test_shards_are_disjoint_and_cover_the_suite():
    suite = read_scenes_50()
    parts = [suite.shard(i, 4) for i in range(4)]
    ids = [case.id for part in parts for case in part]
    assert sorted(ids) == sorted(case.id for case in suite.cases)
    assert len(suite.first(3).cases) == 3
    with pytest.raises(InputError, match="use 0/4 to 3/4"):
        suite.shard(4, 4)


def test_two_cases_of_one_id_are_refused(cases):
    with pytest.raises(InputError, match="two cases 'case-0'"):
        Suite("x", (cases[0], cases[0]))
