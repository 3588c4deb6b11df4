"""What figures wear: hats, scarves, glasses. Placed by whoever draws the figure."""

from __future__ import annotations

from skyreels_a2.scenes.drawn.canvas import Canvas, Colour, Point, tone


def put_hat(canvas: Canvas, brim: Point, radius: float, colour: Colour) -> None:
    """A hat whose brim lies at a point."""
    x, y = brim
    canvas.box(x - radius * 0.72, y - radius * 1.35, x + radius * 0.72, y, colour, corner=0.02)
    canvas.box(x - radius * 0.72, y - radius * 0.5, x + radius * 0.72, y, tone(colour, 0.55))
    canvas.ellipse(x, y, radius * 1.25, radius * 0.26, colour)


def put_party_hat(canvas: Canvas, brim: Point, radius: float, colour: Colour) -> None:
    """A cone with a bobble."""
    x, y = brim
    canvas.polygon([(x - radius, y), (x, y - radius * 2.1), (x + radius, y)], colour)
    canvas.ellipse(x, y - radius * 2.1, radius * 0.3, radius * 0.3, tone(colour, 1.6))


def put_crown(canvas: Canvas, brim: Point, radius: float, colour: Colour) -> None:
    """A crown with three points."""
    x, y = brim
    top = y - radius * 1.25
    points = [(x - radius, y), (x - radius, top), (x - radius / 2, y - radius * 0.6), (x, top)]
    points += [(x + radius / 2, y - radius * 0.6), (x + radius, top), (x + radius, y)]
    canvas.polygon(points, colour)


def put_scarf(canvas: Canvas, at: Point, radius: float, colour: Colour) -> None:
    """A scarf round a neck, with one end hanging."""
    x, y = at
    canvas.line([(x + radius * 0.3, y), (x + radius * 0.5, y + radius * 1.5)], 0.055, colour)
    canvas.line(
        [
            (x - radius * 1.1, y - radius * 0.2),
            (x, y + radius * 0.25),
            (x + radius, y - radius * 0.3),
        ],
        0.07,
        colour,
    )


def put_glasses(canvas: Canvas, at: Point, gap: float, colour: Colour) -> None:
    """Round glasses about a point between the eyes."""
    x, y = at
    for side in (-1, 1):
        canvas.arc(x + side * gap, y, gap * 0.82, (0, 360), colour)
    canvas.stroke([(x - gap * 0.3, y), (x + gap * 0.3, y)], 0.014, colour)
