import pytest
import torch
from diffusers.models.transformers import transformer_wan

from skyreels_a2.runtime.looks import HEAD, QUARTERS, Look, rotated, taught_blocks, watch
from skyreels_a2.training.config import Flow
from skyreels_a2.training.correspondence import correspondence_loss, targets
from skyreels_a2.training.flow import FlowTask

SIZE = (4, 4, 8)
"""Latent frames, of which two are references, height and width: tokens are 2×4 a frame."""


def shown(number, across, down):
    """All of the video shows one place of one of two references."""
    places = torch.zeros(1, 2, 3, *SIZE)
    places[:, number, 0] = 1
    places[:, number, 1], places[:, number, 2] = across, down
    return places


def test_wanted_attention_lies_round_the_right_place_of_the_right_reference():
    wanted, weight = targets(shown(1, 0.875, 0.25), torch.ones(1, *SIZE))
    assert wanted.shape == (1, 16, 16)
    torch.testing.assert_close(wanted.sum(2), torch.ones(1, 16))
    assert wanted.argmax(2).eq(8 + 3).all()  # the second one's upper right token
    assert weight.eq(1).all()


def test_of_a_reference_at_twice_the_size_each_quarter_of_a_token_is_another_token():
    places = shown(0, 1.0, 1.0)
    places[:, 0, 1] = (torch.arange(8) + 0.5) / 4
    places[:, 0, 2] = ((torch.arange(4) + 0.5) / 2)[:, None]
    found = [targets(places, torch.ones(1, *SIZE), quarter)[0] for quarter in QUARTERS]
    assert [int(wanted[0, 0].argmax()) for wanted in found] == [0, 1, 4, 5]


def test_what_nobody_fills_is_asked_nothing():
    wanted, weight = targets(0.2 * shown(0, 0.5, 0.5), torch.ones(1, *SIZE))
    assert wanted.isfinite().all()
    assert weight.eq(0).all()


def test_a_head_that_looks_there_loses_less():
    places = shown(0, 0.375, 0.75)  # row 1, column 1
    rotary = (torch.ones(1, 32, 1, 8), torch.zeros(1, 32, 1, 8))
    losses = []
    for token in (5, 6):
        keys = torch.zeros(1, 32, 8)
        keys[:, token] = 10
        look = Look()
        look.query, look.key = torch.ones(1, 32, 8), keys
        losses.append(float(correspondence_loss([look], rotary, places, torch.ones(1, *SIZE))))
    assert losses[0] < losses[1]


def test_it_sees_the_queries_and_keys_that_attention_is_computed_from(
    own_pipeline, examples, monkeypatch
):
    transformer = own_pipeline.transformer
    used = []

    def spy(query, key, *rest, **more):
        used.append((query, key))
        return dispatch(query, key, *rest, **more)

    dispatch = transformer_wan.dispatch_attention_fn
    monkeypatch.setattr(transformer_wan, "dispatch_attention_fn", spy)
    task = FlowTask(transformer, examples, own_pipeline.conditioner())
    latents = torch.randn(1, *examples.example(0).latent_mean.shape)
    looks = watch(transformer)
    with torch.no_grad():
        task.losses([0], [torch.Generator().manual_seed(0)], 0.0)
    rotary = transformer.rope(latents)
    assert len(looks) == len(taught_blocks(transformer))
    for look in looks:
        turned = rotated(look.query, rotary), rotated(look.key, rotary)
        assert any(
            all(
                whole[:, :, HEAD].shape == own.shape and torch.allclose(whole[:, :, HEAD], own)
                for whole, own in zip(pair, turned, strict=True)
            )
            for pair in used
        )


def test_training_on_it_alone_teaches_where_to_look(own_pipeline, examples):
    transformer = own_pipeline.transformer.requires_grad_(True).train()
    settings = Flow(drop_references=0.0, correspondence=1e4)
    task = FlowTask(transformer, examples, own_pipeline.conditioner(), settings)
    optimizer = torch.optim.AdamW(transformer.parameters(), lr=3e-3)
    missed = []
    for _ in range(25):
        losses, figures = task.losses([0], [torch.Generator().manual_seed(0)], 0.0)
        optimizer.zero_grad()
        losses.sum().backward()
        optimizer.step()
        missed.append(figures["correspondence"])
    assert missed[-1] < 0.8 * missed[0]


def test_a_sample_without_references_is_asked_nothing(own_pipeline, examples):
    losses = []
    for weight in (0.0, 1.0):
        settings = Flow(drop_references=1.0, correspondence=weight)
        task = FlowTask(own_pipeline.transformer, examples, own_pipeline.conditioner(), settings)
        with torch.no_grad():
            losses.append(task.losses([0], [torch.Generator().manual_seed(0)], 0.0)[0])
    assert losses[0] == pytest.approx(losses[1])


def test_blocks_computed_again_for_the_backward_pass_learn_to_look_too(own_pipeline, examples):
    transformer = own_pipeline.transformer.requires_grad_(True).train()
    settings = Flow(drop_references=0.0, correspondence=0.1)
    found = []
    for again in (False, True):
        if again:
            transformer.enable_gradient_checkpointing()
        task = FlowTask(transformer, examples, own_pipeline.conditioner(), settings)
        losses, figures = task.losses([0], [torch.Generator().manual_seed(0)], 0.0)
        losses.sum().backward()
        gradient = transformer.blocks[0].attn1.to_q.weight.grad.clone()
        transformer.zero_grad()
        found.append((losses.detach(), gradient, figures["correspondence"]))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-3)
