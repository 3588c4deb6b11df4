"""Fitting equals the released code to the pixel, whatever the sizes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from skyreels_a2.elements import Role
from skyreels_a2.media import fit as fitting
from skyreels_a2.media.fit import cover, fit, letterbox

GOLDEN = Path(__file__).parents[1] / "golden"
ROLES = (Role.CHARACTER, Role.OBJECT, Role.BACKGROUND)
sides = st.integers(16, 120)
targets = st.integers(1, 12).map(lambda k: 16 * k)


def noise(width, height):
    rng = np.random.default_rng(width * 1000 + height)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def released_letterbox(image, width, height):
    w, h = image.size
    if h / w < height / width:
        pad = int((((height / width) * w) - h) / 2.0)
        canvas, at = Image.new("RGB", (w, h + 2 * pad), "white"), (0, pad)
    else:
        pad = int((((width / height) * h) - w) / 2.0)
        canvas, at = Image.new("RGB", (w + 2 * pad, h), "white"), (pad, 0)
    canvas.paste(image, at)
    return canvas.resize((width, height))


def released_cover(image, width, height):
    w, h = image.size
    if h / w < height / width:
        kept = int(h / height * width)
        left = (w - kept) // 2
        return image.crop((left, 0, left + kept, h)).resize((width, height))
    kept = int(w / width * height)
    top = (h - kept) // 2
    return image.crop((0, top, w, top + kept)).resize((width, height))


def same(a, b):
    return a.mode == b.mode and a.size == b.size and a.tobytes() == b.tobytes()


@pytest.mark.parametrize(("index", "role"), list(enumerate(ROLES)))
def test_equals_released_code_on_golden_pictures(index, role):
    given_ = Image.open(GOLDEN / f"ref{index}.png").convert("RGB")
    for_vae = Image.open(GOLDEN / f"ref{index}_vae.png").convert("RGB")
    for_clip = Image.open(GOLDEN / f"ref{index}_clip.png").convert("RGB")
    assert same(fit(given_, role, 96, 64), for_vae)
    assert same(letterbox(given_, 512, 512), for_clip)


@settings(max_examples=60, deadline=None)
@given(sides, sides, targets, targets)
def test_equals_released_code_at_any_size(w, h, width, height):
    image = noise(w, h)
    assert same(letterbox(image, width, height), released_letterbox(image, width, height))
    if int(h / height * width) and int(w / width * height):
        assert same(cover(image, width, height), released_cover(image, width, height))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), targets, targets, st.sampled_from(ROLES))
def test_size_is_the_one_asked_for(w, h, width, height, role):
    fitted = fit(Image.new("RGB", (w, h), "navy"), role, width, height)
    assert fitted.size == (width, height)
    assert fitted.mode == "RGB"


@settings(max_examples=40, deadline=None)
@given(sides, sides, targets, targets)
def test_letterbox_keeps_aspect_and_pads_with_white(w, h, width, height):
    fitted = np.asarray(letterbox(Image.new("RGB", (w, h), "black"), width, height))
    dark = (fitted < 128).all(axis=-1)
    scale = min(width / w, height / h)
    # Padding is whole source pixels on each side, so the picture is off by two of them at most.
    slack = 2 * scale + 2
    assert abs(dark.any(axis=0).sum() - w * scale) <= slack
    assert abs(dark.any(axis=1).sum() - h * scale) <= slack
    for space, edges in (
        (width - w * scale, fitted[:, [0, -1]]),
        (height - h * scale, fitted[[0, -1]]),
    ):
        if space / 2 > slack + 2 * max(scale, 1 / scale):
            assert (edges == 255).all()


def test_cover_fills_and_letterbox_keeps_all():
    image = Image.new("RGB", (200, 100), "red")
    assert cover(image, 64, 64).getcolors() == [(64 * 64, (255, 0, 0))]
    assert letterbox(image, 64, 64).getpixel((0, 0)) == (255, 255, 255)
    assert letterbox(image, 64, 64).getpixel((32, 32)) == (255, 0, 0)


def test_panorama_needs_no_gigabytes(monkeypatch):
    monkeypatch.setattr(fitting, "MAX_PADDED_PIXELS", 10_000)
    image = Image.new("RGB", (640, 32), "red")
    image.paste("blue", (0, 0, 320, 32))
    fitted = letterbox(image, 64, 128)
    assert fitted.size == (64, 128)
    assert fitted.getpixel((10, 64)) == (0, 0, 255)
    assert fitted.getpixel((54, 64)) == (255, 0, 0)
    assert fitted.getpixel((32, 50)) == (255, 255, 255)
