"""Ground truth as JSON: what is where in every frame of a rendered video, and back again.

Masks are run lengths in COCO's order (down the columns, starting with zeros), uncompressed, so
that any COCO tool reads them. Boxes are left, top, right, bottom in pixels, right and bottom
being the first outside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError
from skyreels_a2.scenes.render import Box, RenderedScene, box_of
from skyreels_a2.scenes.scene import Direction, Phrase
from skyreels_a2.scenes.splits import Split, split_of

if TYPE_CHECKING:
    from skyreels_a2.scenes.render import Mask
    from skyreels_a2.scenes.scene import Member, Shot

FORMAT = 1


@dataclass(frozen=True, slots=True)
class ActTruth:
    """What an element does in a shot: its motion or bond, where that leads, and with whom."""

    shot: int
    motion: str
    direction: Direction | None
    lead: str | None


@dataclass(frozen=True, slots=True)
class ElementTruth:
    """An element and where it is seen.

    Attributes:
        id: Identity; equal in all videos it appears in.
        role: Character, object or background.
        name: Its full name.
        split: The side of the split that it is on.
        reference: File of its reference picture, or "".
        acts: What it does, shot by shot; a background does nothing.
        boxes: One a frame; None where nothing of it is seen.
        masks: Run lengths, one a frame; None where nothing of it is seen.
    """

    id: str
    role: Role
    name: str
    split: Split
    reference: str
    acts: tuple[ActTruth, ...]
    boxes: tuple[Box | None, ...]
    masks: tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True, slots=True)
class ShotTruth:
    """Frames `start` to `stop` without a cut: where, how seen and lit, in which words."""

    start: int
    stop: int
    background: str
    camera: str
    light: str
    caption: str
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is true of a video."""

    video: str
    seed: int
    width: int
    height: int
    num_frames: int
    fps: float
    caption: str
    phrases: tuple[Phrase, ...]
    shots: tuple[ShotTruth, ...]
    elements: tuple[ElementTruth, ...]

    def mask(self, element: str, frame: int) -> Mask:
        """Where an element is seen in a frame: bool (height, width)."""
        truth = next(e for e in self.elements if e.id == element)
        runs = truth.masks[frame] or (self.width * self.height,)
        return decode_mask(runs, (self.height, self.width))

    def to_json(self) -> str:
        """As JSON text; `from_json` gives back an equal truth."""
        return json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Truth:
        """Read what `to_json` wrote.

        Raises:
            InputError: The text is something else.
        """
        try:
            row = json.loads(text)
            if row.pop("format") != FORMAT:
                raise InputError("the ground truth has another format: render the videos anew")
            shots = tuple(_shot_truth(s) for s in row.pop("shots"))
            elements = tuple(_element_truth(e) for e in row.pop("elements"))
            return cls(**row | {"phrases": _phrases(row)}, shots=shots, elements=elements)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"this is no ground truth of a rendered scene ({error})") from error


def truth_of(rendered: RenderedScene, *, video: str = "", references: Sequence[str] = ()) -> Truth:
    """Everything that is true of a rendered scene.

    Args:
        rendered: The scene.
        video: Name of its file.
        references: Names of the files of its references, in the order of its cast.
    """
    scene, spec = rendered.scene, rendered.scene.spec
    files = references or [""] * len(scene.cast)
    return Truth(
        video=video,
        seed=scene.seed,
        width=spec.width,
        height=spec.height,
        num_frames=spec.num_frames,
        fps=spec.fps,
        caption=rendered.caption.text,
        phrases=rendered.caption.phrases,
        shots=tuple(_truth_of_shot(shot) for shot in scene.shots),
        elements=tuple(
            _truth_of_member(rendered, m, file) for m, file in zip(scene.cast, files, strict=True)
        ),
    )


def encode_mask(mask: Mask) -> tuple[int, ...]:
    """Run lengths of a mask down its columns, starting with the zeros (maybe none)."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    return (0, *runs) if flat[0] else tuple(runs)


def decode_mask(runs: Sequence[int], size: tuple[int, int]) -> Mask:
    """The mask of a height and width that the run lengths describe."""
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.ascontiguousarray(flat.reshape(size[1], size[0]).T)


def _truth_of_shot(shot: Shot) -> ShotTruth:
    return ShotTruth(
        shot.start,
        shot.stop,
        shot.background.id,
        shot.camera.name,
        shot.light.name,
        shot.caption.text,
        shot.caption.phrases,
    )


def _truth_of_member(rendered: RenderedScene, member: Member, file: str) -> ElementTruth:
    asset = member.asset
    masks = [rendered.mask(asset.id, frame) for frame in range(len(rendered.frames))]
    boxes = tuple(box_of(mask) for mask in masks)
    return ElementTruth(
        asset.id,
        asset.role,
        asset.name,
        split_of(asset),
        file,
        _acts(rendered, asset.id),
        boxes,
        tuple(encode_mask(m) if box else None for m, box in zip(masks, boxes, strict=True)),
    )


def _acts(rendered: RenderedScene, element: str) -> tuple[ActTruth, ...]:
    return tuple(
        ActTruth(
            number,
            actor.action,
            actor.direction,
            shot.actors[actor.bond.lead].subject.id if actor.bond else None,
        )
        for number, shot in enumerate(rendered.scene.shots)
        for actor in shot.actors
        if actor.subject.id == element
    )


def _phrases(row: Mapping[str, Any]) -> tuple[Phrase, ...]:
    return tuple(Phrase(**phrase) for phrase in row["phrases"])


def _shot_truth(row: dict[str, Any]) -> ShotTruth:
    return ShotTruth(**row | {"phrases": _phrases(row)})


def _element_truth(row: dict[str, Any]) -> ElementTruth:
    return ElementTruth(
        row["id"],
        Role(row["role"]),
        row["name"],
        Split(row["split"]),
        row["reference"],
        tuple(
            ActTruth(a["shot"], a["motion"], _direction(a["direction"]), a["lead"])
            for a in row["acts"]
        ),
        tuple((b[0], b[1], b[2], b[3]) if b else None for b in row["boxes"]),
        tuple(tuple(m) if m else None for m in row["masks"]),
    )


def _direction(name: str | None) -> Direction | None:
    return Direction(name) if name else None
