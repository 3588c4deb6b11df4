"""A lesson in looking: attention from a video to the places in the references that it shows.

A copier must know, for every place of the video, which place of which reference stands there. The
loss of flow matching teaches that late; rendered scenes know it. So some heads are told: their
attention from a token of the video should fall on the reference's tokens round the right place.
The idea is MOSAIC's (arXiv 2509.01977, correspondence-aware alignment); there the places are
matched by a network, here they are the renderer's truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from skyreels_a2.runtime.looks import QUARTERS, Look, rotated

SPREAD = 0.35
"""Deviation of the wanted attention round the right place, in tokens."""
FAINT = 0.25
"""Share of a quarter that one reference must fill; else it is asked nothing."""


def correspondence_loss(
    looks: Sequence[Look], rotary: tuple[Tensor, Tensor], places: Tensor, emphasis: Tensor
) -> Tensor:
    """Cross-entropy between where heads look and where they should.

    Args:
        looks: Of one forward pass.
        rotary: Cosines and sines of the position of every token: (1, tokens, 1, head_dim).
        places: What latents show of the references: (batch, N, 3, t, h, w), see `Example`.
        emphasis: What each latent counts: (batch, t, h, w).

    Returns:
        Shape (batch,), in nats; 0 for a sample of which nothing is known.
    """
    first = places.shape[1] * (places.shape[-1] // 2) * (places.shape[-2] // 2)
    total = torch.zeros(len(places), device=places.device)
    for look, quarter in zip(looks, QUARTERS, strict=False):  # a shallow model has fewer blocks
        wanted, weight = targets(places, emphasis, quarter)
        turned = rotated(look.query, rotary)[:, first:], rotated(look.key, rotary)
        logits = turned[0] @ turned[1].transpose(1, 2) * look.query.shape[-1] ** -0.5
        surprise = torch.logsumexp(logits, 2) - (wanted * logits[..., :first]).sum(2)
        total = total + (surprise * weight).sum(1) / weight.sum(1).clamp_min(1e-6)
    return total / len(looks)


def targets(
    places: Tensor, emphasis: Tensor, quarter: tuple[int, int] = (0, 0)
) -> tuple[Tensor, Tensor]:
    """Where the tokens of a video should look for one of their quarters.

    Args:
        places: (batch, N, 3, t, h, w).
        emphasis: (batch, t, h, w).
        quarter: Row and column of the latent within its token, 0 or 1.

    Returns:
        Shares (batch, video tokens, reference tokens), each token's sum is 1, and what a token
        counts (batch, video tokens). The first N latent frames are the references.
    """
    count = places.shape[1]
    row, column = quarter
    quarters = places[:, :, :, count:, row::2, column::2]
    height, width = quarters.shape[-2:]
    seen = quarters.flatten(3).transpose(1, 3)  # (batch, tokens, 3, N)
    share, which = seen[:, :, 0].max(2)
    own = seen.gather(3, which[:, :, None, None].expand(-1, -1, 3, -1))[..., 0]
    across, down = own[..., 1:].unbind(2)
    bells = _bell(down / share.clamp_min(1e-6), height)[..., None] * _bell(
        across / share.clamp_min(1e-6), width
    ).unsqueeze(2)
    bells = bells / bells.sum((2, 3), keepdim=True)
    of_reference = torch.nn.functional.one_hot(which, count).to(bells)
    wanted = (of_reference[..., None, None] * bells[:, :, None]).flatten(2)
    weight = emphasis[:, count:, row::2, column::2].flatten(1) * share * (share > FAINT)
    return wanted, weight


def _bell(place: Tensor, tokens: int) -> Tensor:
    """Gaussians over a row of tokens: (batch, n, tokens). Far outside it is the nearest token."""
    middles = torch.arange(tokens, device=place.device) + 0.5
    centre = (place * tokens).clamp(0, tokens)
    return (-((middles - centre[..., None]) ** 2) / (2 * SPREAD**2)).exp()
