"""A prompt's padding taken together: one token whose logit counts for all of them.

A prompt has 512 tokens, most of them padding: equal, hence with equal keys and equal values in
every block. Attending to one of them whose logit is raised by the logarithm of their number is the
same (softmax is a sum of exponentials).
"""

from __future__ import annotations

import torch
from torch import Tensor


def count_words(tokens: Tensor) -> Tensor:
    """Tokens before the run of equal ones at the end of each row of (batch, length, width)."""
    differs = tokens.ne(tokens[:, -1:]).any(dim=2)
    place = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
    return (differs * place).amax(dim=1)


def merged_length(words: Tensor, padded: int) -> int:
    """Tokens that are left of `padded`: the most words of a row, and one for its padding."""
    return min(int(words.max()) + 1, padded)


def padding_bias(words: Tensor, padded: int) -> Tensor:
    """What is added to the logits of the tokens left: shape (batch, 1, 1, merged length).

    Args:
        words: Tokens of each row before its padding.
        padded: Tokens of each row with it.
    """
    place = torch.arange(merged_length(words, padded), device=words.device)
    rest = (padded - words)[:, None].clamp_min(1).log()
    bias = torch.where(place == words[:, None], rest, 0.0)
    return bias.masked_fill(place > words[:, None], -torch.inf)[:, None, None]
