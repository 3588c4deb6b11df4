"""`RequestMemo`: what does not change from step to step is computed once per request.

Of a Wan transformer these are the embedded text and picture tokens, the keys and values that
every block makes of them, and the rotary tables. The numbers are the same ones, kept instead of
made again. diffusers' own text K/V cache knows another model's blocks only.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from diffusers.hooks import HookRegistry, ModelHook
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_wan import WanAttention, WanAttnProcessor
from torch import Tensor

from skyreels_a2.errors import ModelError
from skyreels_a2.runtime.looks import like
from skyreels_a2.runtime.padding import count_words, padding_bias

_TEXT_LENGTH = 512
_HOOK = "skyreels_a2_request_memo"
KeysAndValues: TypeAlias = tuple[Tensor, Tensor, Tensor | None, Tensor | None]


class RequestMemo:
    """Keeps a transformer's unchanging tensors; `clear` it before every request.

    Args:
        transformer: A `WanTransformer3DModel`.
        merge_padding: Also take a prompt's padding together (`runtime.padding`): the same sums,
            in another order. Its bias is for torch's own attention only.

    Raises:
        ModelError: Its cross-attention is not the one that diffusers gives Wan.
    """

    def __init__(self, transformer: Any, *, merge_padding: bool = False) -> None:
        self.merge_padding = merge_padding
        self._name: str | None = None
        self._kept: dict[tuple[str, Hashable], Any] = {}
        self._transformer = transformer
        self._replaced: list[tuple[WanAttention, Any]] = []
        self._attach()

    @contextmanager
    def told(self, name: str) -> Iterator[None]:
        """Say what the transformer is told in this pass: equal names, equal text and pictures."""
        self._name = name
        try:
            yield
        finally:
            self._name = None

    def keep(self, owner: Hashable, make: Callable[[], Any]) -> Any:
        """The tensors of one module in this pass; made on first use."""
        if self._name is None:
            return make()
        key = (self._name, owner)
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def clear(self) -> None:
        """Forget all tensors: another request comes."""
        self._kept.clear()

    @property
    def num_bytes(self) -> int:
        """Memory held."""
        tensors = [
            tensor
            for kept in self._kept.values()
            for tensor in (kept if isinstance(kept, tuple) else (kept,))
            if isinstance(tensor, Tensor)
        ]
        storages = [tensor.untyped_storage() for tensor in tensors]
        return sum({s._cdata: s.nbytes() for s in storages}.values())  # noqa: SLF001  (its address)

    def detach(self) -> None:
        """Take everything off the transformer again."""
        self.clear()
        for attention, processor in self._replaced:
            attention.set_processor(processor)
        for module in self._hooked():
            # diffusers keeps its hooks to itself.
            module._diffusers_hook.remove_hook(_HOOK, recurse=False)  # noqa: SLF001

    def _attach(self) -> None:
        for block in self._transformer.blocks:
            attention = block.attn2
            if type(attention.processor) is not WanAttnProcessor:
                found = type(attention.processor).__name__
                raise ModelError(f"cross-attention runs by {found}: only Wan's own can be memoised")
            self._replaced.append((attention, attention.processor))
            attention.set_processor(like(attention.processor, _MemoProcessor(self)))
        for module in self._hooked():
            registry = HookRegistry.check_if_exists_or_initialize(module)
            registry.register_hook(_KeepOutput(self), _HOOK)

    def _hooked(self) -> list[Any]:
        embedder = self._transformer.condition_embedder
        modules = [embedder.text_embedder, embedder.image_embedder, self._transformer.rope]
        return [module for module in modules if module is not None]


class _KeepOutput(ModelHook):  # type: ignore[misc]  # diffusers has no types
    """Gives a module's first output of a pass again."""

    def __init__(self, memo: RequestMemo) -> None:
        super().__init__()
        self._memo = memo

    def new_forward(self, module: Any, *args: Any, **kwargs: Any) -> Any:
        """In the place of the module's own."""
        # The rotary tables depend on the shape of the window.
        owner = (id(module), tuple(args[0].shape))
        return self._memo.keep(owner, lambda: self.fn_ref.original_forward(*args, **kwargs))


class _MemoProcessor(WanAttnProcessor):  # type: ignore[misc]  # diffusers has no types
    """Wan's cross-attention with its keys and values kept."""

    def __init__(self, memo: RequestMemo) -> None:
        super().__init__()
        self._memo = memo

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,  # noqa: ARG002  (Wan's is always None here)
        rotary_emb: tuple[Tensor, Tensor] | None = None,  # noqa: ARG002  (Wan's signature)
    ) -> Tensor:
        """Attend from the video to text and pictures."""
        kept, bias = self._told(attn, encoder_hidden_states, hidden_states.dtype)
        return cross_attend(attn, hidden_states, kept, bias=bias, backend=self._attention_backend)

    # Blocks share one compiled form, but each has an entry of its own here.
    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch does not type it
    def _told(
        self, attn: Any, tokens: Tensor | None, dtype: torch.dtype
    ) -> tuple[KeysAndValues, Tensor | None]:
        """Keys and values, and a bias on the text's logits where its padding is taken together."""
        if not self._memo.merge_padding:
            return self._memo.keep(id(attn), lambda: keys_and_values(attn, tokens)), None
        merged, bias = self._memo.keep("merged", lambda: _merged(tokens, dtype))
        length = bias.shape[-1]
        return self._memo.keep(id(attn), lambda: keys_and_values(attn, merged, length)), bias


def _merged(tokens: Tensor | None, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Pictures and text with its padding taken together, and the bias on the text's logits."""
    assert tokens is not None  # noqa: S101  (cross-attention always has them)
    words = count_words(tokens[:, -_TEXT_LENGTH:])
    bias = padding_bias(words, _TEXT_LENGTH).to(dtype)
    return tokens[:, : tokens.shape[1] - _TEXT_LENGTH + bias.shape[-1]], bias


def cross_attend(
    attn: Any,
    hidden_states: Tensor,
    tokens: KeysAndValues,
    *,
    bias: Tensor | None = None,
    backend: Any = None,
) -> Tensor:
    """From the video to text, with a bias on its logits if one is given, and to pictures."""
    query = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1))
    key, value, image_key, image_value = tokens
    attended = dispatch_attention_fn(query, key, value, attn_mask=bias, backend=backend)
    if image_key is not None:
        attended = attended + dispatch_attention_fn(query, image_key, image_value, backend=backend)
    output: Tensor = attn.to_out[1](attn.to_out[0](attended.flatten(2, 3).type_as(query)))
    return output


def keys_and_values(
    attn: Any, tokens: Tensor | None, text_length: int = _TEXT_LENGTH
) -> KeysAndValues:
    """Of the text at the end of the tokens, and of the pictures before it."""
    assert tokens is not None  # noqa: S101  (cross-attention always has them)
    pictures, text = tokens[:, :-text_length], tokens[:, -text_length:]
    heads = (attn.heads, -1)
    key = attn.norm_k(attn.to_k(text)).unflatten(2, heads)
    value = attn.to_v(text).unflatten(2, heads)
    if attn.add_k_proj is None:
        return key, value, None, None
    image_key = attn.norm_added_k(attn.add_k_proj(pictures)).unflatten(2, heads)
    return key, value, image_key, attn.add_v_proj(pictures).unflatten(2, heads)


def fuse_self_attention(transformer: Any) -> None:
    """One matrix for query, key and value of every self-attention, in the place of three.

    diffusers fuses and keeps the three; here they go, so that memory stays what it was. The
    transformer can then neither be saved nor take LoRAs.
    """
    with torch.no_grad():
        for block in transformer.blocks:
            block.attn1.fuse_projections()
            del block.attn1.to_q, block.attn1.to_k, block.attn1.to_v
