"""Building a data set: what is new or changed is done, then the set is gathered and reported."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from skyreels_a2.data.gathering import Gathered, gather
from skyreels_a2.data.ledger import DONE, SET_ASIDE, Entry, Ledger, open_ledger
from skyreels_a2.data.pace import Pace
from skyreels_a2.data.probe import find_sources
from skyreels_a2.data.report import write_report
from skyreels_a2.data.settings import Settings, fingerprints
from skyreels_a2.data.unit import MEDIA, UnitTask
from skyreels_a2.data.workers import UnitOutcome, run_units
from skyreels_a2.errors import InputError
from skyreels_a2.media.atomic import output_errors, write_aside

SETTINGS = "build.json"
"""The settings it was built with; `settings.json` would make it a cache of the training."""
Runner = Callable[[Iterable[UnitTask], int], Iterator[UnitOutcome]]
"""Does units, so many at a time, and tells how each ended."""


@dataclass(frozen=True)
class Plan:
    """How to build.

    Attributes:
        settings: All thresholds.
        workers: Units at a time.
        runner: On this machine, or on a cluster.
        retry: Whether sources that were set aside are tried again.
        shard: Part i of n of the inputs, as (i, n) with i from 0.
    """

    settings: Settings = field(default_factory=Settings)
    workers: int = 2
    runner: Runner = lambda tasks, workers: run_units(tasks, workers=workers)
    retry: bool = False
    shard: tuple[int, int] = (0, 1)


def build(
    videos: Path,
    dataset: Path,
    plan: Plan,
    *,
    on_unit: Callable[[int, int], None] | None = None,
    on_stages: Callable[[dict[str, float]], None] | None = None,
) -> Gathered:
    """Build a data set, or go on with one that was interrupted, added to or set otherwise.

    Args:
        videos: A folder, a list, or one video.
        dataset: Folder of the data set.
        plan: How.
        on_unit: Told how many of how many sources are done, after each.
        on_stages: Told before that how many seconds each stage will still take.

    Raises:
        InputError: No videos, or another process builds there.
        OutputError: It cannot be written; what was done stays.
    """
    paths = find_sources(videos)[plan.shard[0] :: plan.shard[1]]
    if not paths:
        raise InputError(f"shard {plan.shard[0]}/{plan.shard[1]} of {videos} holds no video")
    with open_ledger(dataset) as ledger:
        _clean(dataset / MEDIA)
        note_settings(dataset, plan.settings)
        ledger.register(paths)
        _work(ledger, dataset, plan, on_unit, on_stages)
        return finish(ledger, dataset, plan.settings)


def finish(ledger: Ledger, dataset: Path, settings: Settings) -> Gathered:
    """What follows once every source is done: tables, triplets, report."""
    unreadable = [(path, problem) for path, _, problem in ledger.inputs() if problem]
    gathered = gather(dataset, ledger.entries(), unreadable, settings)
    write_report(dataset, gathered)
    _remove_former(dataset / MEDIA, ledger.entries())
    return gathered


def _work(
    ledger: Ledger,
    dataset: Path,
    plan: Plan,
    on_unit: Callable[[int, int], None] | None,
    on_stages: Callable[[dict[str, float]], None] | None,
) -> None:
    """Rounds of units until each is done or set aside."""
    limits = plan.settings.limits
    print_ = fingerprints(plan.settings)["captions"]
    attempts: dict[str, int] = {}
    done = 0
    tasks = list(_tasks(ledger, dataset, plan))
    total = len(tasks)
    pace = Pace(total, plan.workers)
    while tasks:
        again: list[UnitTask] = []
        for outcome in plan.runner(tasks, plan.workers):
            source = outcome.task.source.source_id
            if outcome.fatal is not None:
                raise outcome.fatal
            if outcome.folder:
                ledger.commit(
                    source, fingerprint=print_, folder=outcome.folder, seconds=outcome.seconds
                )
                pace.add(dataset / MEDIA / outcome.folder)
            else:
                attempts[source] = attempts.get(source, 0) + 1
                final = attempts[source] >= limits.attempts
                ledger.fail(source, fingerprint=print_, reason=outcome.reason, final=final)
                again += [] if final else [outcome.task]
                if final:
                    pace.skip()
            done += outcome.task not in again
            if on_stages:
                on_stages(pace.left())
            if on_unit:
                on_unit(done, total)
        tasks = again


def _tasks(ledger: Ledger, dataset: Path, plan: Plan) -> Iterator[UnitTask]:
    """What is not done with these settings."""
    print_ = fingerprints(plan.settings)["captions"]
    for entry in ledger.entries():
        whole = entry.folder and (dataset / MEDIA / entry.folder).is_dir()
        current = entry.fingerprint == print_
        if current and entry.state == DONE and whole:
            continue
        if current and entry.state == SET_ASIDE and not plan.retry:
            continue
        yield UnitTask(entry.source, dataset, plan.settings, entry.folder if whole else "")


def _clean(media: Path) -> None:
    """Remove what killed workers were writing."""
    for part in media.glob(".*.part"):
        shutil.rmtree(part, ignore_errors=True)


def _remove_former(media: Path, entries: Sequence[Entry]) -> None:
    """Remove folders of other settings, now that nothing refers to them."""
    current = {entry.folder for entry in entries}
    for folder in media.iterdir() if media.is_dir() else ():
        if folder.name not in current:
            shutil.rmtree(folder, ignore_errors=True)


def note_settings(dataset: Path, settings: Settings) -> None:
    """Keep what a data set is built with."""
    path = dataset / SETTINGS
    with write_aside(path, overwrite=True) as part, output_errors(path):
        part.write_text(settings.model_dump_json(indent=2), "utf-8")
