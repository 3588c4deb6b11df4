import torch

from skyreels_a2.pipeline.latent_preview import LatentPreview, fit_colours, paint


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


def test_paint_stays_within_a_picture():
    frames = paint(100 * torch.randn(16, 2, 3, 3), torch.ones(17, 3))
    assert frames.dtype.name == "uint8"
    assert set(frames.reshape(-1)) <= {0, 255}
