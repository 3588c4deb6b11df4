"""The bar of a training run: loss, samples a second, time left."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from skyreels_a2.cli import console
from skyreels_a2.training.callbacks import Callback
from skyreels_a2.training.loop import Trainer


class TrainingBar(Callback):
    """Shows how far a run is."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("Training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.4f}, {task.fields[rate]:.1f} samples/s, left"),
            TimeRemainingColumn(),
            console=console.messages,
        )
        self._began, self._first = 0.0, 0

    def on_start(self, trainer: Trainer) -> None:
        """Show the bar, from the step that the run begins with."""
        self._began, self._first = time.monotonic(), trainer.step
        total = trainer.config.loop.steps
        self._progress.add_task("train", total=total, completed=trainer.step, loss=0.0, rate=0.0)
        self._progress.start()

    def on_step(self, trainer: Trainer, figures: Mapping[str, float]) -> None:
        """Move it."""
        samples = (trainer.step - self._first) * trainer.config.loop.batch_size
        rate = samples / (time.monotonic() - self._began)
        task = self._progress.task_ids[0]
        self._progress.update(task, completed=trainer.step, loss=figures["loss"], rate=rate)

    def on_end(self, trainer: Trainer) -> None:
        """Leave it as it is, and say what was skipped."""
        self._progress.stop()
        if trainer.skipped:
            console.warn(f"{trainer.skipped} steps had no finite loss and were skipped")
