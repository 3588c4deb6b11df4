"""Objectives as plain functions: latent flow matching with the reference frames masked.

No device, no progress bar, no model.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

TIMESTEPS = 1000.0
SAMPLERS = ("uniform", "logit-normal", "shifted")


def sample_sigma(
    kind: str, generators: list[Generator], *, shift: float = 3.0, scale: float = 1.0
) -> Tensor:
    """Noise levels in (0, 1), one for each generator.

    Args:
        kind: "uniform"; "logit-normal" (Esser et al., arXiv 2403.03206, section 3.1); or
            "shifted": uniform, then σ' = s·σ / (1 + (s - 1)·σ), as samplers space their steps.
        generators: One a sample, so that a sample's noise does not depend on its batch.
        shift: s of "shifted".
        scale: Deviation of the normal of "logit-normal".
    """
    if kind == "logit-normal":
        normal = torch.cat([torch.randn(1, generator=g) for g in generators])
        return torch.sigmoid(normal * scale)
    uniform = torch.cat([torch.rand(1, generator=g) for g in generators])
    return shift * uniform / (1 + (shift - 1) * uniform) if kind == "shifted" else uniform


def add_noise(latents: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """x_σ = (1 - σ)·x + σ·ε, on the straight path from data to noise."""
    level = sigma.view(-1, 1, 1, 1, 1).to(latents)
    return (1 - level) * latents + level * noise


def velocity(latents: Tensor, noise: Tensor) -> Tensor:
    """What the transformer predicts: ε - x."""
    return noise - latents


def loss_mask(num_references: Tensor, num_latent_frames: int) -> Tensor:
    """Ones on the latent frames that no reference fills.

    The references' frames are thrown away at inference, so nothing is learned there.

    Args:
        num_references: int64 (batch,).
        num_latent_frames: t.

    Returns:
        Shape (batch, 1, t, 1, 1).
    """
    index = torch.arange(num_latent_frames, device=num_references.device)
    return (index >= num_references[:, None]).float()[:, None, :, None, None]


def weighted_mse(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of the squared error of each sample.

    Args:
        prediction: (batch, channels, t, h, w).
        target: Likewise.
        weight: What a place counts, broadcastable to (batch, 1, t, h, w).

    Returns:
        Shape (batch,); 0 where nothing counts.
    """
    error = (prediction.float() - target.float()).square().mean(dim=1, keepdim=True)
    spread = weight.expand_as(error)
    total = (error * spread).sum(dim=(1, 2, 3, 4))
    return total / spread.sum(dim=(1, 2, 3, 4)).clamp_min(1)
