"""Who may be trained on: the split by identity, as committed lists.

Every tenth family of characters, of objects and of backgrounds is held out. A family is a set of
assets that look nearly alike (one person in three genders, three views of one place), so nothing
close to a held-out asset is ever trained on. The rule is `choose_held_out`; what counts is the
list that it once made for each source, in `held_out/`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TypeVar

from skyreels_a2.scenes.assets import Asset, AssetSource, Background, Subject, assets_in

EVERY = 10
"""One family in so many is held out."""

A = TypeVar("A", Subject, Background)


class Split(StrEnum):
    """The two sides."""

    TRAIN = "train"
    HELD_OUT = "held_out"


def split_of(asset: Asset) -> Split:
    """The side that an asset is on."""
    return Split.HELD_OUT if asset.id in held_out_ids() else Split.TRAIN


def assets_of(assets: Iterable[A], split: Split | None) -> tuple[A, ...]:
    """Those of one side, in order; all when no side is named."""
    return tuple(a for a in assets if split is None or split_of(a) is split)


def choose_held_out(source: AssetSource) -> list[str]:
    """The rule: every tenth family of each role, in the order of a hash of its name."""
    chosen: list[str] = []
    assets = assets_in(source)
    for role in sorted({asset.role for asset in assets}):
        chosen += _every_tenth([asset for asset in assets if asset.role is role])
    return sorted(chosen)


@cache
def held_out_ids() -> frozenset[str]:
    """All ids of the committed lists."""
    folder = files("skyreels_a2.scenes") / "held_out"
    lists = (file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".txt"))
    return frozenset(line for text in lists for line in text.split("\n") if line)


def _every_tenth(assets: Sequence[Asset]) -> list[str]:
    kin = sorted({a.kin for a in assets}, key=lambda k: hashlib.sha256(k.encode()).digest())
    held_out = set(kin[EVERY - 1 :: EVERY])
    return [asset.id for asset in assets if asset.kin in held_out]
