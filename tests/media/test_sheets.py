"""Sheets hold every picture and word, and columns stand beside frames without a fuss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor, ImageFont

from skyreels_a2.media.sheets import (
    BACKGROUND,
    Cell,
    _legible,
    _length,
    _wrap,
    beside,
    reference_column,
    sheet,
)

PAPER = np.array(ImageColor.getrgb(BACKGROUND))
words = st.text(alphabet="abc MW iö小\n", max_size=200)


def plain(color="red", size=(40, 30)):
    return Image.new("RGB", size, color)


def count(image, color):
    return (np.asarray(image) == ImageColor.getrgb(color)).all(axis=-1).sum()


def test_every_picture_is_shown_whole():
    made = sheet([[Cell(plain("red")), Cell(plain("blue"))], [Cell(plain("lime", (16, 90)))]])
    assert count(made, "red") == count(made, "blue") > 50_000
    assert count(made, "lime") > 10_000


def test_margins_stay_free():
    made = np.asarray(sheet([[Cell(plain(), "title " * 50, "notes " * 2000)] * 2]))
    for edge in (made[:20], made[-20:], made[:, :20], made[:, -20:]):
        assert (edge == PAPER).all()


def test_captions_are_drawn_and_make_room():
    bare, captioned = sheet([[Cell(plain())]]), sheet([[Cell(plain(), "anna", "character")]])
    assert captioned.height > bare.height
    assert (np.asarray(captioned)[bare.height - 24 :] < 120).any()


def test_any_mode_can_be_shown():
    assert (
        sheet([[Cell(Image.new(mode, (20, 20))) for mode in ("1", "L", "RGBA", "P")]]).mode == "RGB"
    )


def test_columns_are_aligned():
    wide, narrow = Cell(plain("red", (90, 30))), Cell(plain("red", (20, 60)))
    mark = Cell(plain("blue"))
    made = np.asarray(sheet([[wide, mark], [narrow, mark]]))
    rows, columns = np.nonzero((made == (0, 0, 255)).all(axis=-1))
    upper = rows < made.shape[0] // 2
    assert columns[upper].min() == columns[~upper].min()


@settings(max_examples=100, deadline=None)
@given(words, st.integers(60, 300), st.integers(1, 4))
def test_wrapped_lines_fit(text, width, num_lines):
    lines = _wrap(text, 14, width, num_lines)
    assert len(lines) <= num_lines
    assert all(_length(line, 14) <= width for line in lines)
    if not any("…" in line for line in lines):
        assert " ".join(lines).split() == text.split()


def test_long_words_end_in_an_ellipsis():
    assert _wrap("x" * 200, 14, 100, 2)[0].endswith("x…")


@pytest.mark.parametrize("text", ["anna", "Müller & Söhne", "小猫", "Мир"])
def test_what_is_set_has_letters(text):
    legible, font = _legible(text, 20)
    missing = bytes(font.getmask("\uffff"))
    assert all(bytes(font.getmask(letter)) != missing for letter in legible)
    assert len(legible) == len(text)


def test_plain_words_are_set_in_the_type_that_comes_along():
    assert _legible("anna 832x480…", 20)[1].getname() == ImageFont.load_default(20).getname()


@pytest.mark.parametrize("height", [48, 64, 256, 480, 720])
@pytest.mark.parametrize("num_references", [1, 2, 3, 7])
def test_column_size(height, num_references):
    images = [plain(size=(20 + 30 * i, 60)) for i in range(num_references)]
    column = reference_column(images, [f"name {i}\n" * 9 for i in range(num_references)], height)
    assert column.dtype == np.uint8
    assert column.shape[0] == height
    assert column.shape[1] % 16 == 0
    assert column.shape[1] <= height // 2 + 16


def test_column_keeps_the_order():
    column = reference_column([plain("red"), plain("lime"), plain("blue")], ["a", "b", "c"], 480)
    tops = [
        np.nonzero((column == c).all(-1))[0].min() for c in ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    ]
    assert tops == sorted(tops)


@pytest.mark.parametrize("shape", [(64, 96, 3), (5, 64, 96, 3)])
def test_beside_puts_the_column_left_of_each_frame(shape):
    frames = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    column = reference_column([plain()], ["anna"], 64)
    both = beside(frames, column)
    width = column.shape[1]
    assert both.dtype == np.uint8
    assert both.shape == (*shape[:-2], 96 + width, 3)
    assert np.array_equal(both[..., width:, :], frames)
    assert (both[..., :width, :] == column).all()
