"""Cross-attention to a prompt whose hundreds of padding tokens are taken together.

See `runtime.padding`. It helps small videos only: the tokens of a large one outnumber those of its
prompt.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from diffusers.models.transformers.transformer_wan import WanAttnProcessor
from torch import Tensor

from skyreels_a2.runtime.memo import cross_attend, keys_and_values
from skyreels_a2.runtime.padding import merged_length, padding_bias


@contextmanager
def short_prompts(transformer: Any, prompt: Tensor) -> Iterator[Tensor]:
    """Within it the transformer takes the prompt that is given here.

    Where blocks are computed again for the backward pass, that must be within it, too.

    Args:
        transformer: A `WanTransformer3DModel`.
        prompt: Text embeddings (batch, 512, text_dim) whose padding is zero.

    Yields:
        The prompt without most of its padding: (batch, most words + 1, text_dim).
    """
    words = prompt.ne(0).any(dim=2).sum(dim=1)
    length = merged_length(words, prompt.shape[1])
    processor = _Processor(padding_bias(words, prompt.shape[1]))
    attentions = [block.attn2 for block in transformer.blocks]
    usual = [attention.processor for attention in attentions]
    for attention in attentions:
        attention.set_processor(processor)
    try:
        yield prompt[:, :length]
    finally:
        for attention, own in zip(attentions, usual, strict=True):
            attention.set_processor(own)


class _Processor(WanAttnProcessor):  # type: ignore[misc]  # diffusers has no types
    """Wan's cross-attention with a bias on the text."""

    def __init__(self, bias: Tensor) -> None:
        super().__init__()
        self._bias = bias

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,  # noqa: ARG002  (Wan's is always None here)
        rotary_emb: tuple[Tensor, Tensor] | None = None,  # noqa: ARG002  (Wan's signature)
    ) -> Tensor:
        """Attend from the video to text and pictures."""
        tokens = keys_and_values(attn, encoder_hidden_states, self._bias.shape[-1])
        bias = self._bias.to(hidden_states.dtype)
        return cross_attend(attn, hidden_states, tokens, bias=bias)
