from contextlib import nullcontext

import pytest
import torch
from diffusers import AutoencoderKLWan
from torch.utils.flop_counter import FlopCounterMode

from skyreels_a2.training.inflation import fix_posterior, inflate, single_pictures


@pytest.fixture
def vae():
    torch.manual_seed(0)
    fresh = AutoencoderKLWan(base_dim=8, dim_mult=[1, 1, 2, 2], num_res_blocks=1).eval()
    inflate(fresh)
    fix_posterior(fresh, std=0.1)
    return fresh


@torch.no_grad()
def test_an_inflated_vae_treats_the_frames_it_keeps_as_single_pictures(vae):
    video = torch.rand(1, 3, 9, 16, 24) * 2 - 1
    together = vae.encode(video).latent_dist.mean
    # The newest frame of each group of four is what the temporal resamplers pass on.
    alone = [vae.encode(video[:, :, i : i + 1]).latent_dist.mean for i in (0, 4, 8)]
    torch.testing.assert_close(together, torch.cat(alone, dim=2), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_decoded_groups_repeat_their_picture(vae):
    latents = torch.randn(1, 16, 3, 2, 3)
    video = vae.decode(latents).sample
    for index, start in ((1, 1), (2, 5)):
        picture = vae.decode(latents[:, :, index : index + 1]).sample
        for frame in range(start, start + 4):
            torch.testing.assert_close(
                video[:, :, frame : frame + 1], picture, atol=1e-5, rtol=1e-4
            )


@torch.no_grad()
def test_the_posterior_has_one_deviation_everywhere(vae):
    posterior = vae.encode(torch.rand(1, 3, 5, 16, 16)).latent_dist
    torch.testing.assert_close(posterior.std, torch.full_like(posterior.std, 0.1))
    assert posterior.mean.std() > 0


def test_single_pictures_are_the_same_at_a_third_of_the_cost(vae):
    for parameter in vae.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    pictures = torch.rand(2, 3, 1, 16, 24) * 2 - 1
    results, operations = [], []
    for within in (nullcontext(), single_pictures()):
        vae.zero_grad()
        with FlopCounterMode(display=False) as counter, within:
            decoded = vae.decode(vae.encode(pictures).latent_dist.mean).sample
        decoded.square().mean().backward()
        gradients = [p.grad for p in vae.parameters() if p.grad is not None]
        results.append([decoded, *gradients])
        operations.append(counter.get_total_flops())
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)
    assert operations[1] < 0.5 * operations[0]
