"""Garments of characters, cut out on white, by the paper's names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from skyreels_a2.data.backends.protocols import Embedder, GarmentFinder
from skyreels_a2.data.elements import box_of, on_white
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.hashes import picture_hash
from skyreels_a2.data.records import Found, Kind
from skyreels_a2.data.vision import Mask, pixels_of
from skyreels_a2.scenes.truth import decode_mask, encode_mask

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

PERSONS = "persons"
"""Folder of the pictures of faces and garments."""


def garments_of(
    element: Found, footage: Footage, finder: GarmentFinder, embedder: Embedder, folder: Path
) -> list[Found]:
    """The garments of a character in its best frame, with their pictures below `folder`."""
    frame = footage.frames[element.frame]
    height, width = frame.shape[:2]
    left, top, right, bottom = pixels_of(element.box, frame)
    person = decode_mask(element.mask, (height, width))
    found = []
    for name, mask in finder.parse(np.ascontiguousarray(frame[top:bottom, left:right])).items():
        whole = np.zeros((height, width), bool)
        whole[top:bottom, left:right] = mask & person[top:bottom, left:right]
        if whole.any():
            found.append(_garment(element, name, frame, whole, embedder, folder))
    return found


def _garment(
    element: Found, name: str, frame: Frame, mask: Mask, embedder: Embedder, folder: Path
) -> Found:
    picture = on_white(frame, mask)
    element_id = f"{element.element_id}-{name}"
    path = f"{PERSONS}/{element_id}.png"
    Image.fromarray(picture).save(folder / path)
    vector = embedder.embed(frame, mask)
    return Found(
        element_id=element_id,
        kind=Kind.CLOTHING,
        label=name,
        frame=element.frame,
        box=box_of(mask),
        mask=encode_mask(mask),
        path=path,
        score=element.score,
        presence=element.presence,
        hash=picture_hash(picture),
        embedding=tuple(round(float(v), 5) for v in vector),
        part_of=element.element_id,
    )
