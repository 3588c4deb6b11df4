import json

import numpy as np
import pytest
from PIL import Image

from skyreels_a2.errors import InputError
from skyreels_a2.media.videos import save_video
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.render import render
from skyreels_a2.scenes.sampling import sample_scene
from skyreels_a2.training.triplets import SCENES, ManifestTriplets, SceneTriplets
from skyreels_a2.video import Video, VideoSpec

SPEC = VideoSpec(32, 32, 9, 10)


@pytest.fixture
def folder(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (13, 48, 64, 3), dtype=np.uint8)
    save_video(Video(frames, VideoSpec(64, 48, 13, 10)), tmp_path / "a.mp4")
    save_video(Video(frames[:5], VideoSpec(64, 48, 5, 10)), tmp_path / "short.mp4")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "anna.png")
    return tmp_path


def manifest(folder, *rows):
    (folder / "triplets.jsonl").write_text(
        "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    )


def row(video="a.mp4", picture="anna.png", views=1):
    elements = [{"role": "character", "pictures": [picture] * views, "name": "anna"}]
    return {"video": video, "prompt": "@anna waves", "elements": elements}


def test_a_row_becomes_a_triplet_of_the_size_asked_for(folder):
    manifest(folder, row())
    triplet = ManifestTriplets(folder, SPEC).triplet(0)
    assert triplet.video.spec == SPEC
    assert triplet.composition.text == "anna waves"


def test_wrong_rows_are_counted_and_left_out(folder, caplog):
    manifest(folder, row(), "no json", {"video": "a.mp4"}, row())
    triplets = ManifestTriplets(folder, SPEC)
    assert len(triplets) == 2
    assert triplets.dropped["wrong rows"] == 2
    assert "triplets.jsonl:2" in caplog.text


@pytest.mark.parametrize(
    "bad", [row("broken.mp4"), row("short.mp4"), row(picture="gone.png"), row(views=3)]
)
def test_broken_files_are_counted_and_their_neighbour_serves(folder, bad):
    manifest(folder, bad, row())
    triplets = ManifestTriplets(folder, SPEC)
    assert triplets.triplet(0).video.spec == SPEC
    assert triplets.dropped["broken files"] == 1


def test_a_manifest_of_nothing_but_broken_files_is_an_error(folder):
    manifest(folder, row("broken.mp4"))
    with pytest.raises(InputError, match="not one of 1"):
        ManifestTriplets(folder, SPEC).triplet(0)


def test_no_manifest_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"triplets\.jsonl cannot be read"):
        ManifestTriplets(tmp_path, SPEC)


def test_a_scene_of_a_number_is_the_same_every_time(triplets):
    first, again = triplets.triplet(3), triplets.triplet(3)
    np.testing.assert_array_equal(first.video.frames, again.video.frames)
    assert first.composition.text == again.composition.text
    assert isinstance(triplets, SceneTriplets)


def test_every_second_scene_is_dyed_and_told_by_roles():
    source = BuiltinSource()
    triplets = SceneTriplets(source)
    plain, dyed = (triplets.triplet(number) for number in (4, 5))
    assert all(element.description for element in plain.composition.elements)
    assert not any(element.description for element in dyed.composition.elements)
    scene = sample_scene(source, 5, spec=SCENES)
    assert dyed.composition.text == render(scene, source).composition.role_text
    assert not np.array_equal(dyed.video.frames, render(scene, source).frames)
