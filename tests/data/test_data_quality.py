import numpy as np
import pytest
from material import SHOT

from skyreels_a2.data.footage import Footage
from skyreels_a2.data.quality import judge
from skyreels_a2.data.records import Dropped, JudgedShot
from skyreels_a2.data.settings import QualitySettings
from skyreels_a2.data.vision import resize


def verdict(frames, **settings):
    outcome = judge(SHOT, Footage(frames, 12), QualitySettings(**settings))
    return outcome.reason if isinstance(outcome, Dropped) else outcome


def test_a_subject_that_moves_is_kept(scene_frames):
    kept = verdict(scene_frames)
    assert isinstance(kept, JudgedShot)
    assert kept.scores.subject_area > 0.05
    assert len(kept.hashes) == 5


def test_a_still_picture_is_dropped(scene_frames):
    assert verdict(np.repeat(scene_frames[:1], 25, axis=0)) == "static"


def test_nothing_but_a_pan_is_dropped():
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 255, (30, 60, 3)).astype(np.uint8)
    wide = resize(coarse, 480, 240)
    frames = np.stack([wide[20:180, 2 * i : 2 * i + 256] for i in range(25)])
    assert verdict(frames) == "camera motion only"


@pytest.mark.parametrize(("level", "reason"), [(4, "black"), (252, "white"), (120, "no contrast")])
def test_empty_pictures_are_dropped(level, reason):
    assert verdict(np.full((25, 160, 256, 3), level, np.uint8)) == reason


def test_blur_is_dropped(scene_frames):
    blurred = np.stack([resize(resize(f, 12, 8), 256, 160) for f in scene_frames])
    assert verdict(blurred) == "blurred"


def test_thresholds_are_settings(scene_frames):
    assert verdict(scene_frames, max_motion=0.01) == "too much motion"
