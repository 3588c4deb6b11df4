from dataclasses import replace

import numpy as np
import pytest
from material import JUDGED, found
from PIL import Image

from skyreels_a2.data.backends.choice import open_backends
from skyreels_a2.data.backends.motion import MotionSegmenter
from skyreels_a2.data.backends.plates import empty_scenes
from skyreels_a2.data.backends.protocols import Sighting
from skyreels_a2.data.backends.salient import SalientSegmenter
from skyreels_a2.data.backends.tracking import link
from skyreels_a2.data.elements import dissect, on_white
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.places import free_rectangle
from skyreels_a2.data.records import Dropped, Kind
from skyreels_a2.data.settings import Settings
from skyreels_a2.data.vision import IDENTITY, camera_motion
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


def test_a_camera_that_stands_still_is_seen_to_though_a_subject_has_most_corners():
    rng = np.random.default_rng(3)
    before = np.kron(rng.integers(90, 120, (20, 32)), np.ones((8, 8))).astype(np.uint8)
    after = before.copy()
    checks = np.kron(rng.integers(0, 255, (15, 15)), np.ones((6, 6))).astype(np.uint8)
    before[30:120, 20:110], after[30:120, 28:118] = checks, checks
    assert np.allclose(camera_motion(before, after), IDENTITY, atol=1e-3)


def test_who_sways_on_the_spot_is_no_scenery():
    rng = np.random.default_rng(4)
    place = rng.integers(90, 110, (160, 256, 3)).astype(np.uint8)
    frames = np.repeat(place[None], 25, axis=0)
    for number, frame in enumerate(frames):
        right, down = ((0, 0), (8, 0), (8, 8), (0, 8))[number // 2 % 4]
        frame[40 + down : 120 + down, 100 + right : 160 + right] = (230, 20, 20)
    for scene, known in empty_scenes(list(frames)):
        assert known.all()
        assert (scene[..., 0] > 150).mean() < 0.001
    track = max(MotionSegmenter(Settings().elements).tracks(Footage(frames, 12)), key=_length)
    for sighting in track.sightings:
        truth = (frames[sighting.frame] == (230, 20, 20)).all(axis=2)
        assert (sighting.mask & truth).sum() / (sighting.mask | truth).sum() > 0.85


def test_two_that_meet_stay_two_and_count_as_present_while_they_touch():
    frames = np.full((12, 100, 200, 3), 90, np.uint8)
    seen = []
    for number, frame in enumerate(frames):
        still, goer = _box(80, 20, 130, 90), _box(8 + 16 * number, 40, 28 + 16 * number, 60)
        frame[still], frame[goer & ~still] = (20, 20, 230), (230, 20, 20)
        touching = 4 <= number <= 7
        masks = [still | goer] if touching else [still, goer]
        seen.append([Sighting(number, mask) for mask in masks])
    tracks = sorted(link(list(frames), seen), key=_length)
    assert [len(t.sightings) for t in tracks] == [8, 12]
    assert [t.presence for t in tracks] == [1, 1]
    assert {s.frame for s in tracks[1].sightings if s.trust < 1} == {4, 5, 6, 7}


def test_a_subject_that_was_lost_is_the_same_when_it_comes_back():
    frames = np.full((20, 100, 200, 3), 90, np.uint8)
    frames[:, 20:60, 20:60] = (20, 20, 230)
    frames[:, 30:70, 120:160] = (230, 200, 20)
    blue, yellow = _box(20, 20, 60, 60), _box(120, 30, 160, 70)
    numbers = [*range(5), *range(12, 20)]
    seen = [
        [Sighting(n, blue), Sighting(n, yellow)] if n in numbers else [Sighting(n, yellow)]
        for n in range(20)
    ]
    assert sorted(map(_length, link(list(frames), seen))) == [13, 20]


def test_of_more_subjects_than_are_named_the_clearest_stay(scene_frames, tmp_path):
    for number, frame in enumerate(scene_frames):
        frame[5:55, 200 - 6 * number : 225 - 6 * number] = (20, 20, 230)
        frame[130:158, 150 - 2 * number : 170 - 2 * number] = (230, 230, 20)
    everyone = found(scene_frames, tmp_path, "elements.max_subjects=3").elements[:-1]
    two = found(scene_frames, tmp_path, "elements.max_subjects=2").elements[:-1]
    assert len(everyone) == 3
    ranked = sorted(everyone, key=lambda e: e.presence * e.score, reverse=True)
    assert {e.box for e in two} == {e.box for e in ranked[:2]}
    one = found(scene_frames, tmp_path, "elements.max_subjects=1")
    assert (one.reason, one.detail) == ("too many subjects", "3 subjects")


def test_a_second_look_finds_what_does_not_move(scene_frames, tmp_path):
    still = np.repeat(scene_frames[10:11], 25, axis=0)

    def matting(picture):
        return (np.abs(picture.astype(int) - (230, 20, 20)).sum(axis=2) < 90).astype(np.float32)

    settings = Settings()
    backends = open_backends(settings)
    footage = Footage(still, 12)
    first, _ = dissect(JUDGED, footage, settings.elements, backends, tmp_path)
    assert first.reason == "no subject"
    second = replace(backends, second=SalientSegmenter(settings.elements, matting))
    shot, left_out = dissect(JUDGED, footage, settings.elements, second, tmp_path)
    assert [e.kind for e in shot.elements] == [Kind.CHARACTER, Kind.BACKGROUND]
    assert not left_out


def test_subjects_of_which_there_is_no_good_picture_are_left_out(scene_frames, tmp_path):
    assert found(scene_frames, tmp_path, "elements.min_rating=1").reason == "no subject"


def _length(track):
    return len(track.sightings)


def _box(left, top, right, bottom):
    mask = np.zeros((100, 200), bool)
    mask[top:bottom, left:right] = True
    return mask
