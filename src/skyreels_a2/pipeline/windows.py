"""Videos longer than the model's window: overlapping windows that all see the references.

Every window is what the model was trained on: the references' latent frames, then as many frames
of the video as fit. At each step the velocities of the windows are blended where they overlap, by
weights that fall towards a window's ends (MultiDiffusion, arXiv 2302.08113, equation 5, along
time). The references stand before the video once, as in a short one, and are cut off by the
decoder, so that they never flash up. Memory of a pass is that of one window at any length.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from skyreels_a2.pipeline.guidance import Branch
from skyreels_a2.pipeline.sampling import Branches, Moment, Predictor
from skyreels_a2.video import TIME_STEP, VideoSpec

OVERLAP = 0.25
"""Share of a window's video frames that the next one sees too."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Where the windows of a long video lie.

    Attributes:
        num_references: Latent frames before the video that every window begins with.
        length: Latent frames of the video in a window.
        starts: First latent frame of each, counted from the end of the references.
    """

    num_references: int
    length: int
    starts: tuple[int, ...]

    @property
    def num_latent_frames(self) -> int:
        """Of one window, references included."""
        return self.num_references + self.length

    def spec(self, spec: VideoSpec) -> VideoSpec:
        """The spec of one window of a video."""
        return replace(spec, num_frames=(self.num_latent_frames - 1) * TIME_STEP + 1)


def windows_for(spec: VideoSpec, num_references: int, window_frames: int) -> Windows | None:
    """Windows over a video, or None where it fits into one or the references fill it.

    Args:
        spec: What is sampled, reference frames included.
        num_references: Reference i fills latent frame i.
        window_frames: Frames that the model was made for.
    """
    if spec.num_frames <= window_frames:
        return None
    length = (window_frames - 1) // TIME_STEP + 1 - num_references
    if length < 2:
        # No room to overlap: the model has to see it all at once.
        return None
    total = spec.num_latent_frames - num_references
    stride = max(1, length - max(1, round(OVERLAP * length)))
    starts = [*range(0, total - length, stride), total - length]
    return Windows(num_references, length, tuple(starts))


class Windowed:
    """Predicts a long video window by window.

    Args:
        inner: Predicts one window.
        windows: Where they lie.
    """

    def __init__(self, inner: Predictor, windows: Windows) -> None:
        self._inner = inner
        self._windows = windows

    def __call__(self, told: Branches, latents: Tensor, moment: Moment) -> dict[Branch, Tensor]:
        """Blended velocities of the branches.

        Args:
            told: What the transformer is told of *one window*.
            latents: (1, 16, t, h, w) of the whole video, references first.
            moment: See `Moment`.
        """
        own = self._windows
        weights = _weights(own.length, device=latents.device)
        sums = {branch: torch.zeros_like(latents) for branch in told}
        total = torch.zeros(latents.shape[2], device=latents.device)
        references = slice(0, own.num_references)
        for start in own.starts:
            first = own.num_references + start
            place = slice(first, first + own.length)
            part = torch.cat([latents[:, :, references], latents[:, :, place]], dim=2)
            scope = f"{moment.scope}.{start}"
            for branch, velocity in self._inner(told, part, replace(moment, scope=scope)).items():
                velocity_of_video = velocity[:, :, own.num_references :] * _over_time(weights)
                sums[branch][:, :, references] += velocity[:, :, references]
                sums[branch][:, :, place] += velocity_of_video
            total[references] += 1
            total[place] += weights
        return {branch: value / _over_time(total) for branch, value in sums.items()}


def steady_colours(latents: Tensor, num_references: int) -> Tensor:
    """Take the drift of colour out of a long video's latents.

    The mean of each channel over a frame may wander and come back, as a scene does; its straight
    line over the whole video is drift, and is taken out so that the middle keeps its value.

    Args:
        latents: (1, 16, t, h, w), references first.
        num_references: Latent frames that are left alone.
    """
    video = latents[:, :, num_references:]
    means = video.mean(dim=(-2, -1))
    time = torch.linspace(-1, 1, means.shape[-1], device=latents.device, dtype=latents.dtype)
    slope = (means * time).sum(-1, keepdim=True) / (time * time).sum()
    steady = video - (slope * time)[..., None, None]
    return torch.cat([latents[:, :, :num_references], steady], dim=2)


def _weights(length: int, *, device: torch.device) -> Tensor:
    """A triangle over a window; never 0."""
    rising = torch.arange(1, length + 1, device=device, dtype=torch.float32)
    return torch.minimum(rising, rising.flip(0))


def _over_time(values: Tensor) -> Tensor:
    return values.view(1, 1, -1, 1, 1)
