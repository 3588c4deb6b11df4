import pytest
import torch

from skyreels_a2 import Sampling
from skyreels_a2.conditioning.conditioner import Conditioning
from skyreels_a2.pipeline.guidance import Branch, Guidance
from skyreels_a2.pipeline.latent_preview import LatentPreview, fit_colours, paint
from skyreels_a2.pipeline.sampling import denoise
from skyreels_a2.pipeline.schedulers import adds_noise, make_scheduler


def test_a_linear_picture_is_found_again():
    draw = torch.Generator().manual_seed(0)
    latents = torch.randn(500, 16, generator=draw)
    matrix = torch.randn(17, 3, generator=draw) / 20
    colours = latents @ matrix[:-1] + matrix[-1]
    found = fit_colours(latents, colours)
    assert (latents @ found[:-1] + found[-1] - colours).abs().max() < 0.02


def test_frames_are_shown_every_few_steps_without_the_references(pipeline, request_of, frames_of):
    seen = []
    preview = LatentPreview(2, lambda step, frames: seen.append((step, frames.shape)))
    frames_of(pipeline, request_of(steps=5, frames=9), preview=preview)
    assert seen == [(1, (3, 4, 4, 3)), (3, (3, 4, 4, 3))]


@pytest.mark.parametrize("solver", ["unipc", "euler", "euler-ancestral"])
def test_what_a_step_points_at_is_shown_without_the_noise_that_a_solver_adds(solver):
    clean = torch.randn(1, 16, 2, 4, 4)
    told = Conditioning(torch.empty(1, 512, 8), torch.empty(1, 2, 8), torch.empty(1, 20, 2, 4, 4))
    scheduler = make_scheduler(solver, flow_shift=5.0)
    scheduler.set_timesteps(4)
    seen = []

    def knows(branches, latents, moment):
        return dict.fromkeys(branches, (latents - clean) / moment.sigma)

    denoise(
        knows,
        scheduler,
        Guidance(Sampling(num_inference_steps=4, guidance_scale=1.0)),
        [{Branch.FULL: told}],
        torch.randn(1, 16, 2, 4, 4),
        lambda _step, _timestep, latents: latents,
        seeds=[7] if adds_noise(scheduler) else [],
        on_clean=lambda step, shown: seen.append((step, shown)),
    )
    assert [step for step, _ in seen] == [0, 1, 2, 3]
    for _, shown in seen:
        torch.testing.assert_close(shown, clean, atol=1e-4, rtol=0)


def test_paint_stays_within_a_picture():
    frames = paint(100 * torch.randn(16, 2, 3, 3), torch.ones(17, 3))
    assert frames.dtype.name == "uint8"
    assert set(frames.reshape(-1)) <= {0, 255}
