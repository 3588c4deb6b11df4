import numpy as np
import pytest
import torch

from skyreels_a2 import VideoSpec
from skyreels_a2.pipeline.windows import steady_colours, windows_for


@pytest.mark.parametrize(("frames", "references"), [(121, 2), (65, 3), (201, 1), (37, 2)])
def test_windows_cover_every_frame_and_none_is_longer_than_the_model_s(frames, references):
    spec = VideoSpec(32, 32, frames, 15)
    windows = windows_for(spec, references, 33)
    assert windows.num_latent_frames == 9
    seen = {start + i for start in windows.starts for i in range(windows.length)}
    assert seen == set(range(spec.num_latent_frames - references))
    for one, following in zip(windows.starts, windows.starts[1:], strict=False):
        assert one < following < one + windows.length


def test_a_video_that_fits_or_is_full_of_references_has_no_windows():
    assert windows_for(VideoSpec(32, 32, 33, 15), 2, 33) is None
    assert windows_for(VideoSpec(32, 32, 37, 15), 8, 33) is None


def test_a_long_video_sees_no_more_than_one_window_at_once(pipeline, request_of, frames_of):
    asked = request_of(frames=49)
    lengths = []
    hook = pipeline.transformer.register_forward_pre_hook(
        lambda _, args, kwargs: lengths.append(kwargs["hidden_states"].shape[2]), with_kwargs=True
    )
    frames = frames_of(pipeline, asked)
    hook.remove()
    assert frames.shape == (49, 32, 32, 3)
    assert set(lengths) == {5}


def test_the_first_window_s_worth_of_steps_uses_the_same_references_everywhere(
    pipeline, request_of, frames_of
):
    told = []
    hook = pipeline.transformer.register_forward_pre_hook(
        lambda _, args, kwargs: told.append(kwargs["hidden_states"][:, 16:]), with_kwargs=True
    )
    frames_of(pipeline, request_of(frames=33, steps=1, guidance_scale=1.0))
    hook.remove()
    assert len(told) > 2
    assert all(torch.equal(told[0], other) for other in told)


def test_drift_of_colour_is_taken_out_and_references_stay():
    time = torch.linspace(-1, 1, 30).view(1, 1, -1, 1, 1)
    still = torch.randn(1, 16, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    drifting = still.expand(-1, -1, 30, -1, -1) + 0.5 * time
    latents = torch.cat([torch.ones(1, 16, 2, 4, 4), drifting], dim=2)
    steady = steady_colours(latents, 2)
    assert torch.equal(steady[:, :, :2], latents[:, :, :2])
    means = steady[:, :, 2:].mean(dim=(-2, -1))
    assert np.allclose(means.std(dim=-1).numpy(), 0, atol=1e-5)
    torch.testing.assert_close(means.mean(-1), drifting.mean(dim=(2, 3, 4)))
