"""Remembering what was worked out of a reference picture, by what the picture holds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from skyreels_a2.elements import PictureSource
from skyreels_a2.media.images import picture_sha256

T = TypeVar("T")
_CAPACITY = 128


def per_picture(work: Callable[[PictureSource], T]) -> Callable[[PictureSource], T]:
    """A function of a picture that is worked out once for each of the last 128 pictures.

    A PIL picture has no hash of its own, and a file may change: so the content decides.
    """
    known: OrderedDict[str, T] = OrderedDict()

    @wraps(work)
    def remembered(picture: PictureSource) -> T:
        key = picture_sha256(picture)
        if key not in known:
            known[key] = work(picture)
            if len(known) > _CAPACITY:
                known.popitem(last=False)
        known.move_to_end(key)
        return known[key]

    return remembered
