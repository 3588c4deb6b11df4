"""`Task`: what the loop needs to know of a thing to train, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from torch import Generator, Tensor, nn


class Task(Protocol):
    """A model, its data and its loss."""

    @property
    def model(self) -> nn.Module:
        """The module whose parameters that require gradients are trained."""
        ...

    def losses(
        self, indices: Sequence[int], generators: list[Generator], progress: float
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of each sample.

        Args:
            indices: Numbers of the samples; the same number is the same sample for ever.
            generators: A CPU generator for each sample: all randomness comes from it.
            progress: Fraction of the run that is done.

        Returns:
            Losses (samples,) and figures for the log.
        """
        ...

    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """Figures on held-out data; may leave pictures in the folder."""
        ...

    def export(self, folder: Path) -> None:
        """Write the trained model as a model folder, or a part of one."""
        ...
