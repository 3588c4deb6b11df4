import numpy as np
import pytest
import torch
from material import SHOT
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from skyreels_a2.data.backends.choice import open_backends
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.quality import judge
from skyreels_a2.data.records import Dropped, JudgedShot
from skyreels_a2.data.settings import QualitySettings, Settings
from skyreels_a2.data.vision import resize
from skyreels_a2.errors import ModelError


def verdict(frames, **settings):
    wishes = Settings(quality=QualitySettings(**settings))
    outcome = judge(SHOT, Footage(frames, 12), wishes.quality, open_backends(wishes))
    return outcome.reason if isinstance(outcome, Dropped) else outcome


def test_a_subject_that_moves_is_kept(scene_frames):
    kept = verdict(scene_frames)
    assert isinstance(kept, JudgedShot)
    assert kept.scores.subject_area > 0.05
    assert len(kept.hashes) == 9


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


def written(frames, text, place, size):
    """The frames with words on them."""
    import cv2

    large = np.stack([resize(frame, 640, 400) for frame in frames])
    for frame in large:
        cv2.putText(frame, text, place, 0, size, (255, 255, 255), 3)
    return large


def test_text_over_the_picture_is_found_and_its_share_kept(scene_frames):
    pytest.importorskip("rapidocr", reason="the extra `text` is not installed")
    plain = written(scene_frames, "", (0, 0), 1)
    few = {"text": "ocr", "looks": 1}
    assert verdict(plain, **few).scores.text == 0
    assert verdict(written(scene_frames, "BREAKING NEWS", (60, 300), 2), **few) == "text"
    marked = verdict(written(scene_frames, "photo.com", (430, 390), 0.8), **few)
    assert 0 < marked.scores.text < 0.02


def test_marks_below_the_wished_one_drop_a_shot(scene_frames, tmp_path):
    clip, head = tmp_path / "clip", tmp_path / "head.pth"
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    config = CLIPVisionConfig(
        **sizes, num_attention_heads=2, image_size=32, patch_size=8, projection_dim=8
    )
    CLIPVisionModelWithProjection(config).save_pretrained(clip)
    side = {"height": 32, "width": 32}
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=side).save_pretrained(clip)
    torch.save({"weight": torch.zeros(1, 8), "bias": torch.tensor([5.0])}, head)
    own = {"aesthetic_head": str(head), "aesthetic_clip": str(clip)}
    assert verdict(scene_frames, **own).scores.aesthetic == pytest.approx(5)
    assert verdict(scene_frames, **own, min_aesthetic=5.5) == "not beautiful"
    torch.save({"weight": torch.zeros(1, 9), "bias": torch.tensor([5.0])}, head)
    with pytest.raises(ModelError, match="cannot be opened as an aesthetic head"):
        verdict(scene_frames, **own)


def test_nothing_is_read_or_marked_unless_asked_for(scene_frames):
    scores = verdict(scene_frames).scores
    assert (scores.text, scores.aesthetic) == (None, None)
