import pytest
import torch

from skyreels_a2.request import Sampling
from skyreels_a2.training.decoder import FRAMES, DecoderTask

SAMPLING = Sampling(num_inference_steps=6, scheduler="euler-ancestral", negative_prompt="")


@pytest.fixture
def task(own_pipeline, examples):
    vae = own_pipeline.vae.requires_grad_(False)
    vae.decoder.requires_grad_(True)
    return DecoderTask(vae, own_pipeline.transformer, examples, SAMPLING, flow_shift=5.0)


def generator(number):
    return torch.Generator().manual_seed(number)


def losses(task, numbers):
    return task.losses(numbers, [generator(number) for number in numbers], 0.0)[0]


def test_true_latents_are_decoded_as_before_and_made_ones_are_not(task):
    found = losses(task, range(6)).detach()
    is_made = torch.tensor([float(torch.rand(1, generator=generator(n))) < 0.5 for n in range(6)])
    assert 0 < is_made.sum() < 6
    assert found[~is_made].max() < 1e-9
    assert found[is_made].min() > 1e-5


def test_the_transformer_makes_the_same_of_the_same_seed(task):
    example = task._examples.example(0)
    true = example.latent_mean[None]
    first, second, other = (task.sampled(example, true, generator(seed)) for seed in (1, 1, 2))
    assert first.shape == true.shape
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_frames_under_references_are_not_learned_from(task):
    seen = []
    handle = task.model.decoder.register_forward_hook(lambda _m, _i, out: seen.append(out))
    number = next(n for n in range(20) if float(torch.rand(1, generator=generator(n))) < 0.5)
    loss = losses(task, [number])
    handle.remove()
    hidden = int(task._examples.example(number % len(task._examples)).num_references)
    assert len(seen) == hidden + FRAMES
    gradients = torch.autograd.grad(loss.sum(), seen, allow_unused=True)
    learned = [g is not None and bool(g.ne(0).any()) for g in gradients]
    assert not any(learned[:hidden])
    assert all(learned[hidden:])


def test_training_brings_what_it_makes_nearer(task):
    optimizer = torch.optim.Adam([p for p in task.model.parameters() if p.requires_grad], 1e-3)
    numbers = [n for n in range(20) if float(torch.rand(1, generator=generator(n))) < 0.5][:2]
    before = float(losses(task, numbers).detach().mean())
    for _ in range(6):
        optimizer.zero_grad()
        losses(task, numbers).mean().backward()
        optimizer.step()
    assert float(losses(task, numbers).detach().mean()) < 0.9 * before
    assert all(p.grad is None for p in task.model.encoder.parameters())
