import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from skyreels_a2.errors import InputError
from skyreels_a2.media.videos import read_video
from skyreels_a2.scenes.dataset import render_dataset, scene_seed
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.scenes.scene import SceneSpec
from skyreels_a2.scenes.truth import Truth, decode_mask, encode_mask, truth_of
from skyreels_a2.video import VideoSpec

SOURCE = BuiltinSource()
SPEC = SceneSpec(video=VideoSpec(80, 48, 17, 8), shots=(2, 2), shot_frames=8)


@given(mask=arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_masks_survive_their_run_lengths(mask):
    runs = encode_mask(mask)
    assert sum(runs) == mask.size
    np.testing.assert_array_equal(decode_mask(runs, mask.shape), mask)


def test_run_lengths_go_down_the_columns_as_in_coco():
    mask = np.array([[0, 1], [0, 1], [1, 0]], dtype=bool)
    assert encode_mask(mask) == (2, 3, 1)


@pytest.mark.parametrize("seed", range(4))
def test_truth_survives_json(seed):
    result = render(sample_scene(SOURCE, seed, spec=SPEC), SOURCE)
    truth = truth_of(result, video="videos/000001.mp4")
    again = Truth.from_json(truth.to_json())
    assert again == truth
    for element in truth.elements:
        np.testing.assert_array_equal(again.mask(element.id, 9), result.mask(element.id, 9))


def test_truth_says_who_does_what_where():
    result = render(sample_scene(SOURCE, 3, spec=SPEC), SOURCE)
    truth = truth_of(result)
    assert [(s.start, s.stop) for s in truth.shots] == [
        (s.start, s.stop) for s in result.scene.shots
    ]
    acts = {(a.shot, e.id): a for e in truth.elements for a in e.acts}
    for number, shot in enumerate(result.scene.shots):
        for actor in shot.actors:
            act = acts[number, actor.subject.id]
            assert (act.motion, act.direction) == (actor.action, actor.direction)
    for phrase in truth.phrases:
        assert truth.caption[phrase.start : phrase.end] == result.caption.words(phrase)


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 1}', "nonsense", '{"format": 99}'])
def test_anything_else_is_an_error(text):
    with pytest.raises(InputError, match="truth"):
        Truth.from_json(text)


def contents(folder):
    """Bytes of all files; of videos their presence, for an encoder may pack frames differently."""
    files = {p.relative_to(folder): p for p in folder.rglob("*") if p.is_file()}
    return {n: n.suffix == ".mp4" or p.read_bytes() for n, p in files.items()}


def test_a_dataset_is_complete_deterministic_and_taken_up_again(tmp_path):
    told = []
    one, two = tmp_path / "one", tmp_path / "two"
    render_dataset(SOURCE, one, count=2, seed=7, spec=SPEC, on_video=lambda *n: told.append(n))
    assert told == [(1, 2), (2, 2)]
    truth = Truth.from_json((one / "truth" / "000001.json").read_text())
    assert read_video(one / truth.video).frames.shape == (17, 48, 80, 3)
    assert all((one / e.reference).is_file() for e in truth.elements)

    render_dataset(SOURCE, two, count=1, seed=7, spec=SPEC)
    (two / "truth" / "000001.json").unlink()
    assert render_dataset(SOURCE, two, count=2, seed=7, spec=SPEC) == 2
    assert contents(one) == contents(two)
    assert render_dataset(SOURCE, two, count=2, seed=7, spec=SPEC) == 0
    assert not [p for p in two.rglob("*") if p.name.startswith(".")]


def test_a_folder_keeps_to_its_settings(tmp_path):
    render_dataset(SOURCE, tmp_path, count=0, seed=1, spec=SPEC)
    assert json.loads((tmp_path / "settings.json").read_text())["seed"] == 1
    with pytest.raises(InputError, match="other settings"):
        render_dataset(SOURCE, tmp_path, count=0, seed=2, spec=SPEC)


def test_seeds_of_scenes_differ():
    seeds = {scene_seed(s, n) for s in range(20) for n in range(20)}
    assert len(seeds) == 400
