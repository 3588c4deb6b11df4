import pytest
import torch

from skyreels_a2.pipeline.schedulers import flow_shift_of, make_scheduler
from skyreels_a2.request import SCHEDULERS


@pytest.mark.parametrize("name", SCHEDULERS)
def test_solving_a_straight_flow_ends_at_the_data(name):
    """For a flow whose velocity is noise - data, every solver must arrive at the data."""
    torch.manual_seed(0)
    data, noise = torch.randn(2, 1, 16, 2, 4, 4)
    scheduler = make_scheduler(name, flow_shift=8.0)
    scheduler.set_timesteps(10)
    latents = noise
    for timestep in scheduler.timesteps:
        latents = scheduler.step(noise - data, timestep, latents, return_dict=False)[0]
    torch.testing.assert_close(latents, data, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_larger_shift_stays_longer_at_high_noise(name):
    middles = []
    for shift in (1.0, 8.0):
        scheduler = make_scheduler(name, flow_shift=shift)
        assert flow_shift_of(scheduler) == shift
        scheduler.set_timesteps(10)
        middles.append(float(scheduler.timesteps[5]))
    assert middles[1] > middles[0] + 200


def test_unipc_is_set_as_published(golden):
    from diffusers import UniPCMultistepScheduler

    published = UniPCMultistepScheduler.from_pretrained(golden / "scheduler").config
    ours = make_scheduler("unipc", flow_shift=8.0).config
    assert {k: v for k, v in ours.items() if not k.startswith("_")} == {
        k: v for k, v in published.items() if not k.startswith("_")
    }
