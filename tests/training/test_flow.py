from dataclasses import replace

import pytest
import torch

from skyreels_a2.errors import SpecError
from skyreels_a2.training.config import Flow
from skyreels_a2.training.flow import FlowTask


@pytest.fixture
def task(own_pipeline, examples):
    own_pipeline.transformer.requires_grad_(True).train()
    return FlowTask(own_pipeline.transformer, examples, own_pipeline.conditioner())


def generators(indices):
    return [torch.Generator().manual_seed(index) for index in indices]


def test_a_samples_loss_does_not_depend_on_its_batch(task):
    indices = list(range(8))
    with torch.no_grad():
        together, _ = task.losses(indices, generators(indices), 0.0)
        alone = torch.cat([task.losses([i], generators([i]), 0.0)[0] for i in indices])
    assert {int(task.examples.example(i).num_references) for i in indices} >= {2, 3}
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_frames_under_references_do_not_reach_the_loss(task):
    task.settings = Flow(drop_references=0.0)
    seen = []
    handle = task.model.register_forward_hook(lambda _m, _i, output: seen.append(output[0]))
    loss, _ = task.losses([0], generators([0]), 0.0)
    handle.remove()
    (gradient,) = torch.autograd.grad(loss.sum(), seen[0])
    count = int(task.examples.example(0).num_references)
    assert gradient[:, :, :count].eq(0).all()
    assert gradient[:, :, count:].ne(0).all()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (Flow(drop_caption=1.0, drop_references=0.0), 2),
        (Flow(drop_caption=0.0, drop_references=1.0), 3),
    ],
)
def test_dropouts_take_away_what_they_say(task, settings, field):
    task.settings = settings
    sample = task._sample(0, generators([0])[0]).tensors
    if field == 2:
        torch.testing.assert_close(sample[2], task._empty_text)
        assert sample[3].abs().sum() > 0
    else:
        assert sample[3].eq(0).all()
        assert sample[4][:4].eq(0).all()
        assert int(sample[6]) == 0
        assert sample[2].abs().sum() > 0


def test_what_the_video_shows_under_references_is_hidden_when_asked(task):
    told = []
    for settings in (Flow(drop_references=0.0), Flow(drop_references=0.0, hide=True)):
        task.settings = settings
        told.append(task._sample(0, generators([0])[0]).tensors)
    count = int(task.examples.example(0).num_references)
    (seen, *rest), (hidden, *same) = told
    assert seen[:, :count].ne(hidden[:, :count]).all()
    assert seen[:, count:].equal(hidden[:, count:])
    assert all(one.equal(other) for one, other in zip(rest, same, strict=True))


def test_a_caption_may_say_roles_only(task):
    plain = Flow(drop_caption=0.0, drop_references=0.0)
    told = []
    for settings in (plain, Flow(drop_caption=0.0, drop_references=0.0, say_roles=1.0)):
        task.settings = settings
        told.append(task._sample(0, generators([0])[0]).tensors)
    example = task.examples.example(0)
    torch.testing.assert_close(told[0][2], example.padded_prompt)
    torch.testing.assert_close(told[1][2], example.padded_roles)
    assert not torch.equal(told[0][2], told[1][2])
    for place in (0, 1, 3, 4, 5):  # noise and references are the same ones
        torch.testing.assert_close(told[0][place], told[1][place])


def test_errors_on_subjects_count_more_when_asked(task):
    with torch.no_grad():
        task.settings = Flow(drop_references=0.0)
        plain, _ = task.losses([0], generators([0]), 0.0)
        task.settings = Flow(drop_references=0.0, subject_weight=1e6)
        only_subjects, _ = task.losses([0], generators([0]), 0.0)
    sample = task._sample(0, generators([0])[0])
    count = int(sample.tensors[6])
    assert sample.tensors[7][count:].sum() > 0
    assert not torch.allclose(plain, only_subjects, rtol=1e-3)


def test_a_cut_sample_is_the_beginning_of_the_whole_one(task):
    task.settings = Flow(drop_references=0.0)
    whole = task.examples.example(0)
    task.settings = Flow(drop_references=0.0, cut=1.0, cut_frames=1)
    sample = task._sample(0, generators([0])[0])
    count = int(whole.num_references)
    assert sample.shape[0][1] == count + 1 < whole.latent_mean.shape[1]
    assert sample.tensors[4].shape[1] == count + 1
    torch.testing.assert_close(whole.beginning(1).latent_mean, whole.latent_mean[:, : count + 1])
    with torch.no_grad():
        assert task.losses([0, 1], generators([0, 1]), 0.0)[0].isfinite().all()


class Square:
    """Examples cropped to four latents a side."""

    def __init__(self, examples):
        self.examples = examples

    def __len__(self):
        return len(self.examples)

    def example(self, number):
        whole = self.examples.example(number)
        names = (
            "latent_mean",
            "latent_std",
            "condition_mean",
            "condition_std",
            "subjects",
            "places",
        )
        return replace(whole, **{name: getattr(whole, name)[..., :4, :4] for name in names})


def test_a_coarse_sample_is_the_mean_of_its_neighbours(task):
    task.examples = Square(task.examples)
    task.settings = Flow(drop_references=0.0, coarse=1.0)
    whole = task.examples.example(0)
    assert task._sample(0, generators([0])[0]).shape[0] == (*whole.latent_mean.shape[:2], 2, 2)
    coarse = whole.coarse()
    corner = whole.latent_mean[..., :2, :2].mean((-1, -2))
    torch.testing.assert_close(coarse.latent_mean[..., 0, 0], corner)
    drawn = (whole.latent_std[0, 0] * torch.randn(4000, 1, 4, 4))[..., :2, :2].mean((-1, -2))
    assert float(drawn.std()) == pytest.approx(float(coarse.latent_std[0, 0, 0, 0]), rel=0.2)
    with torch.no_grad():
        assert task.losses([0, 1], generators([0, 1]), 0.0)[0].isfinite().all()


def test_samples_in_a_row_share_a_forward_pass_where_they_are_cut_alike(task):
    task.settings = Flow(cut=0.5, cut_frames=1, alike=8)
    passes, lengths = [], []
    handle = task.model.register_forward_pre_hook(
        lambda _m, _args, told: passes.append(tuple(told["hidden_states"].shape[1:])),
        with_kwargs=True,
    )
    with torch.no_grad():
        for start in range(0, 80, 8):
            passes.clear()
            indices = list(range(start, start + 8))
            task.losses(indices, generators(indices), 0.0)
            counts = {
                int(task.examples.example(i % len(task.examples)).num_references) for i in indices
            }
            assert len(passes) == len(counts)  # a pass for each number of references, no more
            lengths.append(min(shape[1] for shape in passes))
    handle.remove()
    assert len(set(lengths)) > 1  # some rows are cut and some are not


def test_what_cannot_be_halved_is_told(task):
    task.settings = Flow(coarse=1.0)
    with pytest.raises(SpecError, match="multiples of 4"):
        task._sample(0, generators([0])[0])


def test_training_on_a_few_examples_lowers_the_loss(task):
    task.settings = Flow(drop_caption=0.0, drop_references=0.0)
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=3e-3)
    indices = [0, 1, 2, 3]

    def measure():
        with torch.no_grad():
            return float(task.losses(indices, generators(indices), 0.0)[0].mean())

    before = measure()
    for _ in range(25):
        optimizer.zero_grad()
        task.losses(indices, generators(indices), 0.0)[0].mean().backward()
        optimizer.step()
    assert measure() < 0.8 * before


def test_moving_references_changes_what_is_told_and_nothing_else(task):
    told = []
    for move in (0.0, 1.0):
        task.settings = Flow(drop_caption=0.0, drop_references=0.0, move=move)
        told += [[task._sample(n, generators([n])[0]).tensors for n in range(4)]]
    changed = 0
    for still, moved in zip(*told, strict=True):
        assert torch.equal(still[2], moved[2])
        assert torch.equal(still[4][:4], moved[4][:4])
        assert torch.equal(still[7], moved[7])
        torch.testing.assert_close(still[8][:, 0], moved[8][:, 0])
        changed += not torch.equal(still[8], moved[8])
    assert changed >= 2
    with torch.no_grad():
        task.settings = Flow(move=1.0, correspondence=0.5)
        assert task.losses([0, 1], generators([0, 1]), 0.0)[0].isfinite().all()
