"""What looks on while a model trains: logs, bars, validation. None changes the training."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from skyreels_a2.training.loop import Trainer


class Callback:
    """Hooks of one sentence each; override those you need."""

    def on_start(self, trainer: Trainer) -> None:
        """Called once, when the run is set up or resumed."""

    def on_step(self, trainer: Trainer, figures: Mapping[str, float]) -> None:
        """Called after every step with its figures."""

    def on_validation(self, trainer: Trainer, figures: Mapping[str, float]) -> None:
        """Called with the figures of a validation, whose pictures are in `validation/`."""

    def on_end(self, trainer: Trainer) -> None:
        """Called once, after the last checkpoint."""


class JsonLog(Callback):
    """Appends a JSON line a step to `log.jsonl` in the run's folder."""

    def __init__(self, every: int = 1) -> None:
        self._every = every
        self._file: TextIO | None = None
        self._began = 0.0
        self._first_step = 0

    def on_start(self, trainer: Trainer) -> None:
        """Open the log, dropping lines of steps that will be made again."""
        path = trainer.run / "log.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = _lines_before(path, trainer.step)
        self._file = path.open("w", encoding="utf-8")
        self._file.writelines(kept)
        self._began, self._first_step = time.monotonic(), trainer.step

    def on_step(self, trainer: Trainer, figures: Mapping[str, float]) -> None:
        """Write a line."""
        if self._file is None or trainer.step % self._every:
            return
        spent = time.monotonic() - self._began
        rate = (trainer.step - self._first_step) * trainer.config.loop.batch_size / spent
        line = {"step": trainer.step, **figures, "samples_per_s": rate}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def on_end(self, trainer: Trainer) -> None:  # noqa: ARG002  (the hook's signature)
        """Close it."""
        if self._file is not None:
            self._file.close()


class Validation(Callback):
    """Validates the averaged weights every so often and logs the figures."""

    # The signature is that of all callbacks.
    def on_step(self, trainer: Trainer, figures: Mapping[str, float]) -> None:  # noqa: ARG002
        """Validate when it is time."""
        loop = trainer.config.loop
        if trainer.step % loop.validate_every and trainer.step != loop.steps:
            return
        if not (trainer.processes.is_first or trainer.is_sharded):
            return
        # Where weights are spread over processes, all must look for one to see.
        with trainer.averaged(), trainer.autocast():
            found = trainer.task.validate(trainer.run / "validation", trainer.step)
        if not trainer.processes.is_first:
            return
        with (trainer.run / "validation.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": trainer.step, **found}) + "\n")
        for callback in trainer.callbacks:
            callback.on_validation(trainer, found)


def _lines_before(path: Path, step: int) -> list[str]:
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
