import pytest
import torch

from skyreels_a2.errors import InputError, OutputError
from skyreels_a2.training import cache
from skyreels_a2.training.cache import CachedExamples, LiveExamples, build_cache


def test_cached_examples_are_the_live_ones_in_half_precision(pipeline, triplets, examples):
    live = LiveExamples(pipeline.conditioner(), triplets)
    assert len(examples) == len(live) == 12
    for number in (0, 11):
        ours, theirs = examples.example(number).tensors(), live.example(number).tensors()
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            torch.testing.assert_close(value, theirs[name])


def test_a_second_run_encodes_only_what_is_missing(pipeline, triplets, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "SHARD", 2)

    def build(count):
        settings = {"data": "scenes"}
        return build_cache(
            pipeline.conditioner(), triplets, tmp_path, count=count, settings=settings
        )

    assert build(4) == 4
    (tmp_path / ".00000004-2.safetensors.part").touch()
    assert build(6) == 2
    assert build(6) == 0
    assert len(CachedExamples(tmp_path)) == 6


def test_runs_that_share_the_work_make_the_whole(pipeline, triplets, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "SHARD", 2)
    counts = [
        build_cache(
            pipeline.conditioner(), triplets, tmp_path, count=5, settings={}, part=(index, 2)
        )
        for index in range(2)
    ]
    assert counts == [3, 2]
    assert len(CachedExamples(tmp_path)) == 5


def test_a_cache_of_other_settings_is_refused(pipeline, triplets, cache_folder):
    with pytest.raises(OutputError, match="other settings"):
        build_cache(
            pipeline.conditioner(), triplets, cache_folder, count=1, settings={"data": "others"}
        )


def test_an_empty_cache_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="skyreels-a2 cache"):
        CachedExamples(tmp_path)


def test_few_shards_in_memory_give_the_same(cache_folder, examples):
    small = CachedExamples(cache_folder, shards_in_memory=1)
    torch.testing.assert_close(small.example(5).latent_mean, examples.example(5).latent_mean)


def test_shapes_tell_numbers_of_references_apart(examples):
    counts = [int(examples.example(number).num_references) for number in range(len(examples))]
    pairs = set(zip(examples.shapes(), counts, strict=True))
    assert len(set(counts)) > 1
    assert len(pairs) == len({shape for shape, _ in pairs}) == len(set(counts))
