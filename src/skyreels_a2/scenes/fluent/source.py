"""`FluentSource`: the fetched folder behind the interface of all sources.

It decodes what it is asked for, about a quarter of a second for an animation; `packs` makes one
file of it that opens at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from skyreels_a2.errors import InputError
from skyreels_a2.scenes.assets import Background, Memory, Subject, unknown_asset
from skyreels_a2.scenes.fluent.naming import Naming, name_emoji
from skyreels_a2.scenes.fluent.packages import ANIMATED, KEYWORDS, NAMES, PANORAMAS, STILLS
from skyreels_a2.scenes.fluent.panoramas import read_light, view_of
from skyreels_a2.scenes.sprites import shrunk, tight

if TYPE_CHECKING:
    from skyreels_a2.scenes.assets import Picture, Sprite

LONGEST = 96
"""Pixels of a sprite's longer side."""
POSES = 12
"""Poses that are taken of an animation."""
PERIOD = 2.4
"""Seconds of nearly all animations: 72 frames at 30 per second."""
VIEWS = 3
"""Views of a panorama, all round."""

PLACES: dict[str, tuple[str, str]] = {
    "apartment": ("in", "empty apartment"),
    "bridge": ("on", "glass footbridge"),
    "city": ("on", "wide city square"),
    "dawn": ("on", "rocky plain at dawn"),
    "esplanade": ("in", "shopping arcade"),
    "forest": ("in", "sunny forest"),
    "hall": ("in", "ballroom"),
    "lab": ("in", "green laboratory"),
    "lobby": ("in", "lobby with a wooden floor"),
    "night": ("on", "dry field at dusk"),
    "park": ("on", "green lawn"),
    "sky": ("above", "calm sea under clouds"),
    "studio": ("in", "photo studio"),
    "sunrise": ("on", "misty meadow at sunrise"),
    "sunset": ("on", "Venetian square at sunset"),
    "venice": ("on", "quay by the sea"),
    "warehouse": ("in", "empty warehouse"),
    "workshop": ("in", "workshop"),
}
"""Panorama to how one is there and what it shows."""


@dataclass(frozen=True, slots=True)
class _Emoji:
    path: Path
    animated: bool
    naming: Naming


class FluentSource:
    """Emoji and panoramas in a folder that `fetch` has filled.

    Args:
        folder: The cache folder.
        capacity: Decoded sprites and pictures that are kept in memory.

    Raises:
        InputError: The folder holds no fetched assets.
    """

    def __init__(self, folder: Path, *, capacity: int = 2048) -> None:
        self._folder = folder
        self._emoji = dict(_find_emoji(folder))
        self._subjects = tuple(_subject(key, emoji) for key, emoji in self._emoji.items())
        self._backgrounds = tuple(_find_backgrounds(folder))
        self._sprites = Memory(self._read_sprite, capacity=capacity)
        self._pictures = Memory(self._read_picture, capacity=capacity)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All emoji that make a character or an object."""
        return self._subjects

    @property
    def backgrounds(self) -> tuple[Background, ...]:
        """Three views of every panorama."""
        return self._backgrounds

    def sprite(self, subject_id: str) -> Sprite:
        """Poses of an emoji, decoded when first asked for."""
        return self._sprites(subject_id)

    def picture(self, background_id: str) -> Picture:
        """View of a panorama, projected when first asked for."""
        return self._pictures(background_id)

    def _read_sprite(self, subject_id: str) -> Sprite:
        if subject_id not in self._emoji:
            raise unknown_asset(subject_id)
        emoji = self._emoji[subject_id]
        return read_sprite(emoji.path, poses=POSES if emoji.animated else 1)

    def _read_picture(self, background_id: str) -> Picture:
        place, _, number = background_id.removeprefix("fluent/").rpartition("-")
        if place not in PLACES:
            raise unknown_asset(background_id)
        light = read_light(self._folder / PANORAMAS.folder / "hdri" / f"{place}.exr.js")
        return view_of(light, 2 * np.pi * int(number) / VIEWS)


def read_sprite(path: Path, *, poses: int) -> Sprite:
    """Evenly chosen poses of a WebP, cut to what is seen and scaled down.

    Raises:
        InputError: The file is missing or broken.
    """
    try:
        with Image.open(path) as picture:
            total = getattr(picture, "n_frames", 1)
            frames = []
            for index in np.arange(poses) * total // poses:
                picture.seek(int(index))
                frames.append(np.asarray(picture.convert("RGBA")))
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path} cannot be read ({error}): fetch the assets again") from error
    return tight(shrunk(tight(_without_empty(np.stack(frames))), LONGEST))


def _without_empty(sprite: Sprite) -> Sprite:
    """Poses in which hardly anything is seen give way to their neighbours."""
    area = sprite[..., 3].astype(np.float64).sum(axis=(1, 2))
    full = np.flatnonzero(area >= 0.4 * area.max())
    nearest = [full[np.abs(full - i).argmin()] for i in range(len(sprite))]
    return sprite[nearest]


def _find_emoji(folder: Path) -> Iterator[tuple[str, _Emoji]]:
    """Every subject by id, animated where there is an animation."""
    paths = {path.stem: path for path in _pictures(folder, STILLS.folder)}
    animated: dict[str, Path] = {}
    for package in ANIMATED:
        animated |= {p.stem: p for p in _pictures(folder, package.folder) if _is_animated(p)}
    names, seen = _names(folder), set[str]()
    for code, path in sorted((paths | animated).items()):
        naming = names.get(_bare(code))
        if naming and naming.name not in seen:
            seen.add(naming.name)
            yield f"fluent/{_bare(code)}", _Emoji(path, code in animated, naming)


def _subject(key: str, emoji: _Emoji) -> Subject:
    naming, poses = emoji.naming, POSES if emoji.animated else 1
    period = PERIOD if emoji.animated else 0.0
    return Subject(key, naming.name, naming.role, (), poses, period, naming.family)


def _find_backgrounds(folder: Path) -> Iterator[Background]:
    for place, (preposition, name) in PLACES.items():
        if (folder / PANORAMAS.folder / "hdri" / f"{place}.exr.js").is_file():
            for number in range(VIEWS):
                key = f"fluent/{place}"
                yield Background(f"{key}-{number}", name, preposition, key)


def _names(folder: Path) -> Mapping[str, Naming]:
    emoji = _read_json(folder / NAMES.folder / "data-by-emoji.json")
    keywords = _read_json(folder / KEYWORDS.folder / "dist" / "emoji-en-US.json")
    found = {}
    for symbol, facts in emoji.items():
        naming = name_emoji(facts["name"], facts["group"], keywords.get(symbol, ()))
        if naming:
            found[_bare("-".join(f"{ord(c):x}" for c in symbol))] = naming
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(
            f"no fluent assets in {path.parent.parent}: run skyreels-a2 scenes fetch"
        ) from error


def _pictures(folder: Path, package: str) -> list[Path]:
    return sorted((folder / package / "assets").glob("*.webp"))


def _bare(code: str) -> str:
    """The code without the mark that asks for colour, which packages disagree about."""
    return code.replace("-fe0f", "")


def _is_animated(path: Path) -> bool:
    # The animation bit of the extended header (WebP container specification, VP8X).
    with path.open("rb") as file:
        head = file.read(21)
    return len(head) == 21 and head[12:16] == b"VP8X" and bool(head[20] & 2)
