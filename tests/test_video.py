import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyreels_a2 import Video, VideoSpec
from skyreels_a2.errors import SpecError
from skyreels_a2.video import frames_for, parse_size


def suggestions(error):
    return [int(number) for number in re.findall(r"\d+", str(error).split("e.g.")[1])]


@given(st.integers(-100, 5000))
def test_a_wrong_side_names_sides_that_are_accepted(side):
    try:
        VideoSpec(side, 16, 5, 15)
    except SpecError as error:
        for near in suggestions(error):
            VideoSpec(near, 16, 5, 15)
            assert abs(near - side) < 16 or side < 16
    else:
        assert side >= 16
        assert side % 16 == 0


@given(st.integers(-10, 500))
def test_a_wrong_number_of_frames_names_numbers_that_are_accepted(frames):
    try:
        VideoSpec(16, 16, frames, 15)
    except SpecError as error:
        for near in suggestions(error):
            VideoSpec(16, 16, near, 15)
            assert abs(near - frames) < 4 or frames < 1
    else:
        assert frames % 4 == 1


@pytest.mark.parametrize("fps", [0, -1, 241, float("nan"), float("inf")])
def test_a_frame_rate_must_be_sensible(fps):
    with pytest.raises(SpecError, match="frame rate"):
        VideoSpec(16, 16, 5, fps)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((831, 480, 81, 15), "width is 831: use a multiple of 16, e.g. 816 or 832"),
        ((832, 0, 81, 15), "height is 0: use a multiple of 16, e.g. 16"),
        ((832, 480, 80, 15), "number of frames is 80: use 4k+1, e.g. 77 or 81"),
        ((832, 480, 0, 15), "number of frames is 0: use 4k+1, e.g. 1"),
        ((832, 480, 81, 241), "frame rate is 241: use a number above 0 and at most 240"),
    ],
)
def test_errors_say_what_was_given_and_what_is_nearest(given, message):
    with pytest.raises(SpecError) as error:
        VideoSpec(*given)
    assert str(error.value) == message


def test_a_spec_tells_its_length_and_itself():
    spec = VideoSpec(832, 480, 81, 15)
    assert spec.num_latent_frames == 21
    assert spec.seconds == 5.4
    assert str(spec) == "832x480, 81 frames at 15 fps"


@given(st.integers(0, 40), st.integers(0, 8))
def test_each_reference_adds_one_latent_frame(k, count):
    spec = VideoSpec(16, 16, 4 * k + 1, 15)
    sampled = spec.with_references(count)
    assert sampled.num_latent_frames == spec.num_latent_frames + count
    assert sampled.num_frames - spec.num_frames == 4 * count


def test_a_size_is_read_as_it_stands():
    assert parse_size("832x480", area=1) == parse_size(" 832 X 480", area=1) == (832, 480)


@given(st.integers(1, 21), st.integers(1, 21), st.sampled_from([832 * 480, 1280 * 720]))
def test_a_ratio_keeps_the_area_about(across, down, area):
    width, height = parse_size(f"{across}:{down}", area=area)
    assert width % 16 == height % 16 == 0
    assert 0.8 < width * height / area < 1.25


def test_the_published_size_is_its_own_ratio():
    assert parse_size("52:30", area=832 * 480) == (832, 480)


def test_sixteen_to_nine_at_the_published_area():
    assert parse_size("16:9", area=832 * 480) == (848, 480)


MANY = "9" * 5000


@pytest.mark.parametrize(
    "text",
    ["", "big", "832", "832x", "0:9", "-16:9", "16:9:4", f"{MANY}x16", f"{MANY}:1", f"1:{MANY}"],
    ids=lambda text: text[:12],
)
def test_nonsense_sizes_say_what_is_understood(text):
    with pytest.raises(SpecError, match="832x480"):
        parse_size(text, area=100)


@given(st.floats(0.01, 60), st.sampled_from([8, 12.5, 15, 23.976, 30]))
def test_seconds_become_the_nearest_4k_plus_1_frames(seconds, fps):
    frames = frames_for(seconds, fps)
    assert frames % 4 == 1
    assert abs(frames - seconds * fps) <= 2 + 1e-6 or frames == 1


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e308])
def test_seconds_must_be_positive(seconds):
    with pytest.raises(SpecError, match="above 0"):
        frames_for(seconds, 15)


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_seconds_need_a_sensible_frame_rate(fps):
    with pytest.raises(SpecError, match="frame rate"):
        frames_for(5, fps)


def test_frames_must_follow_the_spec():
    spec = VideoSpec(32, 16, 5, 10)
    frames = np.zeros((5, 16, 32, 3), np.uint8)
    assert Video(frames, spec).spec.seconds == 0.5
    with pytest.raises(SpecError, match="shape"):
        Video(frames[1:], spec)
