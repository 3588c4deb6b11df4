"""Text branch: a prompt becomes exactly 512 embeddings of the umT5 encoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from skyreels_a2.conditioning.prompts import tokenize


def encode_text(
    tokenizer: Any, text_encoder: Any, prompt: str, *, device: torch.device | None = None
) -> Tensor:
    """Embed one prompt, with the embeddings of the padding zeroed (Wan 2.1).

    Args:
        tokenizer: The umT5 tokenizer.
        text_encoder: A `UMT5EncoderModel`.
        prompt: Any text; cleaned here, cut at 512 tokens with a warning.
        device: Where the encoder runs; its own device by default.

    Returns:
        Shape (1, 512, text_dim).
    """
    ids, mask = (t.to(device or text_encoder.device) for t in tokenize(tokenizer, prompt))
    embeds: Tensor = text_encoder(ids, mask).last_hidden_state
    return embeds * mask.unsqueeze(-1).to(embeds.dtype)
