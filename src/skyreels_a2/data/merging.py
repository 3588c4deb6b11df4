"""Data sets that were built apart, one for each shard of the inputs, put together.

Nothing is done to a source again: its folder is linked, its row in the ledger copied. Only what
concerns the whole set is new: duplicates, references across sources, the split.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skyreels_a2.data.build import SETTINGS, finish, note_settings
from skyreels_a2.data.gathering import Gathered
from skyreels_a2.data.ledger import FILE, open_ledger
from skyreels_a2.data.settings import Settings, fingerprints
from skyreels_a2.data.unit import MEDIA, link_folder
from skyreels_a2.errors import InputError, one_line
from skyreels_a2.media.atomic import write_aside


def merge(parts: Sequence[Path], dataset: Path) -> Gathered:
    """Put data sets together; what `dataset` holds already stays.

    Args:
        parts: Folders of data sets that were built with the same settings.
        dataset: Folder of the whole one.

    Raises:
        InputError: A part is no data set, was built with other settings, or is being built.
        OutputError: It cannot be written; what was taken over stays.
    """
    settings = _common_settings([*parts, *([dataset] if (dataset / SETTINGS).exists() else [])])
    with open_ledger(dataset) as ledger:
        note_settings(dataset, settings)
        for part in parts:
            with open_ledger(part) as other:
                for entry in other.entries():
                    if entry.folder and not (dataset / MEDIA / entry.folder).exists():
                        _link(part / MEDIA / entry.folder, dataset / MEDIA / entry.folder)
                ledger.adopt(part / FILE)
        return finish(ledger, dataset, settings)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(target) as aside:
        link_folder(source, aside)


def _common_settings(parts: Sequence[Path]) -> Settings:
    every = {part: _settings_of(part) for part in parts}
    prints = {part: fingerprints(settings)["captions"] for part, settings in every.items()}
    first = parts[0]
    for part in parts[1:]:
        if prints[part] != prints[first]:
            raise InputError(
                f"{first} and {part} were built with different settings (their {SETTINGS} say "
                "which): build one of them again with the other's"
            )
    return every[first]


def _settings_of(part: Path) -> Settings:
    path = part / SETTINGS
    try:
        return Settings.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{part} is no data set of `data build` ({path.name}: {one_line(error)})"
        ) from error
