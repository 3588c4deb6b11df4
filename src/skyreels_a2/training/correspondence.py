"""A lesson in looking: attention from a video to the places in the references that it shows.

A copier must know, for every place of the video, which place of which reference stands there. The
loss of flow matching teaches that late; rendered scenes know it. So some heads are told: their
attention from a token of the video should fall on the reference's tokens round the right place.
The idea is MOSAIC's (arXiv 2509.01977, correspondence-aware alignment); there the places are
matched by a network, here they are the renderer's truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.transformers.transformer_wan import WanAttnProcessor
from torch import Tensor

QUARTERS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Rows and columns of the latents of a token, by taught block."""
SPREAD = 0.35
"""Deviation of the wanted attention round the right place, in tokens."""
FAINT = 0.25
"""Share of a quarter that one reference must fill; else it is asked nothing."""
HEAD = 0
"""The head of a block that is taught; the others look where they like."""


class Look(WanAttnProcessor):  # type: ignore[misc]  # diffusers has no types
    """Wan's self-attention, which leaves what its taught head looks with.

    A processor and no hook, since compiled blocks do not call hooks.

    Attributes:
        query, key: Of the last pass, before the rotary embedding: (batch, tokens, head_dim).
    """

    query: Tensor
    key: Tensor

    def __call__(self, attn: Any, hidden_states: Tensor, *rest: Any, **more: Any) -> Tensor:
        """Attend; compiled, the projections here are those of the attention itself."""
        size = attn.inner_dim // attn.heads
        part = slice(HEAD * size, (HEAD + 1) * size)
        self.query = attn.norm_q(attn.to_q(hidden_states))[..., part]
        self.key = attn.norm_k(attn.to_k(hidden_states))[..., part]
        attended: Tensor = super().__call__(attn, hidden_states, *rest, **more)
        return attended


def taught_blocks(transformer: Any) -> list[Any]:
    """The blocks whose attention is taught: four from three eighths of the depth on."""
    blocks, count = transformer.blocks, len(transformer.blocks)
    first = count * 3 // 8
    return list(blocks[first : first + len(QUARTERS)])


def watch(transformer: Any) -> list[Look]:
    """What the taught heads look with from the next forward pass on, one a block.

    The processors stay: blocks that are computed again for the backward pass must meet the same.
    """
    attentions = [block.attn1 for block in taught_blocks(transformer)]
    for attention in attentions:
        if not isinstance(attention.processor, Look):
            attention.set_processor(Look())
    return [attention.processor for attention in attentions]


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
        turned = _rotated(look.query, rotary)[:, first:], _rotated(look.key, rotary)
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


def _rotated(tokens: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Positions turned into (batch, tokens, head_dim); pairs lie side by side, as Wan has them."""
    cos, sin = (table[0, :, 0] for table in rotary)
    turned: Tensor = apply_rotary_emb(tokens[:, None].float(), (cos, sin))[:, 0]
    return turned
