import hashlib
import json
import tarfile
import tomllib

import pytest

from skyreels_a2.data.exchange.exporters import EXPORTERS, export
from skyreels_a2.errors import InputError, OutputError
from skyreels_a2.media.videos import probe


def test_videox_fun_gets_at_most_four_pictures_and_words_instead_of_names(dataset, tmp_path):
    assert export(dataset, tmp_path / "out", "videox-fun") == 2
    entries = json.loads((tmp_path / "out/metadata.json").read_text())
    assert [entry["text"] for entry in entries] == ["a girl in red walks.", "Five\nthings."]
    assert [len(entry["object_file_path"]) for entry in entries] == [2, 4]
    assert {entry["type"] for entry in entries} == {"video"}
    for entry in entries:
        assert probe(tmp_path / "out" / entry["file_path"]).num_frames == 13
        for picture in entry["object_file_path"]:
            assert (tmp_path / "out" / picture).is_file()


def test_finetrainers_gets_one_line_for_each_video(dataset, tmp_path):
    export(dataset, tmp_path / "out", "finetrainers")
    videos = (tmp_path / "out/videos.txt").read_text().splitlines()
    prompts = (tmp_path / "out/prompts.txt").read_text().splitlines()
    assert prompts == ["a girl in red walks.", "Five things."]
    assert all((tmp_path / "out" / video).is_file() for video in videos)
    assert len(videos) == 2


def test_musubi_tuner_gets_its_settings_too(dataset, tmp_path):
    export(dataset, tmp_path / "out", "musubi-tuner")
    settings = tomllib.loads((tmp_path / "out/dataset.toml").read_text())
    metadata = tmp_path / "out" / settings["datasets"][0]["video_jsonl_file"]
    lines = [json.loads(line) for line in metadata.read_text().splitlines()]
    assert [len(line["references"]) for line in lines] == [2, 5]
    assert all((tmp_path / "out" / line["video_path"]).is_file() for line in lines)


def test_webdataset_keeps_a_triplet_together_and_is_the_same_every_time(dataset, tmp_path):
    for name in ("one", "two"):
        export(dataset, tmp_path / name, "webdataset")
    shards = [tmp_path / name / "triplets-000000.tar" for name in ("one", "two")]
    assert shards[0].read_bytes() == shards[1].read_bytes()
    with tarfile.open(shards[0]) as shard:
        names = shard.getnames()
        about = json.load(shard.extractfile("00000000.json"))
        video = shard.extractfile("00000000.mp4").read()
    assert names[:4] == [f"00000000.{end}" for end in ("mp4", "json", "ref0.png", "ref1.png")]
    assert video == (dataset / "videos/0.mp4").read_bytes()
    assert about["text"] == "a girl in red walks."
    assert about["references"] == names[2:4]


@pytest.mark.parametrize("layout", EXPORTERS)
def test_every_file_has_its_checksum(layout, dataset, tmp_path):
    out = tmp_path / "out"
    export(dataset, out, layout)
    listed = dict(line.split("  ")[::-1] for line in (out / "SHA256SUMS").read_text().splitlines())
    files = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert set(listed) == files - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest


def test_an_export_of_a_broken_data_set_leaves_nothing(dataset, tmp_path):
    (dataset / "references/4.png").unlink()
    with pytest.raises(InputError, match=r"4\.png is gone"):
        export(dataset, tmp_path / "out", "videox-fun")
    assert not (tmp_path / "out").exists()


def test_wrong_requests_are_told_in_one_line(dataset, tmp_path):
    with pytest.raises(InputError, match="choose one of videox-fun, finetrainers"):
        export(dataset, tmp_path / "out", "nonsense")
    with pytest.raises(OutputError, match="exists"):
        export(dataset, dataset, "webdataset")
    with pytest.raises(InputError, match="give the folder of a data set"):
        export(tmp_path, tmp_path / "out", "webdataset")
    (dataset / "triplets.jsonl").write_text('{"video": "a.mp4"}\n')
    with pytest.raises(InputError, match=r"triplets\.jsonl:1: prompt"):
        export(dataset, tmp_path / "out", "webdataset")
