import pytest

from skyreels_a2.runtime.counting import weight_bytes
from skyreels_a2.runtime.quantise import store_in


@pytest.mark.parametrize("storage", ["fp8", "int8"])
def test_smaller_weights_give_nearly_the_same(own_pipeline, velocity_of, storage):
    if storage == "int8":
        pytest.importorskip("torchao", reason="the extra quantize is not installed")
    transformer = own_pipeline.transformer
    exact, whole = velocity_of(transformer), weight_bytes(transformer)
    store_in(storage, transformer)
    close = velocity_of(transformer)
    error = (close - exact).norm() / exact.norm()
    assert 0 < error < 0.1
    assert weight_bytes(transformer) < 0.7 * whole
