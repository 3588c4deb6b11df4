"""References: pictures of a scene's elements that are unlike every frame they are seen in.

A subject is shown in another pose of its animation, mirrored or tilted, at another size, on
white; a background from another view. So copying pixels from a reference never makes the video.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PIL import Image

from skyreels_a2.elements import Composition, Element, Role
from skyreels_a2.mentions import is_name
from skyreels_a2.scenes.scene import Actor, Camera, Caption, Member, ReferencePose, Scene, View
from skyreels_a2.scenes.sprites import premultiplied, turning
from skyreels_a2.scenes.windows import window_of

if TYPE_CHECKING:
    from numpy.random import Generator

    from skyreels_a2.scenes.assets import AssetSource, Picture, Sprite

SIDE = 128
"""Pixels of a subject's reference, which is square."""
LARGEST = 0.92
"""Share of it that a subject fills at most."""


def shown_poses(actor: Actor) -> list[int]:
    """Poses of the animation that an actor may be seen in."""
    first, count = actor.window
    return [(first + i) % actor.subject.num_poses for i in range(count)]


def choose_pose(rng: Generator, seen: Sequence[Actor]) -> ReferencePose:
    """A pose, side and tilt that none of the actors shows."""
    poses = range(seen[0].subject.num_poses)
    shown = {(pose, actor.mirrored) for actor in seen for pose in shown_poses(actor)}
    hidden = [(p, m) for p in poses for m in (False, True) if (p, m) not in shown]
    # A still that is seen from both sides has nothing hidden: the tilt makes the difference.
    pose, mirrored = (
        hidden[int(rng.integers(len(hidden)))] if hidden else (0, bool(rng.integers(2)))
    )
    tilt = float(rng.choice((-1, 1)) * rng.uniform(6, 14))
    upright = len(poses) > 1 and rng.uniform() < 0.5
    return ReferencePose(pose, mirrored, 0.0 if upright else tilt, float(rng.uniform(0.7, LARGEST)))


def seen_pose(rng: Generator, actor: Actor, camera: Camera) -> ReferencePose:
    """As an actor is seen in its shot, and about as large."""
    fill = min(LARGEST, actor.size / camera.start.height)
    return ReferencePose(int(rng.choice(shown_poses(actor))), actor.mirrored, 0.0, fill)


def choose_view(rng: Generator, seen: Sequence[Camera]) -> View:
    """A view of the same place, shifted and scaled away from all that the cameras pass."""
    options = [
        View(
            float(rng.uniform(0.32, 0.68)),
            1 - height / 2 - float(rng.uniform(0, 1 - height)),
            height,
        )
        for height in rng.uniform(0.6, 0.95, 12)
    ]
    return max(options, key=lambda view: min(_distance(view, c) for c in seen))


def reference_of(member: Member, source: AssetSource, *, size: tuple[int, int]) -> Image.Image:
    """The reference picture of one element, RGB.

    Args:
        member: The element and how it is shown.
        source: Where its pixels come from.
        size: Width and height of a background's picture, in pixels.
    """
    if isinstance(member.reference, View):
        return _cut(source.picture(member.id), member.reference, size)
    return pose_on_white(source.sprite(member.id), member.reference)


def pose_on_white(sprite: Sprite, look: ReferencePose, *, side: int = SIDE) -> Image.Image:
    """A subject on a white square, RGB."""
    picture = premultiplied(sprite[look.pose])
    if look.mirrored:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    tilt = math.radians(abs(look.angle))
    (width, height), cos, sin = picture.size, math.cos(tilt), math.sin(tilt)
    scale = look.fill * side / max(width * cos + height * sin, width * sin + height * cos)
    matrix = turning(picture.size, (side / 2, side / 2), scale, look.angle)
    turned = picture.transform(
        (side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC
    ).convert("RGBA")
    white = Image.new("RGB", (side, side), (255, 255, 255))
    white.paste(turned, (0, 0), turned)
    return white


def compose(scene: Scene, pictures: Sequence[Image.Image], caption: Caption) -> Composition:
    """The composition that asks for this video: the caption, and every element's reference.

    Args:
        scene: The scene.
        pictures: Its references, in the order of its cast.
        caption: What is said of it; elements that it leaves out are left out.
    """
    elements: list[Element] = []
    for member, picture in zip(scene.cast, pictures, strict=True):
        words = caption.phrase_of(member.id)
        if words is None:
            continue
        taken = {element.name for element in elements}
        name = _name(words, member.asset.role, taken)
        elements.append(Element(member.asset.role, (picture,), name, words))
    return Composition(caption.text, tuple(elements))


def _name(words: str, role: Role, taken: set[str | None]) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    slug = slug if is_name(slug) else f"{role.value}-{slug}".rstrip("-")
    number = 1
    while (name := slug if number == 1 else f"{slug}-{number}") in taken:
        number += 1
    return name


def _distance(view: View, camera: Camera) -> float:
    """How far a view is from the path of a camera, in place and scale."""
    distances = (
        abs(view.x - (camera.start.x + t * (camera.end.x - camera.start.x)))
        + abs(view.height - (camera.start.height + t * (camera.end.height - camera.start.height)))
        for t in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    return min(distances)


def _cut(picture: Picture, view: View, size: tuple[int, int]) -> Image.Image:
    box = window_of(picture.shape[1] / picture.shape[0], view, size[0] / size[1])
    height, width = picture.shape[:2]
    pixels = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    return Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC, box=pixels)
