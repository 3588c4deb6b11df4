import pytest
import torch

from skyreels_a2.runtime.counting import weight_bytes
from skyreels_a2.runtime.quantise import store_in


def run(transformer):
    draw = torch.Generator().manual_seed(0)
    config = transformer.config
    with torch.no_grad():
        return transformer(
            hidden_states=torch.randn(1, 36, 3, 4, 4, generator=draw),
            timestep=torch.tensor([500.0]),
            encoder_hidden_states=torch.randn(1, 512, config.text_dim, generator=draw),
            encoder_hidden_states_image=torch.randn(1, 34, config.image_dim, generator=draw),
            return_dict=False,
        )[0]


@pytest.mark.parametrize("storage", ["fp8", "int8"])
def test_smaller_weights_give_nearly_the_same(own_pipeline, storage):
    if storage == "int8":
        pytest.importorskip("torchao", reason="the extra quantize is not installed")
    transformer = own_pipeline.transformer
    exact, whole = run(transformer), weight_bytes(transformer)
    store_in(storage, transformer)
    close = run(transformer)
    error = (close - exact).norm() / exact.norm()
    assert 0 < error < 0.1
    assert weight_bytes(transformer) < 0.7 * whole
