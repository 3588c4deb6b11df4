import pytest
import torch

from skyreels_a2.training.objective import (
    SAMPLERS,
    add_noise,
    loss_mask,
    sample_sigma,
    velocity,
    weighted_mse,
)


def generators(count, start=0):
    return [torch.Generator().manual_seed(start + index) for index in range(count)]


@pytest.mark.parametrize("kind", SAMPLERS)
def test_noise_levels_are_between_clean_and_noise_and_belong_to_the_sample(kind):
    together = sample_sigma(kind, generators(500))
    assert together.min() > 0
    assert together.max() < 1
    assert torch.equal(together[7:8], sample_sigma(kind, generators(1, start=7)))


def test_a_shift_moves_levels_towards_noise():
    plain, shifted = (
        sample_sigma("shifted", generators(500), shift=shift).mean() for shift in (1.0, 5.0)
    )
    assert abs(plain - 0.5) < 0.05
    assert shifted > 0.7


def test_the_path_goes_straight_from_data_to_noise():
    data, noise = torch.randn(2, 3, 16, 2, 2, 2)
    assert torch.equal(add_noise(data, noise, torch.zeros(3)), data)
    assert torch.equal(add_noise(data, noise, torch.ones(3)), noise)
    level = torch.tensor([0.2, 0.5, 0.9])
    back = add_noise(data, noise, level) - level.view(3, 1, 1, 1, 1) * velocity(data, noise)
    torch.testing.assert_close(back, data)


def test_frames_of_references_do_not_count():
    prediction, target = torch.zeros(2, 16, 4, 2, 2), torch.zeros(2, 16, 4, 2, 2)
    mask = loss_mask(torch.tensor([1, 3]), 4)
    target[0, :, 0] = 100.0
    target[1, :, :3] = 100.0
    assert weighted_mse(prediction, target, mask).tolist() == [0.0, 0.0]
    target[1, :, 3] = 2.0
    assert weighted_mse(prediction, target, mask).tolist() == [0.0, 4.0]


def test_a_place_counts_as_much_as_its_weight():
    prediction, target = torch.zeros(1, 16, 1, 1, 4), torch.zeros(1, 16, 1, 1, 4)
    target[..., 0] = 2.0
    weight = torch.tensor([5.0, 1.0, 1.0, 1.0]).view(1, 1, 1, 1, 4)
    assert weighted_mse(prediction, target, torch.ones_like(weight)).tolist() == [1.0]
    assert weighted_mse(prediction, target, weight).tolist() == [2.5]
    assert weighted_mse(prediction, target, torch.zeros_like(weight)).tolist() == [0.0]
