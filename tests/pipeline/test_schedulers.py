import pytest
import torch

from skyreels_a2.pipeline.schedulers import adds_noise, flow_shift_of, make_scheduler
from skyreels_a2.request import SCHEDULERS


@pytest.mark.parametrize("name", SCHEDULERS)
def test_solving_a_straight_flow_ends_at_the_data(name):
    """Where every prediction is of the data, every solver must arrive at the data."""
    torch.manual_seed(0)
    data, noise = torch.randn(2, 1, 16, 2, 4, 4)
    scheduler = make_scheduler(name, flow_shift=8.0)
    scheduler.set_timesteps(10)
    latents = noise
    for timestep, sigma in zip(scheduler.timesteps, scheduler.sigmas, strict=False):
        velocity = (latents - data) / sigma
        latents = scheduler.step(velocity, timestep, latents, return_dict=False)[0]
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


def test_ancestral_steps_go_on_from_new_noise():
    torch.manual_seed(0)
    data, noise = torch.randn(2, 1, 16, 4, 8, 8)
    kept = {}
    for name in SCHEDULERS:
        scheduler = make_scheduler(name, flow_shift=1.0)
        scheduler.set_timesteps(4)
        latents = noise
        for timestep, sigma in list(zip(scheduler.timesteps, scheduler.sigmas, strict=False))[:2]:
            velocity = (latents - data) / sigma
            latents = scheduler.step(velocity, timestep, latents, return_dict=False)[0]
        rest = latents - (1 - scheduler.sigmas[2]) * data
        kept[name] = float(torch.corrcoef(torch.stack([rest.flatten(), noise.flatten()]))[0, 1])
    assert abs(kept.pop("euler-ancestral")) < 0.1
    assert min(kept.values()) > 0.9
    assert [n for n in SCHEDULERS if adds_noise(make_scheduler(n, flow_shift=1.0))] == [
        "euler-ancestral"
    ]


def test_unipc_is_set_as_published(golden):
    from diffusers import UniPCMultistepScheduler

    published = UniPCMultistepScheduler.from_pretrained(golden / "scheduler").config
    ours = make_scheduler("unipc", flow_shift=8.0).config
    assert {k: v for k, v in ours.items() if not k.startswith("_")} == {
        k: v for k, v in published.items() if not k.startswith("_")
    }
