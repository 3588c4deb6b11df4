import pytest
import torch
from diffusers import AutoencoderKLWan

from skyreels_a2.conditioning.spatial import denormalize
from skyreels_a2.pipeline.decode import stream_decode


def whole(vae, latents):
    with torch.no_grad():
        return vae.decode(denormalize(vae, latents)).sample[0].transpose(0, 1)


@pytest.fixture(params=["whole pixels", "patches of pixels"])
def vae(request, own_pipeline):
    if request.param == "whole pixels":
        return own_pipeline.vae
    torch.manual_seed(0)
    return AutoencoderKLWan(
        base_dim=8,
        dim_mult=[1, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[True, True],
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_spatial=8,
    )


@pytest.mark.parametrize("frames", [1, 2, 6])
def test_streaming_equals_the_whole_decode(vae, frames):
    latents = torch.randn(1, 16, frames, 4, 6, generator=torch.Generator().manual_seed(0))
    pieces = list(stream_decode(vae, latents))
    assert [len(piece) for piece in pieces] == [1] + [4] * (frames - 1)
    assert pieces[0].shape[1:] == (3, 32, 48)
    assert (torch.cat(pieces) - whole(vae, latents)).abs().max() <= 2 / 255


@pytest.mark.parametrize("size", [(12, 20), (8, 9), (7, 16)])
def test_streaming_in_tiles_equals_diffusers_whole_tiled_decode(vae, size):
    vae.enable_tiling(
        tile_sample_min_height=64,
        tile_sample_min_width=64,
        tile_sample_stride_height=48,
        tile_sample_stride_width=48,
    )
    latents = torch.randn(1, 16, 3, *size, generator=torch.Generator().manual_seed(0))
    streamed = torch.cat(list(stream_decode(vae, latents)))
    assert streamed.shape[-2:] == (size[0] * 8, size[1] * 8)
    assert (streamed - whole(vae, latents)).abs().max() <= 2 / 255


def test_two_streams_at_once_do_not_disturb_each_other(pipeline):
    first, second = torch.randn(2, 1, 16, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    pairs = zip(
        stream_decode(pipeline.vae, first), stream_decode(pipeline.vae, second), strict=True
    )
    together = torch.cat([piece for piece, _ in pairs])
    assert torch.equal(together, torch.cat(list(stream_decode(pipeline.vae, first))))
