"""Finding a reference in a frame by local features: where it is, and how alike.

Each cell of a reference looks for the cell of the frame that is most alike, in texture and in
colour; the mean of these best likenesses says how much of the reference is to be seen, in whatever
pose and place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from skyreels_a2.bench.networks.weights import absence
from skyreels_a2.bench.remembering import per_picture
from skyreels_a2.elements import Role
from skyreels_a2.media.images import open_picture
from skyreels_a2.runtime.lite import STRIDE, open_lite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.bench.cases import Case
    from skyreels_a2.bench.footage import Footage
    from skyreels_a2.elements import Element, PictureSource, Reference

SHORT_SIDE = 192
"""Pixels that the shorter side of a frame is scaled to."""
SUBJECT_SIDES = (72, 112, 160)
"""Pixels that a subject's longer side is scaled to: it is looked for at several sizes."""
_WHITE = 244
"""Level from which a reference's pixel counts as its white surround."""
NUM_FRAMES = 6
_COLOUR = 0.4
"""Share of a cell's colour in its likeness: without it, a blurred true element scores as low as a
sharp wrong one (rho 0.80 instead of 0.97 on scenes other than those of the documented figures)."""
_COLOUR_WIDTH = 0.1
"""Difference of RGB, from 0 to 1, at which colours are plainly unlike."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells of a picture: what they look like and what colour they are.

    Attributes:
        features: (n, 152), both depths of unit length.
        colours: (n, 3), RGB from 0 to 1.
        shape: Rows and columns of a whole picture's cells.
    """

    features: NDArray[np.float32]
    colours: NDArray[np.float32]
    shape: tuple[int, int]

    def likeness(self, others: Cells) -> NDArray[np.float32]:
        """How alike every cell is to every other one, (n, m), at most 1."""
        apart = (
            (self.colours**2).sum(axis=1)[:, None]
            + (others.colours**2).sum(axis=1)[None]
            - 2 * self.colours @ others.colours.T
        )
        closeness = np.exp(-np.maximum(apart, 0) / (2 * _COLOUR_WIDTH**2))
        texture = self.features @ others.features.T / 2
        alike: NDArray[np.float32] = (1 - _COLOUR) * texture + _COLOUR * closeness
        return alike


@dataclass(frozen=True, slots=True)
class Match:
    """How alike, from 0 to 1, and where in the frame: x and y as fractions."""

    likeness: float
    x: float
    y: float


def frame_cells(footage: Footage, count: int = NUM_FRAMES) -> list[Cells]:
    """Cells of frames spread over a video; worked out once a video."""
    return _frame_cells(footage, count)


@lru_cache(maxsize=4)
def _frame_cells(footage: Footage, count: int) -> list[Cells]:
    return [_whole(image) for image in footage.sample(count)]


def reference_cells(reference: Reference) -> tuple[Cells, ...]:
    """Cells of a reference at all sizes it is looked for; a background at the frame's own."""
    if reference.role is Role.BACKGROUND:
        return _place_cells(reference.picture)
    return _subject_cells(reference.picture)


def best_match(reference: Reference, frame: Cells) -> Match:
    """The best match of a reference in a frame, over sizes."""
    return max((_match(c, frame) for c in reference_cells(reference)), key=lambda m: m.likeness)


def element_likeness(case: Case, element: Element, footage: Footage) -> list[float]:
    """How alike an element is in every sampled frame, by its best reference."""
    references = [r for r in case.composition.references if r.element is element]
    return [
        max(best_match(reference, frame).likeness for reference in references)
        for frame in frame_cells(footage)
    ]


def cut_out(image: Image.Image) -> tuple[Image.Image, NDArray[np.bool_]]:
    """A subject's picture cut to what is not white surround, and where it is not."""
    dark = np.asarray(image.convert("RGB")) < _WHITE
    seen: NDArray[np.bool_] = np.any(dark, axis=-1) | ~dark.any()
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return image.crop((left, top, right, bottom)), seen[top:bottom, left:right]


@per_picture
def _place_cells(picture: PictureSource) -> tuple[Cells, ...]:
    return (_whole(open_picture(picture).image),)


@per_picture
def _subject_cells(picture: PictureSource) -> tuple[Cells, ...]:
    cut, seen = cut_out(open_picture(picture).image)
    return tuple(_subject_at(cut, seen, side) for side in SUBJECT_SIDES)


def _whole(image: Image.Image) -> Cells:
    """All cells of a frame or a place, its shorter side scaled."""
    scale = SHORT_SIDE / min(image.size)
    size = (
        max(2 * STRIDE, round(image.width * scale / 16) * 16),
        max(2 * STRIDE, round(image.height * scale / 16) * 16),
    )
    return _cells(image.resize(size, Image.Resampling.BICUBIC))


def _subject_at(cut: Image.Image, seen: NDArray[np.bool_], side: int) -> Cells:
    """Cells of a cut-out at one size, only those that it covers."""
    scale = side / max(cut.size)
    size = max(8, round(cut.width * scale)), max(8, round(cut.height * scale))
    # A margin, so that the outline is seen against something, as it will be in a frame.
    margin = 2 * STRIDE
    width, height = (-(-(s + 2 * margin) // 16) * 16 for s in size)
    canvas = Image.new("RGB", (width, height), (128, 128, 128))
    mask = Image.fromarray(seen).resize(size)
    canvas.paste(cut.resize(size, Image.Resampling.BICUBIC), (margin, margin), mask)
    cover = Image.new("L", (width, height), 0)
    cover.paste(255, (margin, margin), mask)
    found = _cells(canvas)
    covered = np.asarray(cover.resize(found.shape[::-1], Image.Resampling.BOX)).ravel()
    kept = covered > min(127, int(covered.max()) - 1)
    return Cells(found.features[kept], found.colours[kept], found.shape)


def _cells(image: Image.Image) -> Cells:
    with absence("efficientnet-lite0"):
        grid = open_lite("bench").grid(image)
    shape = grid.shape[:2]
    small = image.convert("RGB").resize(shape[::-1], Image.Resampling.BOX)
    colours = np.asarray(small, dtype=np.float32).reshape(-1, 3) / np.float32(255)
    return Cells(grid.reshape(-1, grid.shape[-1]), colours, shape)


def _match(reference: Cells, frame: Cells) -> Match:
    alike = reference.likeness(frame)
    y, x = np.divmod(alike.argmax(axis=1), frame.shape[1])
    return Match(
        float(np.clip(alike.max(axis=1).mean(), 0, 1)),
        float((np.median(x) + 0.5) / frame.shape[1]),
        float((np.median(y) + 0.5) / frame.shape[0]),
    )
