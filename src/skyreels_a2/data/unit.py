"""One source video from file to finished shots: the unit of work, and of commit.

    media/<source>-<fingerprint>/shots/0000.mp4 …  elements/….png  persons/….png
                                 probe.json … captions.json

The folder is made aside and renamed when all is done, so it is there whole or not at all. A stage
whose fingerprint an earlier folder of this source has is taken over from there, files and all.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from skyreels_a2.data.backends.choice import Backends, open_backends
from skyreels_a2.data.captions import caption
from skyreels_a2.data.elements import dissect
from skyreels_a2.data.footage import Footage
from skyreels_a2.data.persons import refine
from skyreels_a2.data.probe import probe
from skyreels_a2.data.quality import judge
from skyreels_a2.data.records import (
    CaptionedShot,
    DissectedShot,
    Dropped,
    JudgedShot,
    PersonShot,
    Probed,
    Record,
    Shot,
    Source,
)
from skyreels_a2.data.settings import STAGES, Settings, fingerprints
from skyreels_a2.data.shots import cut_shots, look_again
from skyreels_a2.media.atomic import write_aside

MEDIA = "media"
_TYPES: dict[str, type[Record]] = {
    "probe": Probed,
    "shots": Shot,
    "quality": JudgedShot,
    "elements": DissectedShot,
    "persons": PersonShot,
    "captions": CaptionedShot,
}

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class UnitTask:
    """What a worker is told.

    Attributes:
        source: The video.
        dataset: Folder of the data set.
        settings: All of them.
        former: Name of the folder of an earlier run of this source, below `media`, or "".
    """

    source: Source
    dataset: Path
    settings: Settings
    former: str = ""

    @property
    def name(self) -> str:
        """Name of the folder below `media`."""
        return f"{self.source.source_id}-{fingerprints(self.settings)['captions'][:8]}"

    @property
    def folder(self) -> Path:
        """Where the result will be."""
        return self.dataset / MEDIA / self.name


class StageResult(BaseModel):
    """What a stage kept and dropped of a source, and what it took.

    Attributes:
        fingerprint: Of the settings that led to it.
        kept: Its records.
        dropped: What it left out.
        seconds: Processor time of the stage.
    """

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    kept: tuple[dict[str, object], ...]
    dropped: tuple[Dropped, ...]
    seconds: float


def run_unit(task: UnitTask) -> str:
    """Make the folder of a source and give its name; one that is there is left as it is.

    Raises:
        OutputError: It cannot be written, a full disk included.
        InputError, MissingExtraError: A backend lacks something.
    """
    if task.folder.is_dir():
        return task.name
    task.folder.parent.mkdir(parents=True, exist_ok=True)
    with write_aside(task.folder) as part:
        part.mkdir()
        _Line(task, part).run()
    return task.name


def read_stage(folder: Path, stage: str) -> StageResult | None:
    """What a stage wrote in a unit's folder; None if it never ran."""
    path = folder / f"{stage}.json"
    return StageResult.model_validate_json(path.read_bytes()) if path.is_file() else None


def finished_shots(folder: Path) -> list[CaptionedShot]:
    """The shots that went through all stages."""
    result = read_stage(folder, "captions")
    return [CaptionedShot.model_validate(row) for row in result.kept] if result else []


class _Line:
    """The stages at work on one source."""

    def __init__(self, task: UnitTask, folder: Path) -> None:
        self._task, self._folder = task, folder
        self._prints = fingerprints(task.settings)
        self._kept: dict[str, list[Record]] = defaultdict(list)
        self._dropped: dict[str, list[Dropped]] = defaultdict(list)
        self._seconds: dict[str, float] = defaultdict(float)
        self._taken: dict[str, StageResult] = {}

    def run(self) -> None:
        """All stages, the first of them taken over where they can be."""
        ready = self._take_over()
        if ready in {"", "probe"}:
            self._from_source(self._probed() if not ready else self._first(Probed, "probe"))
        else:
            self._from_stage(ready)
        for stage in STAGES:
            self._write(stage)

    def _take_over(self) -> str:
        """Link what earlier stages made with these settings; the name of the last of them."""
        ready = ""
        if not self._task.former:
            return ready
        former = self._task.dataset / MEDIA / self._task.former
        for stage in STAGES:
            result = read_stage(former, stage)
            if result is None or result.fingerprint != self._prints[stage]:
                break
            ready, self._taken[stage] = stage, result
        done = STAGES.index(ready) if ready else 0
        if done >= STAGES.index("shots"):
            link_folder(former / "shots", self._folder / "shots")
        for stage in ("elements", "persons"):
            if done >= STAGES.index(stage):
                link_folder(former / stage, self._folder / stage)
        return ready

    def _first(self, kind: type[R], stage: str) -> R | None:
        kept = self._taken[stage].kept
        return kind.model_validate(kept[0]) if kept else None

    def _probed(self) -> Probed | None:
        with self._timed("probe"):
            return self._keep("probe", probe(self._task.source, self._task.settings.probe))

    def _from_source(self, probed: Probed | None) -> None:
        if probed is None:
            return
        cuts = cut_shots(probed, self._task.settings.shots, self._folder)
        while True:
            with self._timed("shots"):
                cut = next(cuts, None)
            if cut is None:
                return
            if isinstance(cut, Dropped):
                self._dropped["shots"].append(cut)
                continue
            self._kept["shots"].append(cut[0])
            self._go_on(*cut)

    def _from_stage(self, ready: str) -> None:
        records = [_TYPES[ready].model_validate(row) for row in self._taken[ready].kept]
        shots = [shot for shot in map(_shot_of, records) if shot is not None]
        probed = self._first(Probed, "probe")
        if probed is None or not shots:
            return
        again = look_again(probed, self._task.settings.shots, shots)
        for record, footage in zip(records, again, strict=True):
            self._go_on(record, footage)

    def _go_on(self, record: Record | None, seen: Footage) -> None:
        """Through the stages that are left; each takes the type that the one before made."""
        settings = self._task.settings
        backends = _backends(settings)
        if isinstance(record, Shot):
            with self._timed("quality"):
                record = self._keep("quality", judge(record, seen, settings.quality, backends))
        if isinstance(record, JudgedShot):
            with self._timed("elements"):
                found, tracks = dissect(record, seen, settings.elements, backends, self._folder)
            self._dropped["elements"] += tracks
            record = self._keep("elements", found)
        if isinstance(record, DissectedShot):
            with self._timed("persons"):
                refined = refine(record, seen, settings.persons, backends, self._folder)
            record = self._keep("persons", refined)
        if isinstance(record, PersonShot):
            with self._timed("captions"):
                self._keep("captions", caption(record, seen, backends.captioner))

    def _keep(self, stage: str, outcome: R | Dropped) -> R | None:
        if isinstance(outcome, Dropped):
            self._dropped[stage].append(outcome)
            return None
        self._kept[stage].append(outcome)
        return outcome

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            self._seconds[stage] += time.process_time() - start

    def _write(self, stage: str) -> None:
        result = self._taken.get(stage) or StageResult(
            fingerprint=self._prints[stage],
            kept=_dumped(self._kept[stage]),
            dropped=tuple(self._dropped[stage]),
            seconds=round(self._seconds[stage], 4),
        )
        path = self._folder / f"{stage}.json"
        path.write_text(result.model_dump_json(), "utf-8")


_opened: dict[str, Backends] = {}


def _backends(settings: Settings) -> Backends:
    """Opened once in a process, as models take long to load."""
    key = fingerprints(settings)["captions"]
    if key not in _opened:
        _opened.clear()
        _opened[key] = open_backends(settings)
    return _opened[key]


def _dumped(records: Sequence[Record]) -> tuple[dict[str, object], ...]:
    return tuple(record.model_dump(mode="json") for record in records)


def _shot_of(record: Record | None) -> Shot | None:
    match record:
        case Shot():
            return record
        case JudgedShot():
            return record.shot
        case DissectedShot():
            return record.judged.shot
        case PersonShot():
            return record.dissected.judged.shot
    return None


def link_folder(source: Path, target: Path) -> None:
    """The same files under another folder; copied where the disk cannot link."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
