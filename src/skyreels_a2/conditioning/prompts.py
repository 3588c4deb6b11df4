"""Prompts before the text encoder: cleaned, counted, and told when too long.

The tokenizer is any transformers tokenizer; nothing here knows of the text encoder.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from diffusers.pipelines.wan.pipeline_wan import prompt_clean

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

TEXT_LENGTH = 512
"""Tokens of every prompt. diffusers' Wan transformer tells image tokens from text tokens by this
number, so that any other length would be split wrongly without an error."""


def clean_prompt(prompt: str) -> str:
    """Mend encoding slips, unescape HTML and collapse white space, as Wan 2.1 does."""
    return str(prompt_clean(prompt))


def lost_text(tokenizer: Any, prompt: str) -> str:
    """The end of a prompt that does not fit into 512 tokens; empty if it fits."""
    ids: list[int] = tokenizer(clean_prompt(prompt), add_special_tokens=False).input_ids
    kept = TEXT_LENGTH - tokenizer.num_special_tokens_to_add()
    return str(tokenizer.decode(ids[kept:])).strip()


def tokenize(tokenizer: Any, prompt: str) -> tuple[Tensor, Tensor]:
    """Tokens of a prompt, padded to 512; warns with the words that were cut off.

    Returns:
        Token ids and attention mask, both int64 of shape (1, 512).
    """
    if lost := lost_text(tokenizer, prompt):
        shown = lost if len(lost) <= 200 else f"{lost[:200]}…"
        logger.warning(
            "the prompt is longer than %d tokens and was cut off; lost: “%s”", TEXT_LENGTH, shown
        )
    tokens = tokenizer(
        clean_prompt(prompt),
        padding="max_length",
        max_length=TEXT_LENGTH,
        truncation=True,
        return_attention_mask=True,
        return_tensors="pt",
    )
    return tokens.input_ids, tokens.attention_mask
