"""Perceptual hashes: 256 bits of a picture's lowest frequencies, in hex; alike means few differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skyreels_a2.data.vision import cosines, grey

if TYPE_CHECKING:
    from skyreels_a2.media.colours import Frame

SIDE = 16
BITS = SIDE * SIDE


def picture_hash(frame: Frame) -> str:
    """The hash of a picture: which terms of its cosine transform are above their median."""
    terms = cosines(grey(frame), SIDE).ravel()
    terms[0] = 0.0
    return np.packbits(terms > np.median(terms)).tobytes().hex()


def bits_of(text: str) -> NDArray[np.bool_]:
    """A hash as bits."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8)).astype(bool)


def distance(one: str, other: str) -> float:
    """Bits of 64 in which two hashes differ."""
    differ = int.from_bytes(bytes.fromhex(one)) ^ int.from_bytes(bytes.fromhex(other))
    return differ.bit_count() * 64 / BITS
