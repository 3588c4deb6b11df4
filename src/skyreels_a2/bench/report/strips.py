"""Contact strips of a report: references left, frames right, as a data address for the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import UnusableVideoError, read_footage
from skyreels_a2.errors import PictureError
from skyreels_a2.media.images import open_picture

_HEIGHT = 100
_GAP, _GROUP = 4, 14
_NUM_FRAMES = 6
_PAPER, _EDGE, _INK = "#ffffff", "#c9c9c4", "#8a1c1c"


def strip(case: Case, video: Path) -> str:
    """References and frames of a case as a `data:image/jpeg` address.

    What cannot be opened is a crossed-out box, so that a missing video is seen at a glance.
    """
    references = [_reference(r.picture) for r in case.composition.references]
    try:
        frames = [_shrunk(image) for image in read_footage(video).sample(_NUM_FRAMES)]
    except UnusableVideoError:
        frames = [_crossed()]
    return _row(references, frames)


def references_strip(case: Case) -> str:
    """The references of a case alone, in the same way."""
    return _row([_reference(r.picture) for r in case.composition.references], [])


def _row(references: Sequence[Image.Image], frames: Sequence[Image.Image]) -> str:
    gap = _GROUP if frames else 0
    width = sum(i.width + _GAP for i in (*references, *frames)) + gap
    canvas = Image.new("RGB", (width, _HEIGHT), _PAPER)
    left = 0
    for number, image in enumerate((*references, *frames)):
        left += _GROUP if number == len(references) else 0
        canvas.paste(image, (left, 0))
        ImageDraw.Draw(canvas).rectangle(
            (left, 0, left + image.width - 1, _HEIGHT - 1), outline=_EDGE
        )
        left += image.width + _GAP
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=72, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _reference(picture: object) -> Image.Image:
    try:
        return _shrunk(open_picture(picture).image)  # type: ignore[arg-type]  # or an error
    except PictureError:
        return _crossed()


def _shrunk(image: Image.Image) -> Image.Image:
    width = max(8, round(image.width * _HEIGHT / image.height))
    return image.convert("RGB").resize((width, _HEIGHT), Image.Resampling.LANCZOS)


def _crossed() -> Image.Image:
    image = Image.new("RGB", (180, _HEIGHT), _PAPER)
    drawing = ImageDraw.Draw(image)
    drawing.line((0, 0, 180, _HEIGHT), fill=_INK, width=2)
    drawing.line((0, _HEIGHT, 180, 0), fill=_INK, width=2)
    return image
