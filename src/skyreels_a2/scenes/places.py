"""Where every pixel of a scene is found in the references: what a copier would have to know.

The scene is rendered a second time with assets whose colours are their own coordinates, and so are
its references. A reference shows its asset by an affine map, which is fitted; with it, the
coordinates seen in a frame become places in the reference. Pose changes are not followed: a leg is
where the legs are in the reference.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from skyreels_a2.media.fit import fit
from skyreels_a2.scenes.references import reference_of
from skyreels_a2.scenes.render import RenderedScene, render
from skyreels_a2.scenes.scene import Light

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.scenes.assets import AssetSource, Background, Picture, Sprite, Subject
    from skyreels_a2.scenes.scene import Member

    Floats = NDArray[np.float32]

PURE = 16
"""Blue below which a pixel is an asset's own, not an edge on white."""


class ChartSource:
    """A source whose pixels say where on their asset they are: red across, green down.

    Args:
        source: Whose assets; their opacity stays.
    """

    def __init__(self, source: AssetSource) -> None:
        self._source = source

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Those of the source."""
        return self._source.subjects

    @property
    def backgrounds(self) -> tuple[Background, ...]:
        """Those of the source."""
        return self._source.backgrounds

    def sprite(self, subject_id: str) -> Sprite:
        """Poses of a subject: coordinates, with the opacity that they have."""
        sprite = self._source.sprite(subject_id).copy()
        sprite[..., :3] = _chart(sprite.shape[1], sprite.shape[2])
        return sprite

    def picture(self, background_id: str) -> Picture:
        """Coordinates of a place."""
        height, width = self._source.picture(background_id).shape[:2]
        return _chart(height, width)


def places(rendered: RenderedScene) -> Floats:
    """Of every reference, where it is seen and which place of it is.

    Args:
        rendered: A scene.

    Returns:
        (references, 3, frames, height, width), in the order of its composition's: 1 where the
        element is seen, and there the place in the reference as it is fitted to the frame, across
        and down, as fractions; a part of an asset that its reference cuts off lies outside of 0
        to 1. All 0 elsewhere, so that means over pixels stay meaningful.
    """
    source = ChartSource(rendered.source)
    scene = rendered.scene
    lit = tuple(replace(shot, light=Light()) for shot in scene.shots)
    chart = render(replace(scene, shots=lit), source)
    told = [m for m in scene.cast if rendered.caption.phrase_of(m.id) is not None]
    return np.stack([_places_of(chart, member, source) for member in told])


def _places_of(chart: RenderedScene, member: Member, source: ChartSource) -> Floats:
    num_frames, height, width = chart.frames.shape[:3]
    to_reference = _reference_map(member, source, (width, height))
    found = np.zeros((3, num_frames, height, width), dtype=np.float32)
    for t in range(num_frames):
        mask = chart.mask(member.id, t)
        if mask.any():
            across, down = to_reference @ _coordinates(_pixels(chart, member, t)[mask])
            found[:, t, mask] = np.stack([np.ones_like(across), across, down])
    return found


def _pixels(chart: RenderedScene, member: Member, frame: int) -> Picture:
    """The frame as that element alone paints it: edges of a layer are not mixed with others."""
    pixels: Picture = chart.frames[frame].copy()
    for layer in chart.layers[frame]:
        if layer.element == member.id:
            pixels[layer.part] = np.asarray(layer.patch)[..., :3]
    return pixels


def _reference_map(member: Member, source: ChartSource, size: tuple[int, int]) -> Floats:
    """The affine map (2, 3) from coordinates of an asset to places in its fitted reference."""
    picture = reference_of(member, source, size=size)
    fitted = np.asarray(fit(picture, member.asset.role, *size))
    rows, columns = np.nonzero(fitted[..., 2] < PURE)
    seen = _coordinates(fitted[rows, columns])
    there = np.stack([(columns + 0.5) / size[0], (rows + 0.5) / size[1]])
    solution = np.linalg.lstsq(seen.T, there.T, rcond=None)[0]
    return solution.T.astype(np.float32)


def _coordinates(pixels: NDArray[np.uint8]) -> Floats:
    """Homogeneous coordinates (3, n) of chart pixels (n, 3)."""
    rows: Floats = pixels.T.astype(np.float32)
    rows /= 255
    rows[2] = 1
    return rows


def _chart(height: int, width: int) -> Picture:
    chart: Picture = np.zeros((height, width, 3), dtype=np.uint8)
    chart[..., 0] = np.round((np.arange(width) + 0.5) / width * 255)[None]
    chart[..., 1] = np.round((np.arange(height) + 0.5) / height * 255)[:, None]
    return chart
