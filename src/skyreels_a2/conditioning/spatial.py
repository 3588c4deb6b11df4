"""Spatial branch: what the references *look like*, laid on the time axis before the VAE.

One rule stands for every number of references: *reference i fills latent frame i*. The causal VAE
maps pixel frame 0 to latent frame 0 and each further group of four to one more. So the first
reference is one pixel frame, each further one four, zeros follow, and the mask is ones on the
first N latent frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from skyreels_a2.errors import CompositionError
from skyreels_a2.video import TIME_STEP, VideoSpec

MASK_CHANNELS = 4


def picture_tensor(picture: Image) -> Tensor:
    """An RGB picture as float32 of shape (3, height, width) in [-1, 1]."""
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    planes = pixels.view(picture.height, picture.width, 3).permute(2, 0, 1)
    return planes.float() / 127.5 - 1.0


def check_layout(num_references: int, spec: VideoSpec) -> None:
    """Make sure that every reference has a latent frame and one is left for the video.

    Raises:
        CompositionError: Too many references for that many frames.
    """
    if num_references >= spec.num_latent_frames:
        least = TIME_STEP * num_references + 1
        raise CompositionError(
            f"{num_references} references fill the first {TIME_STEP * num_references} frames and "
            f"leave nothing of {spec.num_frames}: sample at least {least} frames"
        )


def reference_video(pictures: Sequence[Tensor], spec: VideoSpec) -> Tensor:
    """Lay fitted references on the time axis.

    Args:
        pictures: N tensors of shape (3, height, width) in [-1, 1], fitted to the spec.
        spec: The video that is sampled.

    Returns:
        Shape (1, 3, num_frames, height, width); zeros behind the references.
    """
    video = torch.zeros(1, 3, spec.num_frames, spec.height, spec.width)
    for index, picture in enumerate(pictures):
        # Latent frame 0 is pixel frame 0; latent frame i is the four pixel frames that end at 4i.
        first = 0 if index == 0 else TIME_STEP * (index - 1) + 1
        video[0, :, first : TIME_STEP * index + 1] = picture.unsqueeze(1)
    return video


def held_videos(pictures: Sequence[Tensor], spec: VideoSpec, num_latent_frames: int) -> Tensor:
    """Every reference a video of its own in which nothing moves, and zeros as the last.

    Args:
        pictures: As for `reference_video`.
        spec: Its size is taken.
        num_latent_frames: Latent frames of each.

    Returns:
        Shape (N + 1, 3, frames, height, width).
    """
    blank = torch.zeros(3, spec.height, spec.width)
    stills = torch.stack([*pictures, blank])[:, :, None]
    return stills.expand(-1, -1, TIME_STEP * (num_latent_frames - 1) + 1, -1, -1)


def reference_mask(num_references: int, latent_shape: Sequence[int]) -> Tensor:
    """Ones on the latent frames that references fill.

    Args:
        num_references: N.
        latent_shape: (frames, height, width) of the latents.

    Returns:
        Shape (1, 4, frames, height, width).
    """
    mask = torch.zeros(1, MASK_CHANNELS, *latent_shape)
    mask[:, :, :num_references] = 1.0
    return mask


def normalize(vae: Any, latents: Tensor) -> Tensor:
    """Latents of the VAE, brought to zero mean and unit deviation per channel."""
    mean, std = _statistics(vae, latents)
    # The released code multiplies by the reciprocal; dividing differs in the last bit.
    return (latents - mean) * (1.0 / std)


def denormalize(vae: Any, latents: Tensor) -> Tensor:
    """The inverse of `normalize`."""
    mean, std = _statistics(vae, latents)
    return latents / (1.0 / std) + mean


def _statistics(vae: Any, latents: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = (
        torch.tensor(values).view(1, -1, 1, 1, 1).to(latents)
        for values in (vae.config.latents_mean, vae.config.latents_std)
    )
    return mean, std
