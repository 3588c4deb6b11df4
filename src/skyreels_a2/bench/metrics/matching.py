"""Finding a reference in a frame by local features: where it is, and how alike.

Each cell of a reference looks for the cell of the frame that is most alike; the mean of these best
cosines says how much of the reference is to be seen, in whatever pose and place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from skyreels_a2.bench.networks.lite import STRIDE, open_lite
from skyreels_a2.elements import Role
from skyreels_a2.media.images import open_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.bench.cases import Case
    from skyreels_a2.bench.footage import Footage
    from skyreels_a2.elements import Element, Reference

SHORT_SIDE = 192
"""Pixels that the shorter side of a frame is scaled to."""
SUBJECT_SIDES = (72, 112, 160)
"""Pixels that a subject's longer side is scaled to: it is looked for at several sizes."""
_WHITE = 244
"""Level from which a reference's pixel counts as its white surround."""
NUM_FRAMES = 6


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """Local features of a reference at one size: (n, 152), only where something is to be seen."""

    features: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Match:
    """How alike, from 0 to 1, and where in the frame: x and y as fractions."""

    likeness: float
    x: float
    y: float


def frame_grids(footage: Footage, count: int = NUM_FRAMES) -> list[NDArray[np.float32]]:
    """Features of frames spread over a video; worked out once a video."""
    return _grids(footage, count)


@lru_cache(maxsize=4)
def _grids(footage: Footage, count: int) -> list[NDArray[np.float32]]:
    return [_grid(image) for image in footage.sample(count)]


def _grid(image: Image.Image) -> NDArray[np.float32]:
    scale = SHORT_SIDE / min(image.size)
    size = (
        max(STRIDE, round(image.width * scale / 16) * 16),
        max(STRIDE, round(image.height * scale / 16) * 16),
    )
    return open_lite().grid(image.resize(size, Image.Resampling.BICUBIC))


@lru_cache(maxsize=64)
def reference_patches(reference: Reference) -> tuple[Patches, ...]:
    """Patches of a reference at all sizes it is looked for; a background at the frame's own."""
    image = open_picture(reference.picture).image
    if reference.role is Role.BACKGROUND:
        grid = _grid(image)
        return (Patches(grid.reshape(-1, grid.shape[-1])),)
    return tuple(_subject_patches(image, side) for side in SUBJECT_SIDES)


def best_match(reference: Reference, grid: NDArray[np.float32]) -> Match:
    """The best match of a reference in a frame, over sizes."""
    return max((_match(p, grid) for p in reference_patches(reference)), key=lambda m: m.likeness)


def element_likeness(case: Case, element: Element, footage: Footage) -> list[float]:
    """How alike an element is in every sampled frame, by its best reference."""
    references = [r for r in case.composition.references if r.element is element]
    return [
        max(best_match(reference, grid).likeness for reference in references)
        for grid in frame_grids(footage)
    ]


def cut_out(image: Image.Image) -> tuple[Image.Image, NDArray[np.bool_]]:
    """A subject's picture cut to what is not white surround, and where it is not."""
    dark = np.asarray(image.convert("RGB")) < _WHITE
    seen: NDArray[np.bool_] = np.any(dark, axis=-1) | ~dark.any()
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return image.crop((left, top, right, bottom)), seen[top:bottom, left:right]


def _subject_patches(image: Image.Image, side: int) -> Patches:
    cut, seen = cut_out(image)
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
    grid = open_lite().grid(canvas)
    cells = np.asarray(cover.resize((grid.shape[1], grid.shape[0]), Image.Resampling.BOX))
    kept = grid[cells > min(127, int(cells.max()) - 1)]
    return Patches(kept)


def _match(patches: Patches, grid: NDArray[np.float32]) -> Match:
    cells = grid.reshape(-1, grid.shape[-1])
    cosines = patches.features @ cells.T / 2
    nearest = cosines.argmax(axis=1)
    y, x = np.divmod(nearest, grid.shape[1])
    return Match(
        float(np.clip(cosines.max(axis=1).mean(), 0, 1)),
        float((np.median(x) + 0.5) / grid.shape[1]),
        float((np.median(y) + 0.5) / grid.shape[0]),
    )
