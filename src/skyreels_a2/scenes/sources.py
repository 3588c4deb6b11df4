"""Sources by name, as a command line asks for them."""

from __future__ import annotations

from pathlib import Path

from skyreels_a2.errors import InputError
from skyreels_a2.scenes.assets import AssetSource, CombinedSource
from skyreels_a2.scenes.drawn.source import BuiltinSource
from skyreels_a2.scenes.fluent.fetch import default_cache
from skyreels_a2.scenes.fluent.source import FluentSource
from skyreels_a2.scenes.packs import PackedSource, pack_beside

NAMES = ("builtin", "fluent", "all")


def open_source(name: str, *, cache: Path | None = None) -> AssetSource:
    """A source by name.

    Args:
        name: "builtin"; "fluent" (its pack when there is one); "all" for both; or a pack's path.
        cache: Where the fluent assets are; the user's cache folder when None.

    Raises:
        InputError: An unknown name, or assets that were not fetched.
    """
    if name == "builtin":
        return BuiltinSource()
    if name == "fluent":
        return _open_fluent(cache or default_cache())
    if name == "all":
        return CombinedSource((BuiltinSource(), _open_fluent(cache or default_cache())))
    if Path(name).is_file():
        return PackedSource(Path(name))
    raise InputError(f"no source is called {name!r}: use {', '.join(NAMES)} or the path of a pack")


def _open_fluent(cache: Path) -> AssetSource:
    packed = pack_beside(cache)
    return PackedSource(packed) if packed.is_file() else FluentSource(cache)
