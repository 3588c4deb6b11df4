"""Four-legged animals seen from the side, facing left, that walk on the spot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from skyreels_a2.scenes.drawn.canvas import COLOURS, Canvas, Colour, blend, tone
from skyreels_a2.scenes.drawn.wear import put_hat, put_scarf
from skyreels_a2.scenes.words import with_article


@dataclass(frozen=True, slots=True)
class Species:
    """What tells one kind of animal from another; lengths in units of the picture's height."""

    name: str
    ears: str
    tail: str
    snout: float = 0.07
    neck: float = 0.0
    legs: float = 0.22
    girth: float = 0.16
    extra: str = ""


SPECIES = (
    Species("cat", "pointed", "long"),
    Species("dog", "floppy", "short", snout=0.1),
    Species("fox", "pointed", "bushy", snout=0.11),
    Species("bear", "round", "stub", snout=0.08, girth=0.2, legs=0.18),
    Species("pig", "pointed", "stub", snout=0.05, girth=0.19, legs=0.15, extra="nostrils"),
    Species("cow", "side", "long", snout=0.09, girth=0.18, extra="horns"),
    Species("horse", "pointed", "bushy", snout=0.12, neck=0.16, legs=0.28, extra="mane"),
    Species("sheep", "side", "stub", girth=0.2, legs=0.17, extra="wool"),
    Species("elephant", "huge", "short", snout=0.0, girth=0.22, legs=0.2, extra="trunk"),
    Species("giraffe", "side", "short", snout=0.08, neck=0.2, legs=0.27, girth=0.13, extra="horns"),
    Species("mouse", "huge round", "long", snout=0.08, girth=0.13, legs=0.1),
    Species("lion", "round", "long", snout=0.08, girth=0.16, extra="big mane"),
    Species("rabbit", "long", "stub", snout=0.05, girth=0.15, legs=0.13),
    Species("goat", "side", "stub", snout=0.1, neck=0.06, extra="horns"),
)
COATS = ("orange", "grey", "brown", "white", "black", "blue", "pink", "yellow", "purple", "green")
PATTERNS = ("plain", "spotted", "striped")
WEAR = ("", "hat", "scarf")


@dataclass(frozen=True, slots=True)
class Beast:
    """One animal: its species, its coat, and what it wears."""

    species: Species
    coat: str
    pattern: str
    wear: str
    wear_colour: str

    @property
    def name(self) -> str:
        """A true and full name."""
        pattern = "" if self.pattern == "plain" else f"{self.pattern} "
        wear = f" with {with_article(self.wear_colour)} {self.wear}" if self.wear else ""
        return f"{pattern}{self.coat} {self.species.name}{wear}"

    @property
    def aliases(self) -> tuple[str, ...]:
        """Shorter true names."""
        return (f"{self.coat} {self.species.name}",) if self.name.count(" ") > 1 else ()

    def draw(self, canvas: Canvas, phase: float) -> None:
        """Draw it at a phase of its walk, 0 to 1."""
        swing = math.sin(2 * math.pi * phase)
        bob = 0.014 * math.cos(2 * math.pi * phase)
        kind, coat = self.species, COLOURS[self.coat]
        floor, belly = 0.94, 0.94 - kind.legs
        middle = belly - kind.girth * 0.75 + bob
        head = (0.3 - kind.neck * 0.35, middle - 0.1 - kind.neck + bob)
        _draw_tail(canvas, kind.tail, (0.8, middle - 0.04), swing, coat)
        _draw_legs(canvas, (belly - 0.06, floor), swing, coat)
        self._draw_body(canvas, (0.56, middle), coat)
        if kind.neck:
            canvas.line([(0.4, middle - 0.02), head], 0.13, coat)
        if kind.extra == "mane":
            canvas.stroke(
                [(0.46, middle - 0.1), (head[0] + 0.1, head[1] - 0.08)], 0.05, tone(coat, 0.5)
            )
        if self.wear == "scarf":
            put_scarf(canvas, (head[0] + 0.1, head[1] + 0.13), 0.1, COLOURS[self.wear_colour])
        _draw_head(canvas, kind, head, coat, swing)
        if self.wear == "hat":
            put_hat(canvas, (head[0] + 0.01, head[1] - 0.12), 0.11, COLOURS[self.wear_colour])

    def _draw_body(self, canvas: Canvas, at: tuple[float, float], coat: Colour) -> None:
        kind, (x, y) = self.species, at
        if kind.extra == "wool":
            for i in range(9):
                angle = 2 * math.pi * i / 9
                canvas.ellipse(
                    x + 0.2 * math.cos(angle), y + 0.12 * math.sin(angle), 0.09, 0.09, coat
                )
            canvas.spot(x, y, 0.22, 0.15, coat)
            return
        canvas.ellipse(x, y, 0.27, kind.girth, coat)
        ink = tone(coat, 0.45) if sum(coat) > 300 else tone(coat, 1.6)

        def body(stencil: Canvas) -> None:
            stencil.spot(x, y, 0.255, kind.girth - 0.012, coat)

        def marks(layer: Canvas) -> None:
            for i in range(6):
                left = x - 0.25 + 0.09 * i
                if self.pattern == "striped":
                    layer.stroke([(left, y - 0.25), (left + 0.05, y + 0.03)], 0.035, ink)
                elif self.pattern == "spotted":
                    layer.dot(left + 0.03, y + (-0.09, 0.03)[i % 2], 0.042 - 0.004 * (i % 3), ink)
            layer.spot(x, y + kind.girth, 0.17, 0.07, tone(coat, 1.45))

        canvas.within(body, marks)


def all_beasts() -> Iterator[Beast]:
    """Every animal there is: each species in ten coats, with changing pattern and wear."""
    colours = tuple(COLOURS)
    for s, species in enumerate(SPECIES):
        for c, coat in enumerate(COATS):
            number = s * len(COATS) + c
            wear = WEAR[(number // 3 + c) % 3]
            colour = colours[(number * 5 + 3) % len(colours)]
            if colour == coat:
                colour = colours[(number * 5 + 4) % len(colours)]
            pattern = PATTERNS[(c + s) % 3] if species.extra != "wool" else "plain"
            yield Beast(species, coat, pattern, wear, colour)


def _draw_legs(canvas: Canvas, heights: tuple[float, float], swing: float, coat: Colour) -> None:
    top, floor = heights
    for x, way, far in ((0.42, -1, True), (0.7, 1, True), (0.38, 1, False), (0.74, -1, False)):
        colour = tone(coat, 0.72 if far else 1.0)
        foot = x + 0.055 * swing * way
        canvas.line([(x, top), (foot, floor - 0.04)], 0.085, colour)
        canvas.spot(foot - 0.012, floor - 0.02, 0.055, 0.028, tone(coat, 0.5))


def _draw_tail(
    canvas: Canvas, tail: str, root: tuple[float, float], swing: float, coat: Colour
) -> None:
    x, y = root
    lift = 0.05 * swing
    match tail:
        case "long":
            canvas.line([(x, y), (x + 0.1, y - 0.05), (x + 0.13, y - 0.2 + lift)], 0.045, coat)
        case "bushy":
            canvas.line([(x, y), (x + 0.09, y + 0.04), (x + 0.12, y + 0.16 + lift)], 0.09, coat)
            canvas.dot(x + 0.12, y + 0.17 + lift, 0.04, tone(coat, 1.6))
        case "short":
            canvas.line([(x - 0.02, y), (x + 0.07, y - 0.09 + lift)], 0.045, coat)
        case _:
            canvas.ellipse(x + 0.01, y, 0.045, 0.045, tone(coat, 1.3))


def _draw_head(
    canvas: Canvas, kind: Species, at: tuple[float, float], coat: Colour, swing: float
) -> None:
    x, y = at
    if kind.extra == "big mane":
        canvas.ellipse(x + 0.02, y + 0.01, 0.2, 0.2, tone(blend(coat, COLOURS["brown"], 0.6), 0.8))
    _draw_ears(canvas, kind.ears, at, coat)
    if kind.extra == "horns":
        for side in (-0.04, 0.06):
            canvas.line([(x + side, y - 0.1), (x + side * 1.6, y - 0.2)], 0.03, COLOURS["white"])
    canvas.ellipse(x, y, 0.14, 0.13, coat if kind.extra != "wool" else COLOURS["black"])
    if kind.snout:
        light = tone(coat, 1.4)
        canvas.ellipse(x - 0.1, y + 0.045, kind.snout, 0.062, light)
        canvas.dot(x - 0.1 - kind.snout * 0.75, y + 0.025, 0.026, (50, 40, 44))
    if kind.extra == "nostrils":
        canvas.dot(x - 0.11, y + 0.05, 0.014, tone(coat, 0.5))
    if kind.extra == "trunk":
        end = (x - 0.2 + 0.03 * swing, y + 0.3)
        canvas.line([(x - 0.1, y + 0.02), (x - 0.17, y + 0.16), end], 0.075, coat)
    for eye in (x - 0.055, x + 0.035):
        canvas.dot(eye, y - 0.035, 0.036, (255, 255, 255))
        canvas.dot(eye - 0.01, y - 0.033, 0.02, (30, 26, 34))


def _draw_ears(canvas: Canvas, ears: str, at: tuple[float, float], coat: Colour) -> None:
    x, y = at
    inner = blend(coat, COLOURS["pink"], 0.6)
    for side in (-1.0, 1.0):
        ex = x + 0.02 + 0.085 * side
        match ears:
            case "pointed":
                canvas.polygon([(ex - 0.06, y - 0.06), (ex, y - 0.22), (ex + 0.06, y - 0.06)], coat)
            case "long":
                canvas.ellipse(ex, y - 0.2, 0.04, 0.14, coat)
                canvas.spot(ex, y - 0.19, 0.018, 0.09, inner)
            case "floppy":
                canvas.ellipse(x + 0.02 + 0.13 * side, y, 0.045, 0.11, tone(coat, 0.7))
            case "side":
                canvas.ellipse(x + 0.01 + 0.15 * side, y - 0.06, 0.06, 0.032, coat)
            case "huge":
                canvas.ellipse(x + 0.05 + 0.11 * side, y, 0.1, 0.15, tone(coat, 0.85))
            case _:
                radius = 0.085 if ears == "huge round" else 0.055
                canvas.ellipse(ex, y - 0.12, radius, radius, coat)
                canvas.dot(ex, y - 0.12, radius * 0.55, inner)
