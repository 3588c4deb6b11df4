"""Cheap looks at a video that is being sampled: latents to colours by one small matrix.

The matrix is fitted to the run's own references, whose pictures and latents are both at hand, so
it needs no table for any VAE. What is shown is where a step's prediction points: the clean latents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from skyreels_a2.conditioning.conditioner import Conditioning
from skyreels_a2.conditioning.spatial import picture_tensor
from skyreels_a2.elements import Reference
from skyreels_a2.errors import SamplingError
from skyreels_a2.media.fit import fit
from skyreels_a2.media.images import open_picture
from skyreels_a2.video import Frames, VideoSpec

_RIDGE = 1e-2


class LatentPreview:
    """Shows small frames while a video is sampled.

    Args:
        every: Steps between two looks.
        on_frames: Called with the step and uint8 RGB frames (t, h, w, 3) at the latents' size.

    Raises:
        SamplingError: Every 0 steps or fewer.
    """

    def __init__(self, every: int, on_frames: Callable[[int, Frames], None]) -> None:
        if every < 1:
            raise SamplingError(f"preview every {every} steps: use 1 or more")
        self._every = every
        self._on_frames = on_frames
        self._matrix: Tensor | None = None
        self._num_references = 0

    def learn(
        self,
        references: Sequence[Reference],
        spec: VideoSpec,
        told: Conditioning,
        latents: Tensor,
    ) -> None:
        """Fit the matrix to the references of a run that begins."""
        size = latents.shape[-2:]
        channels = latents.shape[1]
        known, colours = [], []
        for index, reference in enumerate(references):
            picture = open_picture(reference.picture).image
            fitted = picture_tensor(fit(picture, reference.role, spec.width, spec.height))
            small = functional.interpolate(fitted.float().view(1, 3, *fitted.shape[-2:]), size=size)
            colours.append(small[0].flatten(1).T)
            known.append(told.condition[0, -channels:, index].float().cpu().flatten(1).T)
        self._matrix = fit_colours(torch.cat(known), torch.cat(colours))
        self._num_references = len(references)

    def show(self, step: int, clean: Tensor) -> None:
        """Tell of a step, if it is time.

        Args:
            step: Its index.
            clean: (videos, 16, t, h, w) that it points at; the first video is shown.
        """
        if (step + 1) % self._every == 0 and self._matrix is not None:
            shown = clean[0, :, self._num_references :].float().cpu()
            self._on_frames(step, paint(shown, self._matrix))


def fit_colours(latents: Tensor, colours: Tensor) -> Tensor:
    """The matrix (channels + 1, 3) that turns latents into colours best, slightly damped.

    Args:
        latents: (places, channels).
        colours: (places, 3) in [-1, 1].
    """
    with_one = torch.cat([latents, torch.ones(len(latents), 1)], dim=1).double()
    damping = _RIDGE * len(latents) * torch.eye(with_one.shape[1], dtype=torch.float64)
    damping[-1, -1] = 0
    solved = torch.linalg.solve(with_one.T @ with_one + damping, with_one.T @ colours.double())
    result: Tensor = solved.float()
    return result


def paint(latents: Tensor, matrix: Tensor) -> Frames:
    """uint8 RGB frames (t, h, w, 3) of latents (16, t, h, w)."""
    colours = torch.einsum("cthw,cd->thwd", latents, matrix[:-1]) + matrix[-1]
    frames: Frames = ((colours.clamp(-1, 1) + 1) * 127.5).round().numpy().astype(np.uint8)
    return frames
