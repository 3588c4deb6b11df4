import copy

import pytest
import torch

from skyreels_a2.training.muon import RMS, MuonAdamW, orthogonal


@pytest.mark.parametrize("shape", [(8, 8), (6, 20), (20, 6)])
def test_updates_of_matrices_are_nearly_orthogonal(shape):
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_autocast_computes_in_bfloat16_and_gives_what_it_was_given():
    torch.manual_seed(0)
    matrix = torch.randn(12, 40)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = orthogonal(matrix)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, orthogonal(matrix), atol=0.05, rtol=0)
    assert not torch.equal(found, orthogonal(matrix))


def test_no_gradient_moves_nothing_anywhere_strange():
    assert orthogonal(torch.zeros(4, 4)).eq(0).all()


def test_a_step_of_a_matrix_has_the_size_of_adamws():
    weight = torch.nn.Parameter(torch.zeros(32, 64))
    optimizer = MuonAdamW([weight], lr=0.01, betas=(0.9, 0.99), weight_decay=0.0)
    weight.grad = 1e-3 * torch.randn(32, 64)
    optimizer.step()
    assert float(weight.detach().square().mean().sqrt()) == pytest.approx(0.01 * RMS, rel=0.3)


def network():
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(36, 5))
    return torch.nn.Sequential(*layers)


def optimizer_of(model):
    return MuonAdamW(list(model.parameters()), lr=0.02, betas=(0.9, 0.99), weight_decay=0.01)


def train(model, optimizer, steps):
    torch.manual_seed(1)
    inputs, wanted = torch.randn(32, 1, 5, 5), torch.randint(5, (32,))
    for _ in range(steps):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), wanted)
        loss.backward()
        optimizer.step()
    return float(loss)


def test_every_kind_of_parameter_learns():
    model = network()
    before = copy.deepcopy(model.state_dict())
    assert train(model, optimizer_of(model), 150) < 0.2
    for name, value in model.state_dict().items():
        assert not torch.equal(value, before[name]), name


def test_a_loaded_optimiser_goes_on_where_the_saved_one_was():
    whole, first = network(), network()
    train(whole, optimizer_of(whole), 10)
    saved = optimizer_of(first)
    train(first, saved, 5)
    second = copy.deepcopy(first)
    resumed = optimizer_of(second)
    resumed.load_state_dict(copy.deepcopy(saved.state_dict()))
    train(second, resumed, 5)
    for one, two in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, two)
