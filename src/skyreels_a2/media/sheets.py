"""Contact sheets: pictures in rows with captions, and references beside the frames of a video.

Type is the one that comes with Pillow. It has little beyond ASCII, so other words are set in a
font of the system that has all their letters, or else without accents. Knows nothing of roles,
models or files: it is given pictures and words.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from skyreels_a2.video import SIZE_STEP, Frames

BACKGROUND = "#f3f3f0"
_TITLE_INK, _NOTES_INK, _EDGE = "#1c1c1c", "#62625e", "#c9c9c4"
_CELL_WIDTH, _CELL_HEIGHT, _MARGIN = 464, 260, 24
_TITLE_SIZE, _NOTES_SIZE, _CAPTION_GAP = 17, 14, 8
_TITLE_LINES, _NOTES_LINES = 2, 3
_LEAST_LABELLED = 64

_PLAIN = ""
_FONTS = (
    *(_PLAIN, "DejaVuSans.ttf", "arial.ttf", "Arial Unicode.ttf"),
    *("NotoSansCJK-Regular.ttc", "wqy-microhei.ttc", "PingFang.ttc", "msyh.ttc"),
)

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture and what stands under it.

    Attributes:
        image: Picture of any size and mode; shown as large as the cell allows.
        title: A few words; more than two lines are cut with an ellipsis.
        notes: Smaller and paler, up to three lines.
    """

    image: Image.Image
    title: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    size: int
    ink: str

    @property
    def height(self) -> int:
        return round(self.size * 1.3)


def sheet(rows: Sequence[Sequence[Cell]]) -> Image.Image:
    """Lay out cells in rows, columns aligned, each with its caption underneath.

    Args:
        rows: Rows of cells, top to bottom; they may differ in length.

    Returns:
        RGB picture on a light background. A thin edge shows where a white picture ends.
    """
    shown = [[_shrink_to(c.image, _CELL_WIDTH, _CELL_HEIGHT) for c in row] for row in rows]
    num_columns = max((len(row) for row in rows), default=0)
    widths = [max(row[i].width for row in shown if i < len(row)) for i in range(num_columns)]
    # A caption needs room even under a narrow picture.
    widths = [max(width, _CELL_WIDTH // 2) for width in widths]
    captions = [
        [_caption(cell, width) for cell, width in zip(row, widths, strict=False)] for row in rows
    ]
    pictured = [max((p.height for p in row), default=0) for row in shown]
    heights = [
        tall + _CAPTION_GAP + max((_height(lines) for lines in row), default=0)
        for tall, row in zip(pictured, captions, strict=True)
    ]
    canvas = Image.new("RGB", (_extent(widths), _extent(heights)), BACKGROUND)
    for r, row in enumerate(shown):
        for c, picture in enumerate(row):
            left, top = _extent(widths[:c]), _extent(heights[:r])
            _put(canvas, picture, (left, top + (pictured[r] - picture.height) // 2))
            _write(canvas, captions[r][c], (left, top + pictured[r] + _CAPTION_GAP))
    return canvas


def reference_column(images: Sequence[Image.Image], labels: Sequence[str], height: int) -> Frames:
    """The references one below the other, to stand beside the frames of a video.

    Args:
        images: One or more pictures of any size.
        labels: A word or two for each; left out where there is no room for type.
        height: Pixels; that of the frames.

    Returns:
        Shape (height, width, 3), the width a multiple of 16 and at most about half the height.
    """
    slot = height // len(images)
    margin = max(2, slot // 24)
    size = min(max(slot // 10, 12), 20)
    labelled = slot >= _LEAST_LABELLED and any(labels)
    room = slot - 2 * margin - (_Line("", size, _TITLE_INK).height + margin if labelled else 0)
    pictures = [_shrink_to(image, height // 2 - 2 * margin, room) for image in images]
    widest = max(picture.width for picture in pictures)
    width = -(-max(widest + 2 * margin, height // 4) // SIZE_STEP) * SIZE_STEP
    canvas = Image.new("RGB", (width, height), BACKGROUND)
    for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        top = i * height // len(images) + margin + (room - picture.height) // 2
        _put(canvas, picture, ((width - picture.width) // 2, top))
        if labelled:
            line = _Line(
                _shorten(" ".join(label.split()), size, width - 2 * margin), size, _TITLE_INK
            )
            left = (width - _length(line.text, size)) // 2
            _write(canvas, [line], (left, top + picture.height + margin))
    return np.asarray(canvas)


def beside(frames: Frames, column: Frames) -> Frames:
    """Put a column to the left of frames.

    Args:
        frames: Shape (..., height, width, 3): one frame or any number.
        column: From `reference_column`, of the same height.
    """
    columns = np.broadcast_to(column, (*frames.shape[:-3], *column.shape))
    return np.concatenate([columns, frames], axis=-2)


def _shrink_to(image: Image.Image, width: int, height: int) -> Image.Image:
    """As large as a box allows; small pictures are enlarged, so that a row looks even."""
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _extent(sides: Sequence[int]) -> int:
    """Where the next of several sides begins: each has a margin before it."""
    return sum(sides) + _MARGIN * (len(sides) + 1)


def _put(canvas: Image.Image, picture: Image.Image, at: tuple[int, int]) -> None:
    left, top = at
    edge = (left - 1, top - 1, left + picture.width, top + picture.height)
    ImageDraw.Draw(canvas).rectangle(edge, outline=_EDGE)
    canvas.paste(picture, at)


def _caption(cell: Cell, width: int) -> list[_Line]:
    parts = (
        (cell.title, _TITLE_SIZE, _TITLE_INK, _TITLE_LINES),
        (cell.notes, _NOTES_SIZE, _NOTES_INK, _NOTES_LINES),
    )
    return [
        _Line(line, size, ink)
        for text, size, ink, num_lines in parts
        for line in _wrap(text, size, width, num_lines)
    ]


def _height(lines: Sequence[_Line]) -> int:
    return sum(line.height for line in lines)


def _write(canvas: Image.Image, lines: Sequence[_Line], at: tuple[int, int]) -> None:
    left, top = at
    for line in lines:
        text, font = _legible(line.text, line.size)
        ImageDraw.Draw(canvas).text((left, top), text, line.ink, font)
        top += line.height


def _wrap(text: str, size: int, width: int, num_lines: int) -> list[str]:
    """Break at spaces; the last line takes all that is left, and an ellipsis if that is much."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < num_lines - 1:
        fitting = 1
        while fitting < len(words) and _length(" ".join(words[: fitting + 1]), size) <= width:
            fitting += 1
        lines.append(_shorten(" ".join(words[:fitting]), size, width))
        words = words[fitting:]
    return [*lines, _shorten(" ".join(words), size, width)] if words else lines


def _shorten(text: str, size: int, width: int) -> str:
    if _length(text, size) <= width:
        return text
    fitting = bisect(range(len(text)), width, key=lambda n: _length(f"{text[:n]}…", size))
    return f"{text[: max(0, fitting - 1)].rstrip()}…"


def _length(text: str, size: int) -> int:
    legible, font = _legible(text, size)
    return round(font.getlength(legible))


def _legible(text: str, size: int) -> tuple[str, _Font]:
    """The text as it can be set, and the font to set it in."""
    for name in _FONTS:
        font = _font(name, size)
        if font and all(_has_letter(name, letter) for letter in text):
            return text, font
    letters = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return bare.encode("ascii", "replace").decode(), ImageFont.load_default(size)


@cache
def _font(name: str, size: int) -> _Font | None:
    if name == _PLAIN:
        return ImageFont.load_default(size)
    with suppress(OSError):
        return ImageFont.truetype(name, size)
    return None


@cache
def _has_letter(name: str, letter: str) -> bool:
    """Whether a font draws a letter otherwise than one that no font has."""
    font = _font(name, _TITLE_SIZE)
    return font is not None and bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))
