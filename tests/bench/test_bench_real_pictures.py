"""Metrics on real pictures: scikit-image's astronaut, cat and coffee."""

import numpy as np
import pytest
from PIL import Image

from skyreels_a2.bench import worsening
from skyreels_a2.bench.cases import Case, Status
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.registry import open_metrics
from skyreels_a2.bench.scoring import measure_all
from skyreels_a2.elements import Composition, Element

data = pytest.importorskip("skimage.data", reason="skimage is not installed")


def picture(name):
    return Image.fromarray(getattr(data, name)()).convert("RGB")


def panned(image, count=9):
    """A camera that moves over a real picture."""
    width, height = 320, 192
    scaled = image.resize((420, round(420 * image.height / image.width)))
    frames = [
        np.asarray(scaled.crop((6 * n, 20, 6 * n + width, 20 + height))) for n in range(count)
    ]
    return np.stack(frames)


@pytest.fixture(scope="module")
def pictures_by_name():
    return {name: picture(name) for name in ("astronaut", "cat", "coffee")}


def score(name, case, frames, weights):
    return measure_all(case, Footage(frames, 8.0), open_metrics([name], weights))[name]


@pytest.mark.parametrize("name", ["astronaut", "cat", "coffee"])
def test_the_place_that_was_asked_for_is_known_from_two_others(name, pictures_by_name, weights):
    case = Case(name, Composition("a place", (Element.background(pictures_by_name[name]),)))
    values = {
        other: score("background-lite", case, panned(image), weights).value
        for other, image in pictures_by_name.items()
    }
    assert max(values, key=values.get) == name


def test_a_real_face_is_known_blurred_or_sharp_and_a_cat_is_nobody(pictures_by_name, weights):
    pytest.importorskip("dlib", reason="dlib is not installed")
    astronaut = pictures_by_name["astronaut"]
    case = Case("a", Composition("she smiles", (Element.character(astronaut),)))
    same = score("face-dlib", case, panned(astronaut.crop((100, 0, 400, 300))), weights)
    blurred = worsening.blurred(panned(astronaut.crop((100, 0, 400, 300))), 0.6)
    soft = score("face-dlib", case, blurred, weights)
    cat = score("face-dlib", case, panned(pictures_by_name["cat"]), weights)
    assert same.value >= soft.value > 0.4 > cat.value
    assert same.details["frames_with_a_face"] == 1


def test_a_reference_without_a_face_asks_no_face(pictures_by_name, weights):
    pytest.importorskip("dlib", reason="dlib is not installed")
    cat = Case("c", Composition("it naps", (Element.character(pictures_by_name["cat"]),)))
    found = score("face-dlib", cat, panned(pictures_by_name["cat"]), weights)
    assert found.status is Status.NOT_APPLICABLE


@pytest.mark.parametrize("name", ["astronaut", "cat", "coffee"])
def test_blur_and_noise_cost_sharpness_of_real_pictures(name, pictures_by_name, weights):
    frames = panned(pictures_by_name[name])
    case = Case(name, Composition("a place", (Element.background(pictures_by_name[name]),)))
    versions = (frames, worsening.blurred(frames, 1.0), worsening.blurred(frames, 3.0))
    sharp, soft, softer = (score("sharpness", case, v, weights).value for v in versions)
    assert sharp > soft > softer
    noise = worsening.noisy(np.full_like(frames, 128), 60)
    assert score("sharpness", case, noise, weights).value < soft


def test_a_camera_over_a_real_picture_is_smoother_than_jitter(pictures_by_name, weights):
    frames = panned(pictures_by_name["coffee"])
    case = Case("c", Composition("a cup", (Element.object(pictures_by_name["coffee"]),)))
    smooth, rough = (
        score("flow-smoothness", case, v, weights).value
        for v in (frames, worsening.jittered(frames, 12))
    )
    assert smooth > rough
