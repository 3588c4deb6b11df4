"""Rendering: from a scene's description to frames, and to what is where in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image

from skyreels_a2.elements import Composition, Role
from skyreels_a2.scenes.compositing import Layer, Puppet, visible
from skyreels_a2.scenes.references import compose, reference_of
from skyreels_a2.scenes.scene import Caption, Light, Scene, Shot
from skyreels_a2.scenes.staging import moments, poses_shown, size_in, stage, windows
from skyreels_a2.video import Video

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.scenes.assets import AssetSource, Picture
    from skyreels_a2.video import Frames

    Mask: TypeAlias = NDArray[np.bool_]

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are the first outside."""


@dataclass(frozen=True)
class RenderedScene:
    """Frames of a scene, and the truth about them, which is worked out when asked for.

    Attributes:
        scene: What was rendered.
        source: Where its assets come from.
        frames: uint8 RGB (frames, height, width, 3).
        layers: The actors of every frame from the back to the front.
    """

    scene: Scene
    source: AssetSource = field(repr=False)
    frames: Frames = field(repr=False)
    layers: list[list[Layer]] = field(repr=False)

    @property
    def video(self) -> Video:
        """Frames and spec."""
        return Video(self.frames, self.scene.spec)

    @property
    def caption(self) -> Caption:
        """What happens, with the words of each element."""
        return self.scene.caption

    @cached_property
    def references(self) -> tuple[Image.Image, ...]:
        """One RGB picture for each of the cast, unlike every frame."""
        size = (self.scene.spec.width, self.scene.spec.height)
        return tuple(reference_of(m, self.source, size=size) for m in self.scene.cast)

    @property
    def composition(self) -> Composition:
        """What one would ask for to get this video."""
        return compose(self.scene, self.references, self.caption)

    def mask(self, element: str, frame: int) -> Mask:
        """Where an element is seen in a frame: bool (height, width).

        A background is seen wherever nobody stands, in the shots that play there.
        """
        shape = (self.frames.shape[1], self.frames.shape[2])
        if element in {m.id for m in self.scene.cast if m.asset.role is Role.BACKGROUND}:
            shot = next(s for s in self.scene.shots if s.start <= frame < s.stop)
            free = np.full(shape, shot.background.id == element)
            for layer in self.layers[frame]:
                free[layer.part] &= ~layer.solid
            return free
        return visible(self.layers[frame], element, shape)

    def subjects(self) -> Mask:
        """Where anybody or anything stands before the background: bool (frames, height, width)."""
        seen = np.zeros(self.frames.shape[:3], dtype=bool)
        for mask, layers in zip(seen, self.layers, strict=True):
            for layer in layers:
                mask[layer.part] |= layer.solid
        return seen

    def box(self, element: str, frame: int) -> Box | None:
        """The box round an element's mask, or None when nothing of it is seen."""
        return box_of(self.mask(element, frame))

    def boxes(self, element: str) -> list[Box | None]:
        """Its boxes in all frames."""
        return [self.box(element, frame) for frame in range(len(self.frames))]


def render(scene: Scene, source: AssetSource) -> RenderedScene:
    """Render a scene with the assets of the source that it was sampled from."""
    spec = scene.spec
    frames = np.empty((spec.num_frames, spec.height, spec.width, 3), dtype=np.uint8)
    layers: list[list[Layer]] = []
    for shot in scene.shots:
        layers += _render_shot(shot, source, frames[shot.start : shot.stop], spec.fps)
    return RenderedScene(scene, source, frames, layers)


def box_of(mask: Mask) -> Box | None:
    """The smallest box round a mask; None when it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _render_shot(shot: Shot, source: AssetSource, out: Frames, fps: float) -> list[list[Layer]]:
    height, width = out.shape[1:3]
    picture = source.picture(shot.background.id)
    seen = windows(shot, picture.shape[1] / picture.shape[0], width / height)
    frames = _paint_background(picture, seen, (width, height))
    layers = _put_actors(shot, source, frames, seen, fps)
    for pixels, frame in zip(out, frames, strict=True):
        pixels[:] = np.asarray(frame)
    _shine(shot.light, moments(shot), out)
    return layers


def _put_actors(
    shot: Shot,
    source: AssetSource,
    frames: Sequence[Image.Image],
    seen: NDArray[np.float64],
    fps: float,
) -> list[list[Layer]]:
    width, height = frames[0].size
    sprites = [source.sprite(actor.subject.id) for actor in shot.actors]
    sizes = [
        size_in(actor, (sprite.shape[2], sprite.shape[1]), height)
        for actor, sprite in zip(shot.actors, sprites, strict=True)
    ]
    staged = stage(shot, [(w / width, h / height) for w, h in sizes], seen)
    largest = [float(poses.scale.max()) for poses in staged]
    puppets = [
        Puppet(sprite, (w * most, h * most), mirrored=actor.mirrored)
        for actor, sprite, (w, h), most in zip(shot.actors, sprites, sizes, largest, strict=True)
    ]
    shown = [poses_shown(actor, len(frames), fps) for actor in shot.actors]
    depths = np.array([a.depth + p.depth for a, p in zip(shot.actors, staged, strict=True)])
    layers: list[list[Layer]] = []
    for t, frame in enumerate(frames):
        drawn = []
        for i in np.argsort(depths[:, t], kind="stable"):
            poses, scale = staged[i], float(staged[i].scale[t])
            middle = poses.foot[t] * height - sizes[i][1] * scale / 2
            layer = puppets[i].put(
                frame,
                shot.actors[i].subject.id,
                int(shown[i][t]),
                (float(poses.x[t] * width), float(middle)),
                scale / largest[i],
                float(poses.angle[t]),
            )
            drawn += [layer] if layer else []
        layers.append(drawn)
    return layers


def _paint_background(
    picture: Picture, seen: NDArray[np.float64], size: tuple[int, int]
) -> list[Image.Image]:
    image = _shrunk_background(picture, seen, size[1])
    boxes = [tuple(box) for box in (seen * (*image.size, *image.size)).tolist()]
    if (seen == seen[0]).all():
        frame = image.resize(size, Image.Resampling.BILINEAR, box=boxes[0])
        return [frame.copy() for _ in boxes]
    return [image.resize(size, Image.Resampling.BILINEAR, box=box) for box in boxes]


def _shrunk_background(
    picture: Picture, seen: NDArray[np.float64], frame_height: int
) -> Image.Image:
    """No larger than the nearest view needs: the rest is done once instead of in each frame."""
    image = Image.fromarray(picture)
    factor = frame_height / ((seen[:, 3] - seen[:, 1]).min() * image.height)
    if factor >= 1:
        return image
    size = (round(image.width * factor), round(image.height * factor))
    return image.resize(size, Image.Resampling.BILINEAR)


def _shine(light: Light, u: NDArray[np.float64], frames: Frames) -> None:
    """Multiply by a light that may change; gains stay below 2, so 16 bits hold the products."""
    if light.start == light.end == (1.0, 1.0, 1.0):
        return
    start, end = np.array(light.start), np.array(light.end)
    for moment, frame in zip(u, frames, strict=True):
        gains = np.round(128 * (start + (end - start) * moment)).astype(np.uint16)
        np.minimum((frame * gains) >> 7, 255, out=frame, casting="unsafe")
