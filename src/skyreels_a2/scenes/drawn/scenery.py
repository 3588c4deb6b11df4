"""Pieces of landscapes and rooms that several places share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from skyreels_a2.scenes.drawn.canvas import Canvas, Colour, Point, blend, tone

if TYPE_CHECKING:
    from numpy.random import Generator

RIGHT = 2.2
"""Where a wide canvas ends, in units of its height."""

LIGHT: dict[str, tuple[Colour, float]] = {
    "": ((255, 255, 255), 0.0),
    "in the morning": ((255, 232, 206), 0.16),
    "at noon": ((255, 255, 240), 0.05),
    "at sunset": ((238, 120, 70), 0.3),
    "at night": ((20, 26, 76), 0.58),
}
"""Hour to the light that falls on everything, and how strongly."""

SKIES: dict[str, tuple[Colour, Colour]] = {
    "": ((120, 190, 240), (214, 236, 250)),
    "in the morning": ((150, 200, 236), (255, 226, 196)),
    "at noon": ((72, 160, 236), (196, 230, 250)),
    "at sunset": ((112, 86, 160), (255, 168, 92)),
    "at night": ((12, 16, 54), (52, 62, 120)),
}


class _Lit(Protocol):
    def lit(self, colour: Colour) -> Colour: ...


def paint_gradient(canvas: Canvas, top: Colour, bottom: Colour) -> None:
    """Fill the canvas from one colour above to another below."""
    share = np.linspace(0, 1, 128)[:, None, None]
    rows = np.array(top) * (1 - share) + np.array(bottom) * share
    canvas.fill(np.repeat(rows, 2, axis=1).astype(np.uint8))


def paint_sky(canvas: Canvas, hour: str, rng: Generator) -> None:
    """Sky, with the sun and clouds or the moon and stars."""
    top, bottom = SKIES[hour]
    paint_gradient(canvas, top, blend(top, bottom, 1.6) if hour == "at sunset" else bottom)
    x = rng.uniform(0.3, RIGHT - 0.3)
    if hour == "at night":
        for _ in range(110):
            at = rng.uniform(0, RIGHT), rng.uniform(0, 0.55)
            canvas.dot(*at, rng.uniform(0.002, 0.006), (250, 248, 220))
        canvas.dot(x, 0.17, 0.075, (246, 242, 214))
        return
    canvas.dot(x, 0.34 if hour == "at sunset" else 0.16, 0.08, (255, 240, 176))
    for _ in range(5):
        _paint_cloud(
            canvas,
            (rng.uniform(0, RIGHT), rng.uniform(0.06, 0.3)),
            blend(bottom, (255, 255, 255), 0.7),
        )


def paint_hills(
    canvas: Canvas, level: float, height: float, colour: Colour, rng: Generator
) -> None:
    """Ground up to a wavy line about a level."""
    xs = np.linspace(0, RIGHT, 90)
    phases, rates = rng.uniform(0, 6.3, 3), rng.uniform(1.5, 6, 3)
    line = sum(np.sin(xs * rate + phase) for rate, phase in zip(rates, phases, strict=True))
    ys = level - height * np.asarray(line) / 3
    points = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
    canvas.polygon([*points, (RIGHT, 1.0), (0, 1.0)], colour)
    canvas.stroke(points, 0.008, tone(colour, 1.18))


def paint_tree(canvas: Canvas, foot: Point, size: float, green: Colour) -> None:
    """A round tree."""
    x, y = foot
    canvas.box(x - size * 0.12, y - size * 0.6, x + size * 0.12, y, (120, 84, 58))
    for dx, dy, r in ((-0.45, 0.9, 0.5), (0.45, 0.95, 0.5), (0, 1.3, 0.62)):
        canvas.dot(x + dx * size, y - dy * size, r * size, tone(green, 0.9 + 0.2 * dy))


def paint_fir(canvas: Canvas, foot: Point, size: float, green: Colour) -> None:
    """A fir of three tiers."""
    x, y = foot
    canvas.box(x - size * 0.05, y - size * 0.2, x + size * 0.05, y, (96, 68, 50))
    for tier in range(3):
        low, wide = y - size * (0.12 + 0.26 * tier), size * (0.3 - 0.07 * tier)
        peak = (x, low - size * 0.42)
        canvas.polygon([(x - wide, low), (x + wide, low), peak], tone(green, 0.9 + 0.1 * tier))


def paint_palm(canvas: Canvas, foot: Point, green: Colour, bark: Colour) -> None:
    """A palm tree."""
    x, y = foot
    top = (x + 0.06, y - 0.36)
    canvas.stroke([(x, y), (x + 0.015, y - 0.2), top], 0.03, bark)
    for angle in np.linspace(-0.2, math.pi + 0.2, 6):
        reach = (top[0] + 0.15 * math.cos(angle), top[1] - 0.07 * math.sin(angle))
        tip = (top[0] + 0.22 * math.cos(angle), top[1] - 0.03 * math.sin(angle) + 0.06)
        canvas.stroke([top, reach, tip], 0.026, green)


def paint_parasol(canvas: Canvas, foot: Point, colour: Colour) -> None:
    """A beach parasol."""
    x, y = foot
    canvas.stroke([(x, y), (x, y - 0.24)], 0.014, (240, 236, 226))
    canvas.polygon([(x - 0.15, y - 0.2), (x, y - 0.32), (x + 0.15, y - 0.2)], colour)
    canvas.polygon([(x - 0.05, y - 0.2), (x, y - 0.32), (x + 0.05, y - 0.2)], (250, 248, 240))


def paint_tower(canvas: Canvas, span: tuple[float, float, float], wall: Colour, hour: str) -> None:
    """A building from left to right under a top, with rows of windows."""
    left, top, right = span
    canvas.box(left, top, right, 0.8, wall)
    glass = (255, 228, 130) if hour in {"at night", "at sunset"} else (206, 228, 244)
    for y in np.arange(top + 0.04, 0.72, 0.075):
        for x in np.arange(left + 0.02, right - 0.035, 0.05):
            lit = math.sin(91 * x + 47 * y) > -0.3
            canvas.box(x, y, x + 0.026, y + 0.04, glass if lit else tone(wall, 0.75))


def paint_house(canvas: Canvas, foot: Point, wall: Colour, roof: Colour) -> None:
    """A house with a pitched roof."""
    x, y = foot
    canvas.box(x - 0.1, y - 0.13, x + 0.1, y, wall)
    canvas.polygon([(x - 0.13, y - 0.13), (x, y - 0.24), (x + 0.13, y - 0.13)], roof)
    canvas.box(x - 0.025, y - 0.08, x + 0.025, y, tone(wall, 0.55))
    for side in (-0.06, 0.06):
        canvas.box(x + side - 0.017, y - 0.1, x + side + 0.017, y - 0.06, (255, 236, 160))


def paint_peak(canvas: Canvas, top: Point, light: _Lit) -> None:
    """A mountain with snow on it."""
    x, y = top
    canvas.polygon([(x - 0.34, 0.7), (x, y), (x + 0.34, 0.7)], light.lit((134, 144, 168)))
    canvas.polygon([(x, y), (x + 0.34, 0.7), (x + 0.06, 0.7)], light.lit((112, 122, 148)))
    cap = [
        (x - 0.09, y + 0.12),
        (x, y),
        (x + 0.09, y + 0.12),
        (x + 0.03, y + 0.09),
        (x - 0.03, y + 0.14),
    ]
    canvas.polygon(cap, light.lit((246, 250, 255)))


def paint_mushroom(canvas: Canvas, foot: Point, colour: Colour) -> None:
    """A small toadstool."""
    x, y = foot
    canvas.box(x - 0.011, y - 0.045, x + 0.011, y, (244, 234, 214))
    canvas.polygon([(x - 0.042, y - 0.04), (x, y - 0.085), (x + 0.042, y - 0.04)], colour)


def paint_cactus(canvas: Canvas, foot: Point, green: Colour, flower: Colour) -> None:
    """A cactus with two arms and a flower."""
    x, y = foot
    canvas.stroke([(x, y), (x, y - 0.24)], 0.055, green)
    for side, low in ((-1, 0.1), (1, 0.14)):
        arm = x + 0.075 * side
        canvas.stroke([(x, y - low), (arm, y - low), (arm, y - low - 0.08)], 0.036, green)
    canvas.dot(x, y - 0.27, 0.032, flower)
    canvas.dot(x + 0.075, y - 0.24, 0.022, flower)


def paint_coral(canvas: Canvas, foot: Point, colour: Colour, rng: Generator) -> None:
    """A branching coral."""
    x, y = foot
    for lean in (-0.6, -0.2, 0.25, 0.7):
        height = rng.uniform(0.08, 0.18)
        tip = (x + lean * height, y - height)
        canvas.stroke([(x, y), tip], 0.026, tone(colour, rng.uniform(0.8, 1.2)))


def paint_planet(canvas: Canvas, at: Point, radius: float, colour: Colour) -> None:
    """A planet with a ring."""
    x, y = at
    canvas.dot(x, y, radius, colour)
    canvas.dot(x - radius * 0.25, y - radius * 0.25, radius * 0.6, tone(colour, 1.2))
    canvas.stroke(
        [(x - radius * 1.6, y + radius * 0.4), (x + radius * 1.6, y - radius * 0.4)],
        0.014,
        (236, 226, 200),
    )


def paint_planks(canvas: Canvas, top: float, wood: Colour) -> None:
    """A wooden floor."""
    canvas.box(0, top, RIGHT, 1.0, wood)
    for row, y in enumerate(np.arange(top, 1.0, 0.055)):
        canvas.box(0, y, RIGHT, y + 0.006, tone(wood, 0.75))
        for x in np.arange(0.18 * (row % 2), RIGHT, 0.36):
            canvas.box(x, y, x + 0.006, y + 0.055, tone(wood, 0.75))


def paint_window(canvas: Canvas, at: Point) -> None:
    """A window on a bright day."""
    x, y = at
    canvas.box(x - 0.15, y - 0.16, x + 0.15, y + 0.16, (250, 246, 236))
    for dx in (-0.07, 0.07):
        for dy in (-0.075, 0.075):
            canvas.box(
                x + dx - 0.06, y + dy - 0.065, x + dx + 0.06, y + dy + 0.065, (150, 208, 240)
            )


def paint_sofa(canvas: Canvas, at: Point, colour: Colour) -> None:
    """A sofa."""
    x, y = at
    canvas.box(x - 0.2, y - 0.08, x + 0.2, y + 0.14, colour, corner=0.05)
    canvas.box(x - 0.24, y + 0.02, x - 0.15, y + 0.18, tone(colour, 0.8), corner=0.04)
    canvas.box(x + 0.15, y + 0.02, x + 0.24, y + 0.18, tone(colour, 0.8), corner=0.04)
    canvas.box(x - 0.17, y + 0.06, x + 0.17, y + 0.16, tone(colour, 1.2), corner=0.03)


def paint_sail(canvas: Canvas, at: Point, colour: Colour) -> None:
    """A sailing boat far away."""
    x, y = at
    canvas.polygon([(x, y - 0.16), (x, y), (x + 0.09, y)], colour)
    canvas.polygon(
        [(x - 0.08, y + 0.01), (x + 0.11, y + 0.01), (x + 0.07, y + 0.04), (x - 0.05, y + 0.04)],
        (110, 74, 54),
    )


def paint_crystal(canvas: Canvas, foot: Point, size: float, colour: Colour) -> None:
    """A cluster of three crystals."""
    x, y = foot
    for lean, height in ((-0.5, 0.7), (0.5, 0.75), (0.0, 1.0)):
        tip = (x + lean * size, y - height * size)
        wide = size * 0.17
        canvas.polygon([(x - wide, y), tip, (x + wide, y)], colour)
        canvas.polygon([(x, y), tip, (x + wide, y)], tone(colour, 1.45))


def _paint_cloud(canvas: Canvas, at: Point, colour: Colour) -> None:
    x, y = at
    for dx, r in ((-0.1, 0.035), (-0.04, 0.055), (0.04, 0.05), (0.1, 0.03)):
        canvas.spot(x + dx, y - r * 0.4, r * 1.3, r, colour)
    canvas.box(x - 0.14, y - 0.015, x + 0.14, y + 0.022, colour, corner=0.02)
