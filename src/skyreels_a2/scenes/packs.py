"""Packs: any source as one file that opens at once and travels easily.

A pack is an uncompressed ZIP with `index.json` and one WebP for each asset, the poses of a sprite
side by side. Colours are lossy, opacity is exact. It is read whole into memory; each asset is
decoded when first asked for (a few milliseconds).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError, OutputError, one_line
from skyreels_a2.scenes.assets import (
    AssetSource,
    Background,
    Memory,
    Subject,
    assets_in,
    unknown_asset,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyreels_a2.scenes.assets import Picture, Sprite

FORMAT = 1
QUALITY = 86


class PackedSource:
    """A pack behind the interface of all sources.

    Args:
        path: File that `pack` wrote.
        capacity: Decoded sprites and pictures that are kept in memory.

    Raises:
        InputError: No pack, or one of another format.
    """

    def __init__(self, path: Path, *, capacity: int = 4096) -> None:
        self._path = path
        self._capacity = capacity
        self._open()

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All that the packed source had."""
        return self._subjects

    @property
    def backgrounds(self) -> tuple[Background, ...]:
        """All that the packed source had."""
        return self._backgrounds

    def sprite(self, subject_id: str) -> Sprite:
        """Poses of a subject, decoded when first asked for."""
        return self._sprites(subject_id)

    def picture(self, background_id: str) -> Picture:
        """Picture of a place, decoded when first asked for."""
        return self._pictures(background_id)

    def __getstate__(self) -> dict[str, Any]:
        """The file's name only: a worker process opens it for itself."""
        return {"_path": self._path, "_capacity": self._capacity}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the same file again."""
        self.__dict__.update(state)
        self._open()

    def _open(self) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(self._path.read_bytes()))
            index = json.loads(self._zip.read("index.json"))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{self._path} is not a pack of scene assets: make one anew"
            ) from error
        if index["format"] != FORMAT:
            raise InputError(
                f"{self._path} is a pack of format {index['format']}, not {FORMAT}: make one anew"
            )
        self._subjects = tuple(_subject(row) for row in index["subjects"])
        self._backgrounds = tuple(Background(**row) for row in index["backgrounds"])
        self._poses = {s.id: s.num_poses for s in self._subjects}
        self._sprites = Memory(self._read_sprite, capacity=self._capacity)
        self._pictures = Memory(self._read_picture, capacity=self._capacity)

    def _read_sprite(self, subject_id: str) -> Sprite:
        sheet = self._decode(subject_id, "RGBA")
        poses = np.split(sheet, self._poses[subject_id], axis=1)
        return np.ascontiguousarray(np.stack(poses))

    def _read_picture(self, background_id: str) -> Picture:
        return self._decode(background_id, "RGB")

    def _decode(self, asset_id: str, mode: str) -> NDArray[np.uint8]:
        try:
            content = self._zip.read(f"{asset_id}.webp")
        except KeyError:
            raise unknown_asset(asset_id) from None
        return np.asarray(Image.open(io.BytesIO(content)).convert(mode))


def pack(
    source: AssetSource, path: Path, *, on_asset: Callable[[int, int], None] | None = None
) -> Path:
    """Write all assets of a source into one file.

    Args:
        source: Any source.
        path: Where to; written aside and renamed, replacing what is there.
        on_asset: Told how many of how many assets are done.

    Returns:
        The path.

    Raises:
        OutputError: It cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as file:
            _write(source, file, on_asset)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({one_line(error)})") from error
    finally:
        part.unlink(missing_ok=True)
    return path


def _write(
    source: AssetSource, file: zipfile.ZipFile, on_asset: Callable[[int, int], None] | None
) -> None:
    index = {
        "format": FORMAT,
        "subjects": [asdict(s) for s in source.subjects],
        "backgrounds": [asdict(b) for b in source.backgrounds],
    }
    _add(file, "index.json", json.dumps(index, indent=0).encode())
    assets = assets_in(source)
    for done, asset in enumerate(assets, start=1):
        if isinstance(asset, Subject):
            pixels = np.concatenate(list(source.sprite(asset.id)), axis=1)
        else:
            pixels = source.picture(asset.id)
        _add(file, f"{asset.id}.webp", _encode(pixels))
        if on_asset:
            on_asset(done, len(assets))


def _add(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A fixed date: the same source gives the same file, byte by byte.
    file.writestr(zipfile.ZipInfo(name), content)


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=QUALITY, alpha_quality=100, method=4)
    return buffer.getvalue()


def _subject(row: dict[str, Any]) -> Subject:
    row["role"] = Role(row["role"])
    row["aliases"] = tuple(row["aliases"])
    return Subject(**row)


def pack_beside(cache: Path) -> Path:
    """Where the pack of a cache folder's assets is kept."""
    return cache / f"fluent-{FORMAT}.zip"
