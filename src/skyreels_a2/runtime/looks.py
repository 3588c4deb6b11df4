"""Heads that look: which places of the references each place of a video attends to.

Training teaches some heads where to look (`training.correspondence`), and sampling may draw what
it makes to what they look at (`pipeline.appearance`). Both read their queries and keys here.
"""

from __future__ import annotations

from typing import Any

from diffusers.models.embeddings import apply_rotary_emb
from diffusers.models.transformers.transformer_wan import WanAttnProcessor
from torch import Tensor

QUARTERS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Rows and columns of the latents of a token, by taught block."""
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
        if attn.fused_projections:
            query, key, _ = attn.to_qkv(hidden_states).chunk(3, dim=-1)
        else:
            query, key = attn.to_q(hidden_states), attn.to_k(hidden_states)
        size = attn.inner_dim // attn.heads
        part = slice(HEAD * size, (HEAD + 1) * size)
        self.query, self.key = attn.norm_q(query)[..., part], attn.norm_k(key)[..., part]
        attended: Tensor = super().__call__(attn, hidden_states, *rest, **more)
        return attended

    def forget(self) -> None:
        """Let go of the last pass."""
        for name in ("query", "key"):
            self.__dict__.pop(name, None)

    @property
    def seen(self) -> bool:
        """Whether there was a pass since the last was forgotten."""
        return "key" in self.__dict__


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
            attention.set_processor(like(attention.processor, Look()))
    return [attention.processor for attention in attentions]


def rotated(tokens: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    """Positions turned into (batch, tokens, head_dim); pairs lie side by side, as Wan has them."""
    cos, sin = (table[0, :, 0] for table in rotary)
    turned: Tensor = apply_rotary_emb(tokens[:, None].float(), (cos, sin))[:, 0]
    return turned


def like(old: Any, new: Any) -> Any:
    """Attention backend and parallel setting go over to the new processor."""
    new._attention_backend = old._attention_backend  # noqa: SLF001  (diffusers sets them so)
    new._parallel_config = old._parallel_config  # noqa: SLF001  (likewise)
    return new
