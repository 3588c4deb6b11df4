"""Fetching the packages of the fluent source, once, into a cache folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from skyreels_a2.packages import cache_folder, fetch_package, is_fetched
from skyreels_a2.scenes.fluent.packages import PACKAGES


def default_cache() -> Path:
    """`skyreels_a2/scenes` in the user's cache folder."""
    return cache_folder("scenes")


def fetch(cache: Path | None = None, *, on_package: Callable[[str], None] | None = None) -> Path:
    """Get what is not there yet, about 600 MB to download.

    Args:
        cache: Where to keep it; the user's cache folder when None.
        on_package: Told the name of every package before it is fetched.

    Returns:
        The folder, for `FluentSource`.

    Raises:
        InputError: npm is not installed, or a package cannot be had or is not what it was.
        OutputError: The cache cannot be written.
    """
    cache = cache or default_cache()
    for package in PACKAGES:
        if on_package and not is_fetched(cache, package):
            on_package(package.name)
        fetch_package(cache, package)
    return cache
