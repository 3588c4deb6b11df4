"""Units in spawned processes, each with a limit of time and of memory.

A worker that hangs is killed, one that dies is replaced, and the unit is reported as failed with
the reason. Workers end with their parent, however that ends.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess, parent_process
from pathlib import Path
from typing import Any

from skyreels_a2.data.unit import UnitTask, run_unit
from skyreels_a2.errors import MissingExtraError, OutputError, SkyReelsA2Error, one_line
from skyreels_a2.media.atomic import DISK_FULL

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class UnitOutcome:
    """How a unit ended.

    Attributes:
        task: Which.
        folder: Name of its folder, or "" when it failed.
        reason: Why it failed.
        seconds: Wall time.
        fatal: An error that the next unit would have too, such as a full disk.
    """

    task: UnitTask
    folder: str
    reason: str
    seconds: float
    fatal: SkyReelsA2Error | None = None


def time_limit(task: UnitTask) -> float:
    """Seconds that a unit may take: by its bytes, as its length is not known before it is opened.

    A megabyte is about four seconds of video.
    """
    limits = task.settings.limits
    return limits.seconds + limits.seconds_per_second * 4 * task.source.size / 1e6


def run_units(tasks: Iterable[UnitTask], *, workers: int) -> Iterator[UnitOutcome]:
    """Do units in so many processes, and tell how each ended, as they do."""
    waiting = deque(tasks)
    crew = [_Worker() for _ in range(min(workers, len(waiting)))]
    try:
        while waiting or any(worker.task for worker in crew):
            for worker in crew:
                if not worker.task and waiting:
                    worker.start(waiting.popleft())
            yield from _finished(crew)
    finally:
        for worker in crew:
            worker.end()


class _Worker:
    """A process and what it is doing."""

    def __init__(self) -> None:
        self.task: UnitTask | None = None
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._began = 0.0

    def start(self, task: UnitTask) -> None:
        """Hand over a unit, to a new process if there is none."""
        if self._process is None or self._pipe is None or not self._process.is_alive():
            self._pipe, theirs = _SPAWN.Pipe()
            memory = task.settings.limits.memory_mb
            self._process = _SPAWN.Process(target=_work, args=(theirs, memory), daemon=True)
            self._process.start()
            theirs.close()
        self._pipe.send(task)
        self.task, self._began = task, time.monotonic()

    @property
    def pipe(self) -> Connection | None:
        """What to wait for while it works."""
        return self._pipe if self.task else None

    @property
    def left(self) -> float:
        """Seconds until its unit has taken too long."""
        return self._began + time_limit(self.task) - time.monotonic() if self.task else 0.0

    def collect(self) -> UnitOutcome | None:
        """The end of its unit, if it came to one."""
        if self.task is None or self._pipe is None:
            return None
        told: tuple[str, str, SkyReelsA2Error | None]
        if self._pipe.poll():
            try:
                told = self._pipe.recv()
            except (EOFError, OSError):
                told = ("", f"the worker died ({self._died()}), {_perhaps(self.task)}", None)
        elif self.left <= 0:
            # Some libraries wait for ever for a thread that got no memory.
            short = self._process is not None and _is_large(self._process.pid, self.task)
            hint = f", {_perhaps(self.task)}" if short else ""
            told = ("", f"took longer than {time_limit(self.task):.0f} s{hint}", None)
            self.end()
        else:
            return None
        task, self.task = self.task, None
        return UnitOutcome(task, told[0], told[1], time.monotonic() - self._began, told[2])

    def end(self) -> None:
        """Kill the process; what it was writing has no name yet."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def _died(self) -> str:
        if self._process is None:
            return "unknown"
        self._process.join(10)
        code = self._process.exitcode or 0
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self.end()
        return name


def _finished(crew: list[_Worker]) -> Iterator[UnitOutcome]:
    pipes = [worker.pipe for worker in crew if worker.pipe]
    left = min((worker.left for worker in crew if worker.task), default=0.0)
    wait(pipes, timeout=max(0.0, min(left, 5.0)))
    for worker in crew:
        outcome = worker.collect()
        if outcome:
            yield outcome


def _work(pipe: Connection, memory_mb: int) -> None:
    """What a worker does: units, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_memory(memory_mb)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_attempt(task))


def _attempt(task: UnitTask) -> tuple[str, str, SkyReelsA2Error | None]:
    try:
        return run_unit(task), "", None
    except (OutputError, MissingExtraError) as error:
        return "", one_line(error), error
    except MemoryError:
        return "", f"needs more than {_memory(task)}", None
    except OSError as error:
        full = error.errno in DISK_FULL
        fatal = OutputError(f"{task.dataset} is full ({error.strerror}): free some space")
        return "", f"OSError: {one_line(error)}", fatal if full else None
    # Whatever one video does to a library must not end the others.
    except Exception as error:  # noqa: BLE001
        # Not every extension says so when it gets no memory.
        hint = f", {_perhaps(task)}" if _is_large(os.getpid(), task) else ""
        return "", f"{type(error).__name__}: {one_line(error)}{hint}", None


def _memory(task: UnitTask) -> str:
    return f"{task.settings.limits.memory_mb} MB of memory"


def _perhaps(task: UnitTask) -> str:
    return f"perhaps for want of more than {_memory(task)}"


def _is_large(pid: int | None, task: UnitTask) -> bool:
    """Whether a process has come as far as half its limit of memory; Linux alone knows."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return False
    peaks = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmPeak")]
    return bool(peaks) and peaks[0] / 1024 > task.settings.limits.memory_mb / 2


def _limit_memory(megabytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = megabytes << 20
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _end_with_parent() -> None:
    parent: Any = parent_process()
    wait([parent.sentinel])
    os._exit(1)
