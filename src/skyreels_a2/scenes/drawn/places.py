"""Backgrounds: wide drawn places, each with an hour of the day and one telling detail."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from skyreels_a2.scenes.drawn import scenery
from skyreels_a2.scenes.drawn.canvas import COLOURS, Canvas, Colour, blend, tone

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

PIXELS = (440, 200)
"""Width and height of a drawn background."""

Painter: TypeAlias = Callable[["Canvas", "Place", "Generator"], None]


@dataclass(frozen=True, slots=True)
class Place:
    """One place: what it is, at what hour, in which colour its detail is."""

    noun: str
    preposition: str
    hour: str
    accent: str
    number: int
    detail: str
    painter: Painter

    @property
    def name(self) -> str:
        """A true and full name."""
        hour = f" {self.hour}" if self.hour else ""
        return f"{self.noun} with {self.accent} {self.detail}{hour}"

    @property
    def colour(self) -> Colour:
        """Colour of its detail."""
        return COLOURS[self.accent]

    def lit(self, colour: Colour) -> Colour:
        """A colour as it looks at this hour."""
        light, share = scenery.LIGHT[self.hour]
        return blend(colour, light, share)

    def draw(self) -> NDArray[np.uint8]:
        """Paint it, uint8 RGB."""
        rng = np.random.default_rng(self.number)
        canvas = Canvas(*PIXELS, supersample=2, edge=0.0)
        self.painter(canvas, self, rng)
        return canvas.finish()[..., :3].copy()


def all_places() -> Iterator[Place]:
    """Every place: each kind at changing hours, with a detail in changing colours."""
    colours = (
        "red",
        "yellow",
        "blue",
        "purple",
        "orange",
        "pink",
        "teal",
        "white",
        "green",
        "brown",
    )
    hours = tuple(hour for hour in scenery.LIGHT if hour)
    for k, (noun, (preposition, detail, outdoors, painter)) in enumerate(KINDS.items()):
        for i, accent in enumerate(colours):
            hour = hours[(i + k) % len(hours)] if outdoors else ""
            yield Place(noun, preposition, hour, accent, 100 * k + i, detail, painter)


def _meadow(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_sky(canvas, place.hour, rng)
    scenery.paint_hills(canvas, 0.5, 0.08, place.lit((122, 180, 110)), rng)
    scenery.paint_hills(canvas, 0.6, 0.05, place.lit((112, 190, 84)), rng)
    for _ in range(5):
        scenery.paint_tree(
            canvas, (rng.uniform(0, 2.2), rng.uniform(0.52, 0.6)), 0.1, place.lit((70, 140, 64))
        )
    for _ in range(90):
        y = rng.uniform(0.66, 1.0)
        canvas.dot(rng.uniform(0, 2.2), y, 0.006 + 0.014 * (y - 0.6), place.lit(place.colour))


def _beach(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_sky(canvas, place.hour, rng)
    canvas.box(0, 0.44, 2.2, 0.72, place.lit((52, 148, 206)))
    for i in range(14):
        x, y = rng.uniform(0, 2.2), 0.46 + 0.016 * i
        canvas.stroke([(x, y), (x + 0.16, y)], 0.008, place.lit((150, 214, 236)))
    scenery.paint_hills(canvas, 0.69, 0.015, place.lit((244, 220, 160)), rng)
    for x in rng.uniform(0.1, 2.1, 2):
        scenery.paint_palm(canvas, (x, 0.76), place.lit((70, 150, 70)), place.lit((140, 96, 60)))
    for x in np.linspace(0.2, 2.0, 4) + rng.uniform(-0.1, 0.1, 4):
        scenery.paint_parasol(canvas, (x, 0.8), place.lit(place.colour))


def _city(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_sky(canvas, place.hour, rng)
    for depth, base in ((0, (150, 160, 184)), (1, (108, 116, 146))):
        x = -0.1
        while x < 2.2:
            width, top = rng.uniform(0.12, 0.24), rng.uniform(0.1, 0.4) + 0.12 * depth
            wall = place.colour if depth and rng.uniform() < 0.45 else base
            scenery.paint_tower(
                canvas,
                (x, top, x + width),
                place.lit(tone(wall, rng.uniform(0.8, 1.1))),
                place.hour,
            )
            x += width + rng.uniform(0.0, 0.05)
    canvas.box(0, 0.76, 2.2, 1.0, place.lit((92, 94, 104)))
    canvas.box(0, 0.74, 2.2, 0.78, place.lit((186, 186, 190)))
    for x in np.arange(0.0, 2.2, 0.22):
        canvas.box(x, 0.88, x + 0.12, 0.9, place.lit((240, 240, 220)))


def _forest(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_sky(canvas, place.hour, rng)
    for row, (y, size) in enumerate(((0.58, 0.3), (0.66, 0.4), (0.76, 0.5))):
        for x in np.arange(-0.1, 2.3, 0.17) + rng.uniform(-0.06, 0.06, 15):
            green = tone((58, 128, 74), 0.7 + 0.18 * row + rng.uniform(-0.06, 0.06))
            scenery.paint_fir(canvas, (x, y), size * rng.uniform(0.8, 1.1), place.lit(green))
    scenery.paint_hills(canvas, 0.74, 0.02, place.lit((96, 132, 66)), rng)
    for _ in range(16):
        scenery.paint_mushroom(
            canvas, (rng.uniform(0, 2.2), rng.uniform(0.82, 0.98)), place.lit(place.colour)
        )


def _desert(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_sky(canvas, place.hour, rng)
    for i, y in enumerate((0.5, 0.62, 0.76)):
        scenery.paint_hills(canvas, y, 0.07, place.lit(tone((238, 190, 120), 0.85 + 0.1 * i)), rng)
    for _ in range(6):
        x, y = rng.uniform(0, 2.2), rng.uniform(0.62, 0.82)
        scenery.paint_cactus(canvas, (x, y), place.lit((86, 150, 90)), place.lit(place.colour))
    for _ in range(8):
        canvas.spot(
            rng.uniform(0, 2.2), rng.uniform(0.84, 0.98), 0.04, 0.018, place.lit((190, 140, 90))
        )


def _snow(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_sky(canvas, place.hour, rng)
    for x in np.arange(-0.1, 2.4, 0.34):
        scenery.paint_peak(canvas, (x + rng.uniform(-0.08, 0.08), rng.uniform(0.18, 0.36)), place)
    scenery.paint_hills(canvas, 0.64, 0.04, place.lit((232, 240, 250)), rng)
    for x in rng.uniform(0, 2.2, 8):
        scenery.paint_fir(canvas, (x, 0.7), 0.22, place.lit((70, 120, 110)))
    for x in np.linspace(0.25, 1.95, 3) + rng.uniform(-0.15, 0.15, 3):
        scenery.paint_house(canvas, (x, 0.74), place.lit(place.colour), place.lit((250, 252, 255)))
    scenery.paint_hills(canvas, 0.8, 0.02, place.lit((246, 250, 255)), rng)


def _farm(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_sky(canvas, place.hour, rng)
    scenery.paint_hills(canvas, 0.54, 0.06, place.lit((150, 190, 90)), rng)
    for x in np.linspace(0.3, 1.9, 3) + rng.uniform(-0.2, 0.2, 3):
        scenery.paint_house(canvas, (x, 0.66), place.lit(place.colour), place.lit((120, 70, 60)))
    for i in range(9):
        y = 0.68 + 0.04 * i
        canvas.box(0, y, 2.2, y + 0.04, place.lit(((206, 180, 84), (184, 152, 66))[i % 2]))


def _underwater(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_gradient(canvas, (110, 206, 232), (16, 74, 138))
    for x in np.arange(0.0, 2.3, 0.28) + rng.uniform(-0.08, 0.08, 9):
        canvas.polygon([(x, 0), (x + 0.07, 0), (x - 0.1, 0.75), (x - 0.25, 0.75)], (126, 206, 230))
    scenery.paint_hills(canvas, 0.84, 0.04, (214, 196, 140), rng)
    for _ in range(14):
        scenery.paint_coral(
            canvas, (rng.uniform(0, 2.2), rng.uniform(0.86, 0.96)), place.colour, rng
        )
    for _ in range(40):
        canvas.arc(
            rng.uniform(0, 2.2),
            rng.uniform(0, 0.8),
            rng.uniform(0.008, 0.022),
            (0, 360),
            (206, 240, 250),
        )


def _space(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_gradient(canvas, (18, 16, 44), (58, 34, 92))
    for _ in range(220):
        canvas.dot(
            rng.uniform(0, 2.2), rng.uniform(0, 0.9), rng.uniform(0.002, 0.007), (255, 250, 230)
        )
    for x in np.linspace(0.25, 1.95, 4) + rng.uniform(-0.15, 0.15, 4):
        scenery.paint_planet(
            canvas, (x, rng.uniform(0.15, 0.45)), rng.uniform(0.06, 0.13), place.colour
        )
    scenery.paint_hills(canvas, 0.76, 0.03, (150, 146, 162), rng)
    for _ in range(14):
        canvas.spot(rng.uniform(0, 2.2), rng.uniform(0.82, 0.98), 0.05, 0.02, (118, 114, 132))


def _room(canvas: Canvas, place: Place, rng: Generator) -> None:
    canvas.box(0, 0, 2.2, 0.72, tone(place.colour, 1.35))
    for x in np.arange(0.0, 2.2, 0.1):
        canvas.box(x, 0, x + 0.012, 0.72, tone(place.colour, 1.2))
    canvas.box(0, 0.7, 2.2, 0.74, (250, 248, 240))
    scenery.paint_planks(canvas, 0.74, (190, 140, 92))
    for x in np.linspace(0.3, 1.9, 3) + rng.uniform(-0.1, 0.1, 3):
        scenery.paint_window(canvas, (x, 0.28))
    for x in rng.uniform(0.2, 2.0, 2):
        scenery.paint_sofa(canvas, (x, 0.62), tone(place.colour, 0.7))


def _kitchen(canvas: Canvas, place: Place, rng: Generator) -> None:
    canvas.box(0, 0, 2.2, 0.7, (238, 236, 226))
    for i in range(23):
        canvas.box(0.1 * i, 0, 0.1 * i + 0.008, 0.5, (212, 210, 202))
        canvas.box(0, 0.1 * i, 2.2, 0.1 * i + 0.008, (212, 210, 202))
    for i, x in enumerate(np.arange(0.0, 2.2, 0.22)):
        canvas.box(x + 0.01, 0.5, x + 0.21, 0.76, tone(place.colour, 1.1), corner=0.01)
        canvas.dot(x + 0.18, 0.58, 0.012, (90, 80, 80))
        if rng.uniform() < 0.6 and i:
            canvas.box(x + 0.01, 0.04, x + 0.21, 0.24, tone(place.colour, 0.85), corner=0.01)
    canvas.box(0, 0.46, 2.2, 0.51, (132, 100, 82))
    for row in range(4):
        for column in range(24):
            shade = ((226, 222, 214), (176, 172, 170))[(row + column) % 2]
            canvas.box(
                0.095 * column, 0.76 + 0.07 * row, 0.095 * (column + 1), 0.83 + 0.07 * row, shade
            )


def _stage(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_gradient(canvas, tone(place.colour, 0.5), tone(place.colour, 0.75))
    for x in np.arange(0.0, 2.2, 0.11):
        canvas.spot(x + rng.uniform(-0.01, 0.01), 0.3, 0.03, 0.5, tone(place.colour, 0.95))
    for x in np.linspace(0.2, 2.0, 5):
        canvas.polygon(
            [(x, 0), (x - 0.12, 0.78), (x + 0.12, 0.78)], blend(place.colour, (255, 244, 200), 0.35)
        )
    scenery.paint_planks(canvas, 0.78, (168, 110, 70))
    for x in np.arange(0.06, 2.2, 0.16):
        canvas.dot(x, 0.8, 0.02, (255, 240, 170))


def _road(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_sky(canvas, place.hour, rng)
    scenery.paint_hills(canvas, 0.52, 0.07, place.lit((140, 180, 120)), rng)
    for x in np.arange(0.0, 2.2, 0.36) + rng.uniform(-0.08, 0.08, 7):
        scenery.paint_house(
            canvas, (x, 0.66), place.lit(place.colour), place.lit(tone(place.colour, 0.5))
        )
    canvas.box(0, 0.66, 2.2, 0.74, place.lit((120, 176, 90)))
    canvas.box(0, 0.74, 2.2, 1.0, place.lit((110, 110, 116)))
    for x in np.arange(0.0, 2.2, 0.24):
        canvas.box(x, 0.86, x + 0.13, 0.885, place.lit((248, 246, 230)))


def _lake(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_sky(canvas, place.hour, rng)
    for x in np.arange(-0.1, 2.4, 0.42):
        scenery.paint_peak(canvas, (x + rng.uniform(-0.1, 0.1), rng.uniform(0.16, 0.32)), place)
    canvas.box(0, 0.56, 2.2, 0.82, place.lit((84, 158, 196)))
    for _ in range(26):
        x, y = rng.uniform(0, 2.2), rng.uniform(0.58, 0.8)
        canvas.stroke([(x, y), (x + 0.1, y)], 0.006, place.lit((160, 208, 226)))
    for x in rng.uniform(0.1, 2.1, 4):
        scenery.paint_sail(canvas, (x, 0.64), place.lit(place.colour))
    scenery.paint_hills(canvas, 0.82, 0.02, place.lit((120, 164, 84)), rng)


def _cave(canvas: Canvas, place: Place, rng: Generator) -> None:
    scenery.paint_gradient(canvas, (70, 60, 74), (46, 40, 54))
    for x in np.arange(0.0, 2.3, 0.1):
        length = rng.uniform(0.05, 0.26) * (1.2 + math.sin(3 * x)) / 2
        canvas.polygon([(x - 0.06, 0), (x + 0.06, 0), (x, length)], (96, 84, 98))
    scenery.paint_hills(canvas, 0.74, 0.05, (112, 98, 108), rng)
    for _ in range(22):
        at = (rng.uniform(0, 2.2), rng.uniform(0.5, 0.84))
        scenery.paint_crystal(canvas, at, rng.uniform(0.08, 0.2), place.colour)
    scenery.paint_hills(canvas, 0.86, 0.03, (134, 118, 122), rng)


KINDS: dict[str, tuple[str, str, bool, Painter]] = {
    "meadow": ("in", "flowers", True, _meadow),
    "beach": ("on", "parasols", True, _beach),
    "city street": ("on", "towers", True, _city),
    "forest": ("in", "mushrooms", True, _forest),
    "desert": ("in", "cactus flowers", True, _desert),
    "snowy village": ("in", "houses", True, _snow),
    "farm field": ("on", "barns", True, _farm),
    "coral reef": ("at", "corals", False, _underwater),
    "moon landscape": ("in", "planets", False, _space),
    "living room": ("in", "wallpaper", False, _room),
    "kitchen": ("in", "cupboards", False, _kitchen),
    "theatre stage": ("on", "curtains", False, _stage),
    "village road": ("on", "cottages", True, _road),
    "mountain lake shore": ("on", "sails", True, _lake),
    "cave": ("in", "crystals", False, _cave),
}
"""Noun to its preposition, its detail, whether it has an hour, and who paints it."""
