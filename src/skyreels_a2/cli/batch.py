"""`generate --batch jobs.jsonl`: many videos by one loaded model, resumable.

A job whose output is there and says that it was made from the same request is skipped; one that
fails is reported, and the next goes on.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from rich.markup import escape

from skyreels_a2.cli import console
from skyreels_a2.cli.jobs import parse_job
from skyreels_a2.cli.making import Making, Target, check_target, make
from skyreels_a2.cli.model import ModelChoice, load_pipeline
from skyreels_a2.errors import InputError, SkyReelsA2Error, one_line
from skyreels_a2.media.manifest import Manifest
from skyreels_a2.request import GenerationRequest
from skyreels_a2.runtime.parallelism import num_processes


@dataclass(slots=True)
class _Tally:
    """What became of the videos."""

    made: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)

    def fail(self, where: str, error: SkyReelsA2Error) -> None:
        """Note a failure and say it."""
        self.failed.append(where)
        console.messages.print(f"[red]failed:[/] {escape(where)}: {escape(str(error))}")

    def report(self) -> int:
        """Say the sums and give the exit code."""
        where = f": {', '.join(self.failed)}" if self.failed else ""
        console.messages.print(
            f"{self.made} made, {self.skipped} there already, {len(self.failed)} failed{where}",
            markup=False,
        )
        return 1 if self.failed else 0


def make_batch(
    path: Path,
    choice: ModelChoice,
    given: Mapping[str, Any],
    how: Making,
    *,
    num_workers: int | None = None,
) -> int:
    """Make every job of a JSONL file.

    Args:
        path: One JSON object a line, with the keys of a composition file.
        choice: The model for all of them.
        given: Settings for every job that does not say otherwise; `output` is the folder for
            those that name no output.
        how: What holds for every video.
        num_workers: Workers on a Ray cluster (0: as many as it has); None for this process.

    Returns:
        Exit code: 0 if nothing failed, else 1.

    Raises:
        InputError: The file is missing or empty, or the model cannot be opened.
    """
    if num_workers is not None and num_processes() > 1:
        raise InputError("--ray starts workers itself: leave torchrun away")
    tally = _Tally()
    pending: list[tuple[str, Target]] = []
    for where, line in _lines(path):
        try:
            for target in _targets(line, where, given, choice, side_by_side=how.side_by_side):
                if _is_done(target, choice):
                    tally.skipped += 1
                    continue
                check_target(target, overwrite=how.overwrite)
                pending.append((where, target))
        except SkyReelsA2Error as error:
            tally.fail(where, error)
    if pending and num_workers is not None:
        _make_on_cluster(pending, choice, tally, how, num_workers=num_workers)
    elif pending:
        _make(pending, choice, tally, how)
    return tally.report()


def _make(
    pending: list[tuple[str, Target]], choice: ModelChoice, tally: _Tally, how: Making
) -> None:
    choice.check()
    with console.progress_bars() as bars:
        pipeline = load_pipeline(choice, bars, [target.request for _, target in pending])
        for where, target in pending:
            try:
                _make_one(pipeline, choice, target, bars, how)
            except SkyReelsA2Error as error:
                tally.fail(where, error)
            else:
                tally.made += 1
                console.data.print(str(target.output), markup=False)


def _make_on_cluster(
    pending: list[tuple[str, Target]],
    choice: ModelChoice,
    tally: _Tally,
    how: Making,
    *,
    num_workers: int,
) -> None:
    """Workers open the model once each; pictures and outputs lie on a disk that all of them see."""
    from skyreels_a2.runtime.cluster import run_on_cluster

    choice.check()
    # Workers have folders of their own.
    jobs = [(where, replace(t, output=t.output.resolve())) for where, t in pending]
    requests = [target.request for _, target in jobs]
    open_worker = partial(_open_worker, choice, requests, how)
    gpus = 0 if choice.device == "cpu" or not _has_gpu() else 1
    for (where, target), problem, lost in run_on_cluster(
        open_worker, jobs, num_workers=num_workers, gpus=gpus
    ):
        if problem or lost:
            tally.fail(where, SkyReelsA2Error(problem or lost))
        else:
            tally.made += 1
            console.data.print(str(target.output), markup=False)


def _open_worker(
    choice: ModelChoice, requests: list[GenerationRequest], how: Making
) -> Callable[[tuple[str, Target]], str | None]:
    """In a worker: the model is loaded, and what makes one video of it is given."""
    with console.progress_bars() as bars:
        pipeline = load_pipeline(choice, bars, requests)

    def work(job: tuple[str, Target]) -> str | None:
        _, target = job
        # A worker that died after its video was written left it: it is taken as it is.
        if _is_done(target, choice):
            return None
        try:
            with console.progress_bars() as bars:
                _make_one(pipeline, choice, target, bars, how)
        except SkyReelsA2Error as error:
            return str(error)
        return None

    return work


def _make_one(
    pipeline: Any, choice: ModelChoice, target: Target, bars: console.Bars, how: Making
) -> None:
    make(pipeline, choice, target, bars=bars, overwrite=how.overwrite, watching=how.watching)


def _has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Lines that are not blank, with `file:number` of each."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"batch file {path} cannot be read: {one_line(error)}") from error
    if not any(line.strip() for line in lines):
        raise InputError(f"batch file {path} has no jobs: write one JSON object a line")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield f"{path}:{number}", line


def _targets(
    line: str, where: str, given: Mapping[str, Any], choice: ModelChoice, *, side_by_side: bool
) -> list[Target]:
    """The videos of one line. A job without a seed gets one that its content decides."""
    folder = Path(given.get("output", "."))
    try:
        content = json.loads(line)
    except ValueError as error:
        raise InputError(f"no JSON: {error}") from error
    job = parse_job(content, where).based_on(Path(where).parent)
    shared = {key: value for key, value in given.items() if key != "output"}
    job = job.updated({k: v for k, v in shared.items() if k not in job.model_fields_set})
    seed = zlib.crc32(line.encode()) if job.seed is None else job.seed
    requests = job.requests(choice.defaults, seed)
    outputs = job.outputs([request.seed for request in requests])
    if job.output is None:
        outputs = [folder / output for output in outputs]
    return [
        Target(request, output, side_by_side)
        for request, output in zip(requests, outputs, strict=True)
    ]


def _is_done(target: Target, choice: ModelChoice) -> bool:
    """Whether the output is there and was made from this very request by this model."""
    try:
        there = Manifest.read(target.output)
    except InputError:
        return False
    return there.decides_as(target.manifest(choice))
