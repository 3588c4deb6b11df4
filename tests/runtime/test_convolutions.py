import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.profiler import profile

from skyreels_a2.runtime.convolutions import channels_last, onednn_convolutions


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch without oneDNN")
@torch.no_grad()
def test_a_vae_gives_the_same_without_the_slow_convolution(pipeline):
    vae = pipeline.vae
    video = torch.rand(1, 3, 9, 32, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = vae.decode(vae.encode(video).latent_dist.mode()).sample
    with profile() as seen, onednn_convolutions():
        found = vae.decode(vae.encode(video).latent_dist.mode()).sample
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert not [event for event in seen.events() if "slow_conv3d" in event.name]


@pytest.mark.parametrize("shape", [(1, 4, 3, 8, 8), (2, 4, 3, 8, 8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_any_convolution_works_within_it(shape, dtype):
    convolution = torch.nn.Conv3d(4, 6, (3, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0)).to(dtype)
    video = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    with onednn_convolutions():
        found = convolution(video)
    tolerance = 1e-2 if dtype is torch.bfloat16 else 1e-5
    torch.testing.assert_close(found, convolution(video), atol=tolerance, rtol=tolerance)


def test_shapes_can_be_counted_without_computing():
    with FakeTensorMode():
        convolution = torch.nn.Conv3d(4, 6, 3)
        video = torch.empty(1, 4, 5, 8, 8)
        with onednn_convolutions():
            assert convolution(video).shape == (1, 6, 3, 6, 6)


def test_channels_last_changes_the_layout_alone(own_pipeline):
    vae = own_pipeline.vae
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    channels_last(vae)
    for name, value in vae.state_dict().items():
        assert torch.equal(value, before[name])
    kernels = [p for p in vae.parameters() if p.ndim == 5]
    assert all(p.is_contiguous(memory_format=torch.channels_last_3d) for p in kernels)
