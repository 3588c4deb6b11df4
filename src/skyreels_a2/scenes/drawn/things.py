"""Objects: a small drawing function each, in two colours; a pair of colours is an identity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from skyreels_a2.scenes.drawn.canvas import COLOURS, Canvas, Colour, tone
from skyreels_a2.scenes.words import with_article

Drawer: TypeAlias = Callable[[Canvas, Colour, Colour], None]
WOOD: Colour = (168, 112, 62)
STEEL: Colour = (178, 186, 196)


@dataclass(frozen=True, slots=True)
class Thing:
    """One object: what it is and its two colours; `detail` names what has the second."""

    noun: str
    detail: str
    drawer: Drawer
    colour: str
    second: str

    @property
    def name(self) -> str:
        """A true and full name."""
        return f"{self.colour} {self.noun} with {self._detail}"

    @property
    def aliases(self) -> tuple[str, ...]:
        """Shorter true names."""
        return (f"{self.colour} {self.noun}",)

    @property
    def _detail(self) -> str:
        detail = f"{self.second} {self.detail}"
        return detail if self.detail.endswith("s") else with_article(detail)

    def draw(self, canvas: Canvas, phase: float) -> None:  # noqa: ARG002 - objects keep still
        """Draw it; things have one pose."""
        self.drawer(canvas, COLOURS[self.colour], COLOURS[self.second])


def all_things() -> Iterator[Thing]:
    """Every object: each kind in ten pairs of colours."""
    colours = tuple(COLOURS)
    for k, (noun, (detail, drawer)) in enumerate(KINDS.items()):
        for i in range(10):
            first = colours[(i + k) % len(colours)]
            second = colours[(i + k + 3 + (i + k) % 5) % len(colours)]
            yield Thing(noun, detail, drawer, first, second)


def _ball(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.ellipse(0.5, 0.5, 0.4, 0.4, first)

    def disc(stencil: Canvas) -> None:
        stencil.dot(0.5, 0.5, 0.385, first)

    def stripes(layer: Canvas) -> None:
        for x in (0.12, 0.5, 0.88):
            layer.stroke([(x - 0.1, 0.0), (x + 0.06, 0.5), (x - 0.1, 1.0)], 0.13, second)

    canvas.within(disc, stripes)
    canvas.spot(0.36, 0.3, 0.08, 0.05, (255, 255, 255))


def _cup(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.line([(0.66, 0.4), (0.88, 0.42), (0.86, 0.62), (0.64, 0.68)], 0.07, first)
    canvas.polygon([(0.16, 0.24), (0.74, 0.24), (0.66, 0.86), (0.24, 0.86)], first)
    canvas.polygon([(0.185, 0.42), (0.715, 0.42), (0.685, 0.62), (0.215, 0.62)], second)
    canvas.ellipse(0.45, 0.24, 0.29, 0.07, tone(first, 0.5))


def _gift(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.box(0.16, 0.42, 0.84, 0.9, first, corner=0.02)
    canvas.box(0.11, 0.3, 0.89, 0.46, tone(first, 1.2), corner=0.02)
    canvas.box(0.43, 0.3, 0.57, 0.9, second)
    for side in (-1, 1):
        canvas.ellipse(0.5 + 0.13 * side, 0.21, 0.13, 0.085, second)
    canvas.ellipse(0.5, 0.25, 0.05, 0.05, tone(second, 0.8))


def _umbrella(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.line([(0.5, 0.1), (0.5, 0.86), (0.57, 0.92), (0.63, 0.85)], 0.03, WOOD)
    for i in range(6):
        left, right = 0.06 + 0.147 * i, 0.06 + 0.147 * (i + 1)
        colour = (first, second)[i % 2]
        canvas.polygon([(0.5, 0.1), (left, 0.5), ((left + right) / 2, 0.45), (right, 0.5)], colour)


def _lamp(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.line([(0.5, 0.4), (0.5, 0.86)], 0.06, second)
    canvas.ellipse(0.5, 0.88, 0.23, 0.07, second)
    canvas.polygon([(0.34, 0.1), (0.66, 0.1), (0.82, 0.5), (0.18, 0.5)], first)
    canvas.spot(0.5, 0.5, 0.26, 0.04, (255, 246, 190))


def _book(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.box(0.2, 0.1, 0.84, 0.92, tone(first, 0.7), corner=0.03)
    canvas.box(0.22, 0.14, 0.87, 0.88, (250, 246, 232), corner=0.02)
    canvas.box(0.16, 0.1, 0.8, 0.88, first, corner=0.03)
    canvas.box(0.3, 0.22, 0.68, 0.44, second, corner=0.02)
    canvas.box(0.16, 0.1, 0.24, 0.88, tone(first, 0.7))


def _kite(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.stroke([(0.5, 0.68), (0.42, 0.78), (0.54, 0.86), (0.46, 0.96)], 0.02, tone(second, 0.7))
    canvas.polygon([(0.5, 0.04), (0.84, 0.34), (0.5, 0.72), (0.16, 0.34)], first)
    canvas.polygon([(0.5, 0.04), (0.84, 0.34), (0.5, 0.34)], second)
    canvas.polygon([(0.5, 0.72), (0.16, 0.34), (0.5, 0.34)], second)


def _guitar(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.line([(0.42, 0.58), (0.84, 0.12)], 0.07, second)
    canvas.box(0.78, 0.04, 0.93, 0.16, tone(second, 0.8), corner=0.03)
    canvas.ellipse(0.44, 0.56, 0.17, 0.17, first)
    canvas.ellipse(0.32, 0.7, 0.24, 0.24, first)
    canvas.dot(0.44, 0.56, 0.12, first)
    canvas.dot(0.4, 0.61, 0.075, (44, 34, 32))
    canvas.stroke([(0.26, 0.77), (0.84, 0.12)], 0.014, (250, 246, 226))


def _balloon(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.stroke([(0.5, 0.7), (0.46, 0.8), (0.54, 0.88), (0.5, 0.98)], 0.02, second)
    canvas.ellipse(0.5, 0.36, 0.29, 0.33, first)
    canvas.polygon([(0.44, 0.75), (0.56, 0.75), (0.5, 0.67)], second)
    canvas.spot(0.39, 0.22, 0.06, 0.09, tone(first, 1.6))


def _car(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.polygon([(0.24, 0.5), (0.34, 0.28), (0.68, 0.28), (0.8, 0.5)], second)
    canvas.box(0.36, 0.33, 0.49, 0.48, (190, 226, 246), corner=0.02)
    canvas.box(0.54, 0.33, 0.69, 0.48, (190, 226, 246), corner=0.02)
    canvas.box(0.06, 0.47, 0.94, 0.7, first, corner=0.07)
    canvas.dot(0.11, 0.56, 0.035, (255, 240, 150))
    for x in (0.27, 0.74):
        canvas.ellipse(x, 0.71, 0.115, 0.115, (54, 52, 60))
        canvas.dot(x, 0.71, 0.05, STEEL)


def _boat(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.line([(0.5, 0.08), (0.5, 0.7)], 0.035, WOOD)
    canvas.polygon([(0.46, 0.12), (0.46, 0.6), (0.12, 0.6)], second)
    canvas.polygon([(0.54, 0.2), (0.54, 0.6), (0.82, 0.6)], tone(second, 1.4))
    canvas.polygon([(0.06, 0.68), (0.94, 0.68), (0.78, 0.9), (0.2, 0.9)], first)


def _flower(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.line([(0.5, 0.4), (0.5, 0.7)], 0.04, (86, 160, 66))
    for i in range(6):
        angle = math.pi * i / 3
        canvas.ellipse(0.5 + 0.16 * math.cos(angle), 0.27 + 0.16 * math.sin(angle), 0.1, 0.1, first)
    canvas.ellipse(0.5, 0.27, 0.09, 0.09, (250, 214, 80))
    canvas.polygon([(0.26, 0.64), (0.74, 0.64), (0.66, 0.94), (0.34, 0.94)], second)
    canvas.box(0.22, 0.6, 0.78, 0.7, tone(second, 1.2), corner=0.02)


def _star(canvas: Canvas, first: Colour, second: Colour) -> None:
    for radius, colour in ((0.46, first), (0.27, second)):
        points = []
        for i in range(10):
            angle, reach = math.pi * i / 5 - math.pi / 2, radius * (1.0, 0.46)[i % 2]
            points.append((0.5 + reach * math.cos(angle), 0.52 + reach * math.sin(angle)))
        canvas.polygon(points, colour)


def _drum(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.box(0.14, 0.3, 0.86, 0.86, first, corner=0.08)
    for i in range(4):
        x = 0.16 + 0.17 * i
        canvas.stroke([(x, 0.38), (x + 0.085, 0.78), (x + 0.17, 0.38)], 0.022, (252, 248, 236))
    canvas.box(0.12, 0.76, 0.88, 0.86, second, corner=0.03)
    canvas.ellipse(0.5, 0.3, 0.38, 0.13, second)
    canvas.spot(0.5, 0.3, 0.31, 0.09, (250, 246, 232))


def _bucket(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.arc(0.5, 0.4, 0.34, (180, 360), STEEL)
    canvas.polygon([(0.14, 0.36), (0.86, 0.36), (0.74, 0.92), (0.26, 0.92)], first)
    canvas.polygon([(0.175, 0.52), (0.825, 0.52), (0.79, 0.68), (0.21, 0.68)], second)
    canvas.ellipse(0.5, 0.36, 0.36, 0.09, tone(first, 0.7))


def _backpack(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.line([(0.42, 0.14), (0.5, 0.08), (0.58, 0.14)], 0.05, second)
    canvas.box(0.18, 0.14, 0.82, 0.9, first, corner=0.2)
    canvas.box(0.27, 0.54, 0.73, 0.84, second, corner=0.06)
    canvas.box(0.3, 0.3, 0.7, 0.36, tone(first, 0.6), corner=0.03)
    canvas.box(0.46, 0.6, 0.54, 0.7, STEEL, corner=0.02)


def _teapot(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.line([(0.3, 0.62), (0.14, 0.5), (0.08, 0.36)], 0.085, first)
    canvas.line([(0.7, 0.42), (0.92, 0.46), (0.88, 0.68), (0.7, 0.72)], 0.06, second)
    canvas.ellipse(0.5, 0.6, 0.3, 0.27, first)
    canvas.ellipse(0.5, 0.36, 0.17, 0.06, second)
    canvas.ellipse(0.5, 0.27, 0.055, 0.055, second)


def _mushroom(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.box(0.37, 0.5, 0.63, 0.93, (250, 240, 220), corner=0.1)
    canvas.ellipse(0.5, 0.42, 0.41, 0.3, first)
    for x, y, r in ((0.32, 0.4, 0.075), (0.54, 0.26, 0.085), (0.7, 0.46, 0.07), (0.49, 0.52, 0.06)):
        canvas.dot(x, y, r, second)


def _rocket(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.polygon([(0.4, 0.8), (0.5, 0.99), (0.6, 0.8)], (255, 176, 60))
    canvas.polygon([(0.36, 0.52), (0.16, 0.84), (0.38, 0.78)], second)
    canvas.polygon([(0.64, 0.52), (0.84, 0.84), (0.62, 0.78)], second)
    canvas.ellipse(0.5, 0.45, 0.19, 0.4, first)
    canvas.ellipse(0.5, 0.38, 0.095, 0.095, (170, 222, 250))
    canvas.polygon([(0.385, 0.16), (0.5, 0.02), (0.615, 0.16)], second)


def _bell(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.ellipse(0.5, 0.86, 0.08, 0.08, tone(first, 0.6))
    canvas.polygon(
        [
            (0.5, 0.14),
            (0.68, 0.26),
            (0.74, 0.62),
            (0.88, 0.8),
            (0.12, 0.8),
            (0.26, 0.62),
            (0.32, 0.26),
        ],
        first,
    )
    canvas.box(0.24, 0.56, 0.76, 0.66, second)
    canvas.ellipse(0.5, 0.14, 0.08, 0.08, second)


def _cake(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.ellipse(0.5, 0.86, 0.46, 0.08, (236, 238, 242))
    canvas.box(0.14, 0.46, 0.86, 0.86, first, corner=0.05)
    canvas.box(0.14, 0.44, 0.86, 0.58, second, corner=0.05)
    for x in (0.24, 0.42, 0.6, 0.76):
        canvas.dot(x, 0.6, 0.05, second)
    canvas.line([(0.5, 0.26), (0.5, 0.44)], 0.05, (250, 250, 250))
    canvas.ellipse(0.5, 0.18, 0.04, 0.07, (255, 190, 60))


def _cone(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.polygon([(0.3, 0.5), (0.7, 0.5), (0.5, 0.97)], (224, 164, 92))
    canvas.ellipse(0.5, 0.4, 0.25, 0.19, first)
    canvas.ellipse(0.5, 0.22, 0.19, 0.17, second)
    canvas.dot(0.44, 0.15, 0.04, tone(second, 1.6))


def _clock(canvas: Canvas, first: Colour, second: Colour) -> None:
    for side in (-1, 1):
        canvas.line([(0.5 + 0.22 * side, 0.8), (0.5 + 0.3 * side, 0.93)], 0.06, second)
        canvas.ellipse(0.5 + 0.24 * side, 0.16, 0.12, 0.1, second)
    canvas.ellipse(0.5, 0.52, 0.37, 0.37, first)
    canvas.dot(0.5, 0.52, 0.27, (252, 250, 244))
    canvas.stroke([(0.5, 0.33), (0.5, 0.52), (0.63, 0.6)], 0.035, (44, 40, 50))


def _key(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.line([(0.4, 0.4), (0.84, 0.84)], 0.1, first)
    canvas.line([(0.72, 0.72), (0.63, 0.82)], 0.08, first)
    canvas.line([(0.84, 0.84), (0.75, 0.93)], 0.08, first)
    canvas.ellipse(0.31, 0.31, 0.24, 0.24, first)
    canvas.ellipse(0.31, 0.31, 0.13, 0.13, second)


def _train(canvas: Canvas, first: Colour, second: Colour) -> None:
    canvas.box(0.16, 0.2, 0.28, 0.46, second, corner=0.02)
    canvas.box(0.08, 0.42, 0.66, 0.74, first, corner=0.1)
    canvas.box(0.56, 0.22, 0.9, 0.74, second, corner=0.03)
    canvas.box(0.64, 0.3, 0.82, 0.48, (190, 226, 246), corner=0.02)
    canvas.polygon([(0.02, 0.82), (0.14, 0.64), (0.14, 0.82)], STEEL)
    for x in (0.24, 0.48, 0.74):
        canvas.ellipse(x, 0.8, 0.1, 0.1, (54, 52, 60))
        canvas.dot(x, 0.8, 0.04, STEEL)


def _chair(canvas: Canvas, first: Colour, second: Colour) -> None:
    for x in (0.26, 0.74):
        canvas.line([(x, 0.6), (x, 0.94)], 0.06, WOOD)
    canvas.box(0.24, 0.06, 0.76, 0.6, first, corner=0.1)
    canvas.box(0.17, 0.54, 0.83, 0.7, second, corner=0.06)


KINDS: dict[str, tuple[str, Drawer]] = {
    "ball": ("stripes", _ball),
    "cup": ("band", _cup),
    "gift box": ("ribbon", _gift),
    "umbrella": ("panels", _umbrella),
    "lamp": ("foot", _lamp),
    "book": ("label", _book),
    "kite": ("corners", _kite),
    "guitar": ("neck", _guitar),
    "balloon": ("string", _balloon),
    "toy car": ("roof", _car),
    "sailing boat": ("sail", _boat),
    "flower": ("pot", _flower),
    "star": ("centre", _star),
    "drum": ("rim", _drum),
    "bucket": ("band", _bucket),
    "backpack": ("pocket", _backpack),
    "teapot": ("lid", _teapot),
    "mushroom": ("dots", _mushroom),
    "rocket": ("fins", _rocket),
    "bell": ("band", _bell),
    "cake": ("top", _cake),
    "ice cream": ("scoop", _cone),
    "alarm clock": ("feet", _clock),
    "key": ("ring", _key),
    "toy train": ("cab", _train),
    "chair": ("seat", _chair),
}
"""Noun to what bears the second colour, and who draws it."""
