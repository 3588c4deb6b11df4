import json

import numpy as np
import pytest

from skyreels_a2.data.exchange.opens2v import decode_counts, import_opens2v
from skyreels_a2.errors import InputError
from skyreels_a2.media.images import open_picture
from skyreels_a2.media.videos import iter_frames, probe
from skyreels_a2.scenes.truth import encode_mask

CROP = (16, 112, 0, 80)
"""Left, right, top, bottom: a crop that tells the order of its sides."""
SIZE = (80, 96)


def written(runs):
    """COCO's compressed run lengths, written by the published rule."""
    text = ""
    for number, run in enumerate(runs):
        value = run - runs[number - 2] if number > 2 else run
        while True:
            group, value = value & 0x1F, value >> 5
            done = value == (-1 if group & 0x10 else 0)
            text += chr((group if done else group | 0x20) + 48)
            if done:
                break
    return text


def entry(path, *, gme=0.9):
    mask = np.zeros(SIZE, dtype=bool)
    mask[20:60, 30:70] = True
    rle = {"size": SIZE, "counts": written(encode_mask(mask))}
    return {
        "metadata": {
            "path": path,
            "face_cut": [2, 20],
            "crop": CROP,
            "face_cap_qwen": "A person waits.",
            "fps": 8,
        },
        "annotation": {
            "ann_frame_data": {
                "ann_frame_idx": 5,
                "annotations": [{"bbox": [28, 18, 72, 62], "aes_score": 5, "gme_score": gme}],
            },
            "mask_map": {"1": {"class_name": "person"}},
            "mask_annotation": {"5": {"1": rle}},
        },
    }


@pytest.fixture
def published(tmp_path, make_video):
    (tmp_path / "videos/part1").mkdir(parents=True)
    make_video(tmp_path / "videos/part1/a.mp4", num_frames=25, width=128, height=96)
    content = {
        "part1/a": entry("part1/a.mp4"),
        "unlike": entry("part1/a.mp4", gme=0.2),
        "gone": entry("part1/gone.mp4"),
        "odd": {"metadata": {}},
    }
    (tmp_path / "total.json").write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(("text", "runs"), [("03", (0, 3)), ("P2", (64,)), ("S1", (35,))])
def test_known_run_lengths(text, runs):
    assert decode_counts(text) == runs


def test_run_lengths_of_any_mask_come_back():
    random = np.random.default_rng(0)
    for size in ((3, 5), (64, 64), (200, 300)):
        runs = encode_mask(random.random(size) < 0.02)
        assert decode_counts(written(runs)) == tuple(runs)
    with pytest.raises(ValueError, match="middle of a number"):
        decode_counts("P")


def test_pictures_and_frames_are_cut_as_annotated(published):
    imported = import_opens2v(published / "total.json", published / "videos", published / "out")
    (row,) = imported.rows
    assert row.prompt == "A person waits."
    assert row.elements[0].role == "character"
    source = list(iter_frames(published / "videos/part1/a.mp4"))
    picture = np.asarray(open_picture(published / "out" / row.pictures[0]).image)
    assert picture.shape == (44, 44, 3)
    assert (picture[0] == 255).all(), "outside the mask it is white"
    inside = source[5][0:80, 16:112][20:60, 30:70]
    assert np.array_equal(picture[2:42, 2:42], inside)
    info = probe(published / "out" / row.video)
    assert (info.width, info.height, info.num_frames) == (96, 80, 17)
    first = next(iter_frames(published / "out" / row.video))
    assert np.abs(first.astype(int) - source[2][:80, 16:112]).mean() < 12


def test_what_is_left_out_is_counted(published):
    imported = import_opens2v(published / "total.json", published / "videos", published / "out")
    assert imported.dropped == {"no good subject": 1, "no video": 1, "wrong annotation": 1}
    kept = import_opens2v(
        published / "total.json", published / "videos", published / "more", min_gme=0.1
    )
    assert len(kept.rows) == 2


def test_a_file_that_is_no_annotation_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(InputError, match="is no table of videos"):
        import_opens2v(tmp_path / "a.json", tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="cannot be read"):
        import_opens2v(tmp_path / "missing.json", tmp_path, tmp_path / "out")
