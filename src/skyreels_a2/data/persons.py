"""Stage 5: faces of characters, as crops with an embedding of who it is, and their garments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from skyreels_a2.data.backends.choice import Backends
from skyreels_a2.data.backends.protocols import Face, FaceFinder
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.garments import PERSONS, garments_of
from skyreels_a2.data.hashes import picture_hash
from skyreels_a2.data.records import DissectedShot, Found, Kind, PersonShot
from skyreels_a2.data.settings import PersonSettings
from skyreels_a2.data.vision import pixels_of

_ROOM = 0.25
"""Of the face's side, left round it."""


def refine(
    dissected: DissectedShot,
    footage: Footage,
    settings: PersonSettings,
    backends: Backends,
    folder: Path,
) -> PersonShot:
    """The shot with faces and garments of its characters, where there are."""
    (folder / PERSONS).mkdir(exist_ok=True)
    parts: list[Found] = []
    for element in dissected.elements:
        if element.kind is not Kind.CHARACTER:
            continue
        if backends.faces is not None:
            parts += _face_of(element, footage, settings, backends.faces, folder)
        if backends.garments is not None:
            parts += garments_of(element, footage, backends.garments, backends.embedder, folder)
    return PersonShot(dissected=dissected, elements=(*dissected.elements, *parts))


def _face_of(
    element: Found, footage: Footage, settings: PersonSettings, finder: FaceFinder, folder: Path
) -> list[Found]:
    """The first good face in the character's box, in its best frame."""
    frame = footage.frames[element.frame]
    height, width = frame.shape[:2]
    left, top, right, bottom = pixels_of(element.box, frame)
    for face in finder.faces(np.ascontiguousarray(frame[top:bottom, left:right])):
        side = min(face.box[2] - face.box[0], face.box[3] - face.box[1])
        if face.score < settings.min_score or side < settings.min_face:
            continue
        box = _roomy(face, (left, top), (width, height))
        crop = np.ascontiguousarray(frame[box[1] : box[3], box[0] : box[2]])
        path = f"{PERSONS}/{element.element_id}-face.png"
        Image.fromarray(crop).save(folder / path)
        found = Found(
            element_id=f"{element.element_id}-face",
            kind=Kind.FACE,
            frame=element.frame,
            box=(box[0] / width, box[1] / height, box[2] / width, box[3] / height),
            path=path,
            score=min(1.0, face.score),
            presence=element.presence,
            hash=picture_hash(crop),
            embedding=face.embedding,
            part_of=element.element_id,
        )
        return [found]
    return []


def _roomy(face: Face, at: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    room = round(_ROOM * (face.box[2] - face.box[0]))
    left, top, right, bottom = face.box
    return (
        max(0, at[0] + left - room),
        max(0, at[1] + top - room),
        min(size[0], at[0] + right + room),
        min(size[1], at[1] + bottom + room),
    )
