import torch
from torch.nn.functional import scaled_dot_product_attention

from skyreels_a2.runtime.attention import plain_attention


def test_it_attends_as_torch_does_and_leaves_its_switches_alone():
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, 40, 16, generator=generator).bfloat16()
    usual = scaled_dot_product_attention(query.float(), key.float(), value.float())
    with plain_attention():
        found = scaled_dot_product_attention(query, key, value)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), usual, atol=0.03, rtol=0.03)
    assert not torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
    assert torch.backends.cuda.flash_sdp_enabled()
