import numpy as np
import pytest
from material import found
from PIL import Image

from skyreels_a2.data.backends.motion import MotionSegmenter
from skyreels_a2.data.elements import on_white
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.places import free_rectangle
from skyreels_a2.data.records import Dropped, Kind
from skyreels_a2.data.settings import Settings
from skyreels_a2.scenes.truth import decode_mask


def test_a_moving_square_is_cut_out_exactly(scene_frames, tmp_path):
    shot = found(scene_frames, tmp_path)
    square, place = shot.elements
    assert (square.kind, place.kind) == (Kind.CHARACTER, Kind.BACKGROUND)
    mask = decode_mask(square.mask, (160, 256))
    truth = (scene_frames[square.frame] == (230, 20, 20)).all(axis=2)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9
    picture = np.asarray(Image.open(tmp_path / square.path))
    assert (picture[0] == 255).all()
    assert (picture[len(picture) // 2, picture.shape[1] // 2] == (230, 20, 20)).all()


def test_the_place_has_no_subject_in_it(scene_frames, tmp_path):
    place = found(scene_frames, tmp_path).elements[-1]
    crop = np.asarray(Image.open(tmp_path / place.path)).astype(int)
    assert not ((crop[..., 0] > 215) & (crop[..., 1] < 40)).any()
    assert (place.box[2] - place.box[0]) * (place.box[3] - place.box[1]) >= 0.15


def test_the_course_of_a_subject_is_told(scene_frames, tmp_path):
    course = found(scene_frames, tmp_path).elements[0].course
    xs = [x for _, x, _, _ in course]
    assert xs == sorted(xs)
    assert xs[-1] - xs[0] > 0.4


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("elements.min_area=0.5", "no subject"), ("elements.max_area=0.01", "no subject")],
)
def test_shots_without_a_usable_subject_are_dropped(scene_frames, tmp_path, setting, reason):
    shot = found(scene_frames, tmp_path, setting)
    assert isinstance(shot, Dropped)
    assert shot.reason == reason


def test_subjects_stay_themselves_under_a_panning_camera():
    rng = np.random.default_rng(2)
    place = np.kron(rng.integers(60, 200, (22, 50, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    frames = np.stack([place[8:168, 3 * i : 3 * i + 256] for i in range(25)]).copy()
    for number, frame in enumerate(frames):
        frame[50:110, 180 - 7 * number : 220 - 7 * number] = (20, 20, 240)
    tracks = MotionSegmenter(Settings().elements).tracks(Footage(frames, 12))
    long = [t for t in tracks if len(t.sightings) > 6]
    assert len(long) == 1
    for sighting in long[0].sightings:
        truth = (frames[sighting.frame] == (20, 20, 240)).all(axis=2)
        union = (sighting.mask | truth).sum()
        assert (sighting.mask & truth).sum() / union > 0.75


def test_the_free_rectangle_is_the_largest():
    taken = np.zeros((48, 48), bool)
    taken[:, :16] = True
    left, top, right, bottom = free_rectangle(taken)
    assert left >= 0.33
    assert (top, right, bottom) == (0, 1, 1)
    assert free_rectangle(np.ones((48, 48), bool)) == (0, 0, 0, 0)


def test_cut_outs_stand_on_white_with_a_margin():
    mask = np.zeros((40, 40), bool)
    mask[10:20, 10:30] = True
    picture = on_white(np.zeros((40, 40, 3), np.uint8), mask)
    assert picture.shape == (14, 24, 3)
    assert (picture == 0).all(axis=2).sum() == mask.sum()
