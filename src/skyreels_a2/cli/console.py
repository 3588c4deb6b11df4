"""What the user sees: messages and progress on stderr, data on stdout."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from skyreels_a2.runtime.parallelism import rank

# Under torchrun the first process speaks for all.
_silent = rank() > 0
messages = Console(stderr=True, soft_wrap=True, highlight=False, quiet=_silent)
data = Console(soft_wrap=True, highlight=False, quiet=_silent)


class _OncePerLine(logging.Handler):
    """Shows every warning of the package once, however often it is said."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record unless it was shown before."""
        text = record.getMessage()
        if text not in self._said:
            self._said.add(text)
            messages.print(f"[yellow]warning:[/] {escape(text)}")


_ABOUT_THEMSELVES = (
    "torchao",
    "torch.utils._pytree",
    "diffusers.quantizers.torchao.torchao_quantizer",
)
"""Loggers that tell at import, where torchao is installed, which parts of it a machine lacks."""


def mute_libraries() -> None:
    """Keep libraries' words about themselves away; once a process, before they are imported."""
    for name in _ABOUT_THEMSELVES:
        logging.getLogger(name).setLevel(logging.ERROR)


def show_warnings() -> None:
    """Send this package's warnings to stderr, one line each."""
    mute_libraries()
    log = logging.getLogger("skyreels_a2")
    log.handlers[:] = [_OncePerLine()]
    log.propagate = False


def warn(text: str) -> None:
    """A warning of the command line itself."""
    logging.getLogger("skyreels_a2.cli").warning("%s", text)


class Bars:
    """One bar a phase, made when the phase begins."""

    _TITLES: ClassVar = {
        "load": "Loading",
        "sample": "Sampling",
        "decode": "Decoding",
        "cache": "Encoding",
        "pack": "Packing",
        "render": "Rendering",
        "judge": "Judging",
        "video": "Videos",
        "score": "Scoring",
        "report": "Reporting",
        "build": "Building",
    }

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Set how far a phase is."""
        self._progress.start()
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(self._TITLES[phase], total=total, note="")
        self._progress.update(self._tasks[phase], completed=done, total=total)

    def note(self, phase: str, words: str) -> None:
        """Set what stands behind a phase's bar."""
        if phase in self._tasks:
            self._progress.update(self._tasks[phase], note=words)

    def start_video(self) -> None:
        """Forget the bars of the last video, so that the next begins with new ones."""
        for phase in ("sample", "decode"):
            if phase in self._tasks:
                self._progress.remove_task(self._tasks.pop(phase))


@contextmanager
def progress_bars() -> Iterator[Bars]:
    """Bars with counts, time spent and time left, on stderr; shown from the first count on."""
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    progress = Progress(*columns, console=messages)
    try:
        yield Bars(progress)
    finally:
        if progress.tasks:
            progress.stop()
