"""Resumable sampling: latents and the solver's state in a file, from which a killed run goes on.

The file names the request that it belongs to; another request begins anew.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skyreels_a2.errors import SamplingError, one_line
from skyreels_a2.media.atomic import write_aside

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the state of one run is kept.

    Attributes:
        path: The file; replaced as a whole, so that a kill leaves the old or the new one.
        every: Steps between two writes.
        identity: Names all that decides the video.
        writes: Whether this process writes; of several that share a video, one does.
    """

    path: Path
    every: int
    identity: str
    writes: bool = True

    def __post_init__(self) -> None:
        if self.every < 1:
            raise SamplingError(f"checkpoint every {self.every} steps: use 1 or more")

    def restore(self, latents: Tensor, scheduler: Any) -> tuple[int, Tensor]:
        """Steps made and latents of the run that was stopped, or 0 and the given ones.

        Args:
            latents: Of a run that begins.
            scheduler: Its timesteps are set; gets the state that it had.
        """
        if not self.path.is_file():
            return 0, latents
        try:
            state = torch.load(self.path, weights_only=True, map_location=latents.device)
        except Exception as error:  # noqa: BLE001  (whatever a torn file makes of the reader)
            logger.warning("%s cannot be read, starting anew: %s", self.path, one_line(error))
            return 0, latents
        if state["identity"] != self.identity:
            logger.warning("%s is of another video, starting anew", self.path)
            return 0, latents
        vars(scheduler).update(state["solver"])
        logger.warning("going on from step %d of %s", state["step"] + 1, self.path)
        return state["step"] + 1, state["latents"].to(latents)

    def keep(self, step: int, latents: Tensor, scheduler: Any) -> None:
        """Write the state after a step, if it is time."""
        if not self.writes or (step + 1) % self.every:
            return
        solver = {
            name: value
            for name, value in vars(scheduler).items()
            if name not in {"timesteps", "sigmas", "_internal_dict"} and _is_plain(value)
        }
        state = {
            "identity": self.identity,
            "step": step,
            "latents": latents,
            "solver": solver,
        }
        with write_aside(self.path, overwrite=True) as aside:
            torch.save(state, aside)

    def remove(self) -> None:
        """The video is there: its state is of no more use."""
        self.path.unlink(missing_ok=True)


def _is_plain(value: object) -> bool:
    """Whether a value can be read back without running code."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | Tensor)
