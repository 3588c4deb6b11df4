"""Windows into backgrounds: from a view to the part of the picture that a frame shows."""

from __future__ import annotations

from skyreels_a2.scenes.scene import Camera, View


def window_of(
    picture_aspect: float, view: View, frame_aspect: float
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom as fractions of the picture, moved and scaled to lie inside."""
    height = min(view.height, 1.0, picture_aspect / frame_aspect)
    width = height * frame_aspect / picture_aspect
    left = min(max(view.x - width / 2, 0.0), 1 - width)
    top = min(max(view.y - height / 2, 0.0), 1 - height)
    return left, top, left + width, top + height


def view_at(camera: Camera, u: float) -> View:
    """Where a camera looks at a moment u in [0, 1]."""
    a, b = camera.start, camera.end
    return View(a.x + (b.x - a.x) * u, a.y + (b.y - a.y) * u, a.height + (b.height - a.height) * u)
