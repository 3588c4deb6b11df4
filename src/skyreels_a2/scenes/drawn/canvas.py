"""A canvas in unit coordinates, drawn large and scaled down, so that edges come out smooth.

Coordinates are in units of the canvas' height, y downwards. Every shape gets an edge in a darker
tone of its own colour, which keeps figures apart from any background. It knows shapes, not
figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageChops, ImageDraw

if TYPE_CHECKING:
    from numpy.typing import NDArray

Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]

COLOURS: dict[str, Colour] = {
    "red": (222, 56, 49),
    "orange": (245, 140, 40),
    "yellow": (250, 209, 60),
    "green": (80, 176, 72),
    "teal": (38, 166, 160),
    "blue": (58, 120, 222),
    "purple": (142, 84, 196),
    "pink": (244, 138, 178),
    "brown": (146, 96, 56),
    "black": (62, 62, 72),
    "white": (246, 246, 244),
    "grey": (156, 162, 170),
}
"""Colours that captions name."""


def tone(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor below 1) or lighter (above 1, towards white)."""
    if factor <= 1:
        return _rgb(c * factor for c in colour)
    return _rgb(c + (255 - c) * min(1.0, factor - 1) for c in colour)


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """A mixture with the given share of the second colour."""
    return _rgb(a + (b - a) * share for a, b in zip(first, second, strict=True))


class Canvas:
    """A transparent picture to draw on.

    Args:
        width, height: Pixels of the finished picture.
        supersample: How many times larger it is drawn.
        edge: Width of the edges in units of the height; 0 for none.

    Attributes:
        picture: What is drawn so far, RGBA, `supersample` times larger.
    """

    def __init__(
        self, width: int = 128, height: int = 128, *, supersample: int = 3, edge: float = 0.012
    ) -> None:
        self._size = (width, height)
        self._unit = height * supersample
        self._edge = edge
        self.picture = Image.new("RGBA", (width * supersample, height * supersample))
        self._draw = ImageDraw.Draw(self.picture)

    @property
    def aspect(self) -> float:
        """Width in units of the height: where the right border is."""
        return self._size[0] / self._size[1]

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """An ellipse about (x, y)."""
        box = self._pixels([(x - rx, y - ry), (x + rx, y + ry)])
        self._draw.ellipse(box, fill, tone(fill, 0.62), self._edge_pixels)

    def box(
        self, x0: float, y0: float, x1: float, y1: float, fill: Colour, *, corner: float = 0.0
    ) -> None:
        """A rectangle with rounded corners."""
        box = self._pixels([(min(x0, x1), min(y0, y1)), (max(x0, x1), max(y0, y1))])
        self._draw.rounded_rectangle(
            box, corner * self._unit, fill, tone(fill, 0.62), self._edge_pixels
        )

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """A closed shape through the points."""
        pixels = self._pixels(points)
        self._draw.polygon(pixels, fill)
        if self._edge_pixels:
            closed = [*pixels, *pixels[:2]]
            self._draw.line(closed, tone(fill, 0.62), self._edge_pixels, joint="curve")

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A line with round ends and joints, with an edge of its own."""
        if self._edge:
            self._stroke(points, width + 1.6 * self._edge, tone(fill, 0.62))
        self._stroke(points, width, fill)

    def stroke(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """A line without an edge."""
        self._stroke(points, width, fill)

    def dot(self, x: float, y: float, radius: float, fill: Colour) -> None:
        """A disc without an edge."""
        self.spot(x, y, radius, radius, fill)

    def spot(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """An ellipse without an edge."""
        self._draw.ellipse(self._pixels([(x - rx, y - ry), (x + rx, y + ry)]), fill)

    def arc(self, x: float, y: float, radius: float, degrees: Point, fill: Colour) -> None:
        """Part of a circle's line, clockwise from the first angle to the second; 0 is right."""
        box = self._pixels([(x - radius, y - radius), (x + radius, y + radius)])
        width = max(1, round(0.016 * self._unit))
        self._draw.arc(box, degrees[0], degrees[1], fill, width)

    def within(self, shape: Callable[[Canvas], None], paint: Callable[[Canvas], None]) -> None:
        """Draw `paint`, but only where `shape` would be: stripes and spots on a body."""
        stencil, layer = (self._blank() for _ in range(2))
        shape(stencil)
        paint(layer)
        drawn = layer.picture
        alpha = ImageChops.multiply(stencil.picture.getchannel("A"), drawn.getchannel("A"))
        self.picture.paste(drawn, (0, 0), alpha)

    def fill(self, pixels: NDArray[np.uint8]) -> None:
        """Lay an RGB array of any size over the whole canvas."""
        self.picture.paste(Image.fromarray(pixels).resize(self.picture.size))

    def finish(self, *, shading: float = 0.0) -> NDArray[np.uint8]:
        """The finished picture, uint8 RGBA (height, width, 4), lit from above by `shading`."""
        small = self.picture.convert("RGBa").resize(self._size, Image.Resampling.BOX)
        pixels = np.array(small.convert("RGBA"))
        if shading:
            light = np.linspace(1 + shading / 2, 1 - shading, pixels.shape[0])[:, None, None]
            pixels[..., :3] = np.clip(pixels[..., :3] * light, 0, 255).astype(np.uint8)
        return pixels

    @property
    def _edge_pixels(self) -> int:
        return round(self._edge * self._unit)

    def _blank(self) -> Canvas:
        return Canvas(*self._size, supersample=self._unit // self._size[1], edge=0.0)

    def _stroke(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        pixels, radius = self._pixels(points), width * self._unit / 2
        self._draw.line(pixels, fill, max(1, round(2 * radius)), joint="curve")
        for x, y in (pixels[0], pixels[-1]):
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill)

    def _pixels(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self._unit, y * self._unit) for x, y in points]


def _rgb(values: object) -> Colour:
    # Whatever Pillow gives for a colour: three numbers.
    red, green, blue = (round(min(255.0, max(0.0, v))) for v in values)  # type: ignore[attr-defined]
    return red, green, blue
