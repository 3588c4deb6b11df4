import pytest

from skyreels_a2.errors import ModelError
from skyreels_a2.pipeline.presets import ModelDefaults


def test_a_folder_that_says_nothing_gets_the_published_values(tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "A2Pipeline"}')
    defaults = ModelDefaults.of_folder(tmp_path)
    assert (defaults.width, defaults.height, defaults.num_frames) == (832, 480, 81)
    assert (defaults.fps, defaults.num_inference_steps, defaults.guidance_scale) == (15, 50, 5)


def test_a_folder_may_say_some(tmp_path):
    (tmp_path / "model_index.json").write_text('{"defaults": {"width": 160}}')
    defaults = ModelDefaults.of_folder(tmp_path)
    assert (defaults.width, defaults.height) == (160, 480)


def test_a_folder_may_say_how_it_samples(tmp_path):
    (tmp_path / "model_index.json").write_text(
        '{"defaults": {"scheduler": "euler", "image_guidance_scale": 2.5, "held_frames": 3, '
        '"guidance_interval": [0, 0.6], "appearance_matching": 0.5}}'
    )
    sampling = ModelDefaults.of_folder(tmp_path).sampling
    assert (sampling.scheduler, sampling.image_guidance_scale) == ("euler", 2.5)
    assert sampling.num_inference_steps == 50
    assert sampling.guidance_interval == (0, 0.6)
    assert sampling.appearance_matching == 0.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"defaults": {"colour": 1}}', "colour"),
        ('{"defaults": {"guidance_interval": 0.6}}', "two fractions"),
        ('{"defaults": {"guidance_interval": [0, null]}}', "two fractions"),
        ("not json", "cannot be read as JSON"),
        ("[]", "no JSON object"),
    ],
)
def test_a_broken_index_is_told(tmp_path, content, message):
    (tmp_path / "model_index.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        ModelDefaults.of_folder(tmp_path)


def test_a_folder_without_an_index_is_no_model(tmp_path):
    with pytest.raises(ModelError, match=r"no model_index\.json"):
        ModelDefaults.of_folder(tmp_path)
