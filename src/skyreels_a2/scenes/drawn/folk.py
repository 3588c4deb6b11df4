"""Figures that stand upright and face the front: people, robots and monsters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from skyreels_a2.scenes.drawn.canvas import COLOURS, Canvas, Colour, tone
from skyreels_a2.scenes.drawn.wear import put_crown, put_glasses, put_hat, put_party_hat
from skyreels_a2.scenes.words import with_article

INK: Colour = (34, 30, 38)
BOB = 0.014
"""How far heads go up and down while walking."""
SKINS: tuple[Colour, ...] = ((255, 219, 186), (236, 188, 150), (198, 140, 100), (132, 88, 62))
HAIR = {
    "blond": (246, 214, 112),
    "red": (206, 84, 40),
    "brown": (112, 72, 44),
    "black": (46, 42, 50),
    "white": (240, 240, 240),
    "blue": (70, 120, 220),
}
CLOTHES = ("red", "blue", "green", "yellow", "purple", "orange", "teal", "pink")


@dataclass(frozen=True, slots=True)
class Person:
    """One person: hair, skin and clothes."""

    who: str
    hair: str
    skin: Colour
    clothes: str
    below: str
    extra: str

    @property
    def name(self) -> str:
        """A true and full name."""
        dress = with_article(f"{self.clothes} {self.dress}")
        if self.extra == "glasses":
            return f"{self.who} with glasses, {self.hair} hair and {dress}"
        return f"{self.who} with {self.hair} hair and {dress}"

    @property
    def aliases(self) -> tuple[str, ...]:
        """Shorter true names."""
        return (f"{self.who} in {with_article(f'{self.clothes} {self.dress}')}",)

    @property
    def dress(self) -> str:
        """What is worn above."""
        return "dress" if self.who in {"girl", "woman"} else "shirt"

    def draw(self, canvas: Canvas, phase: float) -> None:
        """Draw the person at a phase of a walk, 0 to 1."""
        swing = math.sin(2 * math.pi * phase)
        small = self.who in {"girl", "boy"}
        head, hip = (0.3, 0.7) if small else (0.24, 0.64)
        head += BOB * math.cos(2 * math.pi * phase)
        radius = 0.155 if small else 0.125
        cloth, hair = COLOURS[self.clothes], HAIR[self.hair]
        skirt = self.dress == "dress"
        if skirt:
            canvas.ellipse(0.5, head + 0.08, radius * 1.25, radius * 1.5, hair)
        _draw_legs(canvas, hip, swing, self.skin if skirt else COLOURS[self.below])
        _draw_arms(canvas, head + radius + 0.06, swing, (cloth, self.skin))
        shoulders = head + radius * 0.8
        flare = 0.19 if skirt else 0.13
        canvas.polygon(
            [
                (0.41, shoulders),
                (0.59, shoulders),
                (0.5 + flare, hip + 0.06),
                (0.5 - flare, hip + 0.06),
            ],
            cloth,
        )
        canvas.ellipse(0.5, head, radius, radius, self.skin)
        self._draw_hair(canvas, head, radius)
        _draw_face(canvas, head, phase)
        if self.extra == "glasses":
            put_glasses(canvas, (0.5, head + 0.01), 0.058, INK)

    def _draw_hair(self, canvas: Canvas, head: float, radius: float) -> None:
        hair = HAIR[self.hair]

        def skull(stencil: Canvas) -> None:
            stencil.spot(0.5, head, radius * 1.02, radius * 1.02, hair)

        def fringe(layer: Canvas) -> None:
            layer.box(0.2, 0.0, 0.8, head - radius * 0.35, hair)
            layer.dot(0.5 - radius, head - radius * 0.3, radius * 0.4, hair)
            layer.dot(0.5 + radius, head - radius * 0.3, radius * 0.4, hair)

        canvas.within(skull, fringe)
        if self.extra == "bun":
            canvas.ellipse(0.5, head - radius * 1.15, radius * 0.45, radius * 0.4, hair)


@dataclass(frozen=True, slots=True)
class Robot:
    """One robot: colour, shape of the body and what is on its head."""

    colour: str
    shape: str
    head: str
    head_colour: str

    @property
    def name(self) -> str:
        """A true and full name."""
        top = with_article(f"{self.head_colour} {self.head}")
        return f"{self.shape} {self.colour} robot with {top}"

    @property
    def aliases(self) -> tuple[str, ...]:
        """Shorter true names."""
        return (f"{self.colour} robot", f"{self.shape} {self.colour} robot")

    def draw(self, canvas: Canvas, phase: float) -> None:
        """Draw it at a phase of its walk, 0 to 1."""
        swing = math.sin(2 * math.pi * phase)
        metal, dark = COLOURS[self.colour], tone(COLOURS[self.colour], 0.6)
        wide, corner = {"boxy": (0.2, 0.02), "round": (0.22, 0.15), "slim": (0.13, 0.06)}[
            self.shape
        ]
        _draw_legs(canvas, 0.74, swing, COLOURS["grey"], foot=dark)
        _draw_arms(canvas, 0.5, swing, (COLOURS["grey"], dark), spread=wide + 0.02)
        canvas.box(0.5 - wide, 0.45, 0.5 + wide, 0.8, metal, corner=corner)
        canvas.box(0.5 - wide * 0.55, 0.52, 0.5 + wide * 0.55, 0.66, tone(metal, 1.55), corner=0.02)
        lamp = (255, 236, 120) if phase < 0.5 else (240, 90, 80)
        canvas.dot(0.5 - wide * 0.25, 0.59, 0.026, lamp)
        canvas.dot(0.5 + wide * 0.25, 0.59, 0.026, COLOURS["blue"])
        self._draw_head(canvas, wide * 0.92 + 0.02, corner, phase)

    def _draw_head(self, canvas: Canvas, across: float, corner: float, phase: float) -> None:
        top = 0.19 + BOB * math.cos(2 * math.pi * phase)
        canvas.box(
            0.5 - across,
            top,
            0.5 + across,
            top + 0.25,
            COLOURS[self.colour],
            corner=corner * 0.8 + 0.01,
        )
        canvas.box(0.5 - across * 0.8, top + 0.05, 0.5 + across * 0.8, top + 0.17, INK, corner=0.03)
        blink = 0.008 if 0.7 < phase < 0.8 else 0.036
        for side in (-1, 1):
            canvas.spot(0.5 + side * across * 0.4, top + 0.11, 0.034, blink, (120, 240, 250))
        self._draw_top(canvas, top + 0.01, math.sin(2 * math.pi * phase))

    def _draw_top(self, canvas: Canvas, brim: float, swing: float) -> None:
        colour = COLOURS[self.head_colour]
        match self.head:
            case "hat":
                put_hat(canvas, (0.5, brim), 0.12, colour)
            case "party hat":
                put_party_hat(canvas, (0.5, brim), 0.085, colour)
            case "crown":
                put_crown(canvas, (0.5, brim), 0.12, colour)
            case _:
                tip = (0.5 + 0.03 * swing, 0.07)
                canvas.line([(0.5, brim), tip], 0.02, COLOURS["grey"])
                canvas.ellipse(*tip, 0.042, 0.042, colour)


@dataclass(frozen=True, slots=True)
class Monster:
    """One monster: colour, eyes, and what grows on its head."""

    colour: str
    eyes: int
    growth: str
    belly: str

    @property
    def name(self) -> str:
        """A true and full name."""
        eyes = ("one-eyed", "two-eyed", "three-eyed")[self.eyes - 1]
        return (
            f"{eyes} {self.colour} monster with {self.growth} and {with_article(self.belly)} belly"
        )

    @property
    def aliases(self) -> tuple[str, ...]:
        """Shorter true names."""
        return (f"{self.colour} monster", f"{self.colour} monster with {self.growth}")

    def draw(self, canvas: Canvas, phase: float) -> None:
        """Draw it at a phase of its wobble, 0 to 1."""
        swing = math.sin(2 * math.pi * phase)
        fur = COLOURS[self.colour]
        squash = 0.02 * math.cos(2 * math.pi * phase)
        _draw_legs(canvas, 0.8, swing, fur, spread=0.1)
        _draw_arms(canvas, 0.58, -swing, (fur, fur), spread=0.24, lift=0.18 * (swing + 1))
        self._draw_growth(canvas, squash)
        canvas.ellipse(0.5, 0.57 - squash, 0.26 - squash, 0.31 + squash, fur)
        canvas.spot(0.5, 0.68, 0.16, 0.16, COLOURS[self.belly])
        for i in range(self.eyes):
            x = 0.5 + 0.125 * (i - (self.eyes - 1) / 2)
            radius = 0.11 if self.eyes == 1 else 0.066
            canvas.ellipse(x, 0.42 - squash, radius, radius, (252, 252, 252))
            canvas.dot(x - 0.014, 0.425 - squash, radius * 0.5, INK)
        canvas.arc(0.5, 0.53 - squash, 0.07, (15, 165), INK)
        canvas.polygon([(0.46, 0.595), (0.48, 0.63), (0.5, 0.6)], (255, 255, 255))

    def _draw_growth(self, canvas: Canvas, squash: float) -> None:
        fur = COLOURS[self.colour]
        for side in (-1, 1):
            root = (0.5 + 0.13 * side, 0.34 - squash)
            match self.growth:
                case "horns":
                    canvas.polygon(
                        [
                            (root[0] - 0.05, root[1]),
                            (root[0] + 0.07 * side, 0.12),
                            (root[0] + 0.05, root[1]),
                        ],
                        (250, 240, 214),
                    )
                case "antennae":
                    canvas.line([root, (0.5 + 0.2 * side, 0.14)], 0.025, tone(fur, 0.7))
                    canvas.ellipse(0.5 + 0.2 * side, 0.12, 0.045, 0.045, tone(fur, 1.5))
                case _:
                    canvas.ellipse(0.5 + 0.18 * side, 0.26 - squash, 0.09, 0.11, tone(fur, 0.8))


def all_people() -> Iterator[Person]:
    """Ninety-six people: four kinds, each in eight clothes and three of six hair colours."""
    hair, below = tuple(HAIR), ("blue", "grey", "brown", "black")
    for w, who in enumerate(("girl", "boy", "woman", "man")):
        for c, clothes in enumerate(CLOTHES):
            for h in range(3):
                extra = ("", "glasses", "bun")[(c + h + w) % 3]
                own_hair = hair[(2 * h + c + w) % len(hair)]
                yield Person(who, own_hair, SKINS[(c + h) % 4], clothes, below[(c + h) % 4], extra)


def all_robots() -> Iterator[Robot]:
    """Seventy-two robots."""
    tops = ("hat", "antenna", "crown", "party hat")
    colours = tuple(COLOURS)
    for c, colour in enumerate(colours):
        for s, shape in enumerate(("boxy", "round", "slim")):
            for k in range(2):
                top = colours[(c + 3 + 4 * k + s) % len(colours)]
                yield Robot(colour, shape, tops[(c + s + 2 * k) % 4], top)


def all_monsters() -> Iterator[Monster]:
    """Seventy-two monsters."""
    colours = tuple(name for name in COLOURS if name not in {"black", "white", "grey", "brown"})
    for c, colour in enumerate(colours):
        for eyes in (1, 2, 3):
            for g, growth in enumerate(("horns", "antennae", "big ears")):
                yield Monster(colour, eyes, growth, colours[(c + 2 + eyes + g) % len(colours)])


def _draw_legs(
    canvas: Canvas,
    hip: float,
    swing: float,
    colour: Colour,
    *,
    spread: float = 0.07,
    foot: Colour = INK,
) -> None:
    for side in (-1, 1):
        lift = max(0.0, side * swing) * 0.05
        x = 0.5 + spread * side
        canvas.line([(x, hip), (x + 0.01 * side, 0.9 - lift)], 0.085, colour)
        canvas.ellipse(x + 0.02 * side, 0.94 - lift, 0.07, 0.035, foot)


def _draw_arms(
    canvas: Canvas,
    shoulder: float,
    swing: float,
    colours: tuple[Colour, Colour],
    *,
    spread: float = 0.11,
    lift: float = 0.0,
) -> None:
    for side in (-1, 1):
        x, hand = 0.5 + spread * side, shoulder + 0.17 - lift + 0.05 * swing * side
        reach = x + 0.1 * side
        canvas.line([(x, shoulder), (reach, hand)], 0.06, colours[0])
        canvas.ellipse(reach, hand, 0.04, 0.04, colours[1])


def _draw_face(canvas: Canvas, head: float, phase: float) -> None:
    blink = 0.006 if 0.7 < phase < 0.8 else 0.027
    for side in (-1, 1):
        canvas.spot(0.5 + 0.055 * side, head + 0.015, 0.02, blink, INK)
        canvas.spot(0.5 + 0.085 * side, head + 0.065, 0.022, 0.014, (246, 150, 140))
    canvas.arc(0.5, head + 0.035, 0.045, (20, 160), (170, 60, 60))
