"""Attention on CPUs in bfloat16.

torch's fused kernel is slow where a CPU has bfloat16 products but no matrix tiles: on one core of
such a one (16 videos of 540 tokens, 3 heads of 64, forward and backward) self-attention took
158 ms by it and 76 by plain products, and attention to a prompt 35 and 10. CPUs with such tiles
were not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def plain_attention() -> Iterator[None]:
    """Within it attention is products and a softmax, kept in the precision of its inputs."""
    cuda = torch.backends.cuda  # the switch is kept there, for CPUs too
    # torch has no types for it.
    before = cuda.fp16_bf16_reduction_math_sdp_allowed()  # type: ignore[no-untyped-call]
    cuda.allow_fp16_bf16_reduction_math_sdp(enabled=True)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        cuda.allow_fp16_bf16_reduction_math_sdp(enabled=before)
