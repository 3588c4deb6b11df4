"""Labels: exact text in, exact text out, and rates that decimals stand for."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyreels_a2.media.labels import Label, frame_rate


@given(st.dictionaries(st.text(), st.text()), st.fractions(Fraction(1, 100), 240))
def test_comes_back_from_its_text(metadata, rate):
    label = Label(rate, 81, metadata)
    assert Label.from_text(label.to_text()) == label


def test_text_is_one_line_of_ascii():
    text = Label(Fraction(16), 5, {"prompt": "一只猫\nsitzt — schön"}).to_text()
    assert text.isascii()
    assert text.isprintable()


@pytest.mark.parametrize(
    "comment",
    [
        None,
        "",
        "Made with love",
        "[]",
        "3",
        "{}",
        '{"fps": "16"}',
        '{"fps": "0", "num_frames": 1, "metadata": {}}',
        '{"fps": "1/0", "num_frames": 1, "metadata": {}}',
        '{"fps": "16", "num_frames": 1, "metadata": {"a": 1}}',
        '{"fps": "16", "num_frames": null, "metadata": {}}',
        "[" * 100_000,
    ],
)
def test_comments_of_others_are_no_labels(comment):
    assert Label.from_text(comment) is None


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (16, Fraction(16)),
        (4, Fraction(4)),
        (24, Fraction(24)),
        (12.5, Fraction(25, 2)),
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (24000 / 1001, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (1e-6, Fraction(1, 1001)),
    ],
)
def test_rate_that_a_decimal_stands_for(fps, rate):
    assert frame_rate(fps) == rate
