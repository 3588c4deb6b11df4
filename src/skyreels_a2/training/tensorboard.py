"""TensorBoard: the same figures as the JSON log, as curves, and validation's pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from skyreels_a2.extras import require
from skyreels_a2.training.callbacks import Callback

if TYPE_CHECKING:
    from skyreels_a2.training.loop import Trainer


class TensorBoardLog(Callback):
    """Writes event files to `tensorboard/` in the run's folder.

    Raises:
        MissingExtraError: TensorBoard is not installed (extra `train`).
    """

    def __init__(self) -> None:
        require("tensorboard", extra="train")
        self._writer: Any = None

    def on_start(self, trainer: Trainer) -> None:
        """Open a file; curves of steps that will be made again are cut off there."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(trainer.run / "tensorboard", purge_step=trainer.step + 1)

    def on_step(self, trainer: Trainer, figures: Mapping[str, float]) -> None:
        """Write the figures of a step."""
        self._write("train", trainer.step, figures)

    def on_validation(self, trainer: Trainer, figures: Mapping[str, float]) -> None:
        """Write the figures of a validation, and the pictures that it left."""
        self._write("validation", trainer.step, figures)
        for path in (trainer.run / "validation").glob(f"*-{trainer.step:08d}.png"):
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            name = path.stem.rpartition("-")[0]
            self._writer.add_image(name, pixels, trainer.step, dataformats="HWC")

    def on_end(self, trainer: Trainer) -> None:  # noqa: ARG002  (the hook's signature)
        """Close it."""
        self._writer.close()

    def _write(self, group: str, step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(f"{group}/{name}", value, step)
