"""Train and test: no source and no identity is on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from skyreels_a2.data.groups import Groups
from skyreels_a2.data.matching import SUBJECTS
from skyreels_a2.data.records import CaptionedShot
from skyreels_a2.data.settings import SplitSettings

TRAIN, TEST = "train", "test"


def split(
    shots: Sequence[CaptionedShot], identities: Mapping[str, str], settings: SplitSettings
) -> dict[str, str]:
    """Shot id to its side.

    Sources that share an identity go together. The groups come in the order of a hash, so that new
    videos move few of the old, and fill the test side up to its share of the shots; a group
    larger than that is trained on.
    """
    groups: Groups[str] = Groups()
    for shot in shots:
        source = f"source {shot.shot.source_id}"
        groups.head(source)
        for element in shot.elements:
            if element.kind in SUBJECTS:
                groups.join(source, f"identity {identities[element.element_id]}")
    sizes: dict[str, int] = {}
    heads = {s.shot.shot_id: groups.head(f"source {s.shot.source_id}") for s in shots}
    for head in heads.values():
        sizes[head] = sizes.get(head, 0) + 1
    chosen: set[str] = set()
    room = round(settings.test_share * len(shots))
    names = {groups.head(m): min(ms) for ms in groups.members() for m in ms}
    for head in sorted(sizes, key=lambda h: _order(names[h], settings.seed)):
        if sizes[head] <= room:
            chosen.add(head)
            room -= sizes[head]
    return {shot: TEST if head in chosen else TRAIN for shot, head in heads.items()}


def _order(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()
