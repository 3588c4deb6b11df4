"""Data sets built by shard are the one that is built at once."""

from dataclasses import replace

import pytest
from material import HERE, SETTINGS

from skyreels_a2.cli.main import run
from skyreels_a2.data.build import build
from skyreels_a2.data.check import check
from skyreels_a2.data.merging import merge
from skyreels_a2.data.tables import read_table
from skyreels_a2.errors import InputError


@pytest.fixture(scope="module")
def shards(raw, tmp_path_factory):
    """The raw videos' two shards; do not change them."""
    folder = tmp_path_factory.mktemp("shards")
    for index in range(2):
        build(raw / "videos", folder / str(index), replace(HERE, shard=(index, 2)))
    return [folder / "0", folder / "1"]


def contents(dataset):
    tables = {name: read_table(dataset, name) for name in ("shots", "elements", "triplets")}
    return tables | {"embeddings": {r["element_id"] for r in read_table(dataset, "embeddings")}}


def test_shards_put_together_are_the_whole(shards, dataset, raw, tmp_path):
    out = tmp_path / "whole"
    merge(shards, out)
    assert list(check(out)) == []
    assert contents(out) == contents(dataset)
    done = []
    build(raw / "videos", out, HERE, on_unit=lambda *n: done.append(n))
    assert done == []  # it goes on as if it had been built here


def test_a_shard_is_added_to_what_is_there_and_twice_is_once(shards, tmp_path):
    out = tmp_path / "whole"
    merge(shards[:1], out)
    first = contents(out)
    merge(shards, out)
    merge(shards, out)
    assert len(contents(out)["shots"]) > len(first["shots"])
    assert list(check(out)) == []


def test_other_settings_are_refused_before_anything_is_written(raw, shards, tmp_path):
    other = replace(HERE, settings=SETTINGS.with_settings(["shots.min_seconds=1.5"]))
    build(raw / "videos", tmp_path / "other", other)
    with pytest.raises(InputError, match="built with different settings"):
        merge([shards[0], tmp_path / "other"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build", "{raw}", "--out", "{out}", "--shard", "2/2"], "use I/N"),
        (["build", "{raw}", "--out", "{out}", "--shard", "9/10"], "holds no video"),
        (["merge", "{raw}", "--out", "{out}"], "is no data set of `data build`"),
    ],
)
def test_what_cannot_be_is_one_clear_line(raw, tmp_path, capsys, arguments, said):
    places = {"raw": raw / "videos", "out": tmp_path / "out"}
    assert run(["data", *(text.format(**places) for text in arguments)]) != 0
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
