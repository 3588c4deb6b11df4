import re
from collections import Counter

import pytest
import torch
from diffusers import WanTransformer3DModel

from skyreels_a2.errors import InputError
from skyreels_a2.pipeline.configs import PUBLISHED
from skyreels_a2.training.trainable import (
    LORA_TARGETS,
    RECIPES,
    halve_frozen,
    select,
    trained_names,
)

PAPER = {
    "patch_embedding.weight",
    "patch_embedding.bias",
    "condition_embedder.image_embedder.norm1.weight",
    "condition_embedder.image_embedder.norm1.bias",
    "condition_embedder.image_embedder.ff.net.0.proj.weight",
    "condition_embedder.image_embedder.ff.net.0.proj.bias",
    "condition_embedder.image_embedder.ff.net.2.weight",
    "condition_embedder.image_embedder.ff.net.2.bias",
    "condition_embedder.image_embedder.norm2.weight",
    "condition_embedder.image_embedder.norm2.bias",
} | {
    f"blocks.{block}.attn2.{name}"
    for block in (0, 1)
    for name in (
        "add_k_proj.weight",
        "add_k_proj.bias",
        "add_v_proj.weight",
        "add_v_proj.bias",
        "norm_added_k.weight",
    )
}


@pytest.fixture
def transformer(golden):
    return WanTransformer3DModel.from_pretrained(golden / "transformer")


def loss_of(transformer):
    torch.manual_seed(0)
    text, pictures = torch.randn(1, 512, 32), torch.randn(1, 17, 40)
    sample = transformer(torch.randn(1, 36, 2, 4, 4), torch.tensor([500.0]), text, pictures).sample
    return sample.square().mean()


def test_paper_trains_what_the_paper_trains(transformer):
    parameters = select(transformer, "paper")
    assert set(trained_names(transformer)) == PAPER
    named = dict(transformer.named_parameters())
    assert [id(p) for p in parameters] == [id(named[name]) for name in trained_names(transformer)]


def test_full_trains_everything(transformer):
    assert len(select(transformer, "full")) == len(list(transformer.parameters()))


def test_lora_trains_adapters_of_every_block_and_nothing_else(transformer):
    before = {name for name, _ in transformer.named_parameters()}
    parameters = select(transformer, "lora", lora_rank=3)
    names = trained_names(transformer)
    assert len(parameters) == len(names)
    assert all(3 in parameter.shape for parameter in parameters)
    found = {re.sub(r"\.lora_[AB]\.default\.weight$", "", name) for name in names}
    attentions = [f"attn{n}.{t}" for n in (1, 2) for t in ("to_q", "to_k", "to_v", "to_out.0")]
    layers = [*attentions, "attn2.add_k_proj", "attn2.add_v_proj", "ffn.net.0.proj", "ffn.net.2"]
    assert found == {f"blocks.{block}.{layer}" for block in (0, 1) for layer in layers}
    assert {name for name in before if name in names} == set()


def test_every_lora_target_is_met(transformer):
    select(transformer, "lora")
    for target in LORA_TARGETS:
        assert any(f".{target}.lora_A." in name for name in trained_names(transformer)), target


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_is_frozen_stays_and_what_is_trained_moves(transformer, recipe):
    parameters = select(transformer, recipe, lora_rank=4)
    before = {name: p.detach().clone() for name, p in transformer.named_parameters()}
    optimizer = torch.optim.AdamW(parameters, lr=1e-2)
    # Twice, because the first step of an adapter moves only the matrix that starts at zero.
    for _ in range(2):
        optimizer.zero_grad()
        loss_of(transformer).backward()
        optimizer.step()
    trained = set(trained_names(transformer))
    for name, parameter in transformer.named_parameters():
        moved = not torch.equal(parameter, before[name])
        assert moved == (name in trained), name
        assert (parameter.grad is not None) == (name in trained), name


def test_a_second_choice_replaces_the_first(transformer):
    select(transformer, "full")
    select(transformer, "paper")
    assert set(trained_names(transformer)) == PAPER


def test_published_model_counts():
    with torch.device("meta"):
        transformer = WanTransformer3DModel(**PUBLISHED["transformer"])
    trained = sum(p.numel() for p in select(transformer, "paper"))
    assert sum(p.numel() for p in transformer.parameters()) == 16_394_878_784
    assert trained == 2_106_720_000
    groups = Counter(name.split(".")[0] for name in trained_names(transformer))
    assert groups == {"patch_embedding": 2, "condition_embedder": 8, "blocks": 40 * 5}


def test_errors_teach(transformer):
    with pytest.raises(InputError, match="no recipe 'vae'"):
        select(transformer, "vae")
    with pytest.raises(InputError, match="rank is 0"):
        select(transformer, "lora", lora_rank=0)
    select(transformer, "lora", lora_rank=2)
    with pytest.raises(InputError, match="already"):
        select(transformer, "lora", lora_rank=2)


@pytest.mark.parametrize("recipe", ["paper", "lora"])
def test_frozen_matrices_take_half_and_the_trained_learn_the_same(transformer, recipe):
    select(transformer, recipe)
    trained = [p for p in transformer.parameters() if p.requires_grad]
    gradients = []
    for _ in range(2):
        transformer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss_of(transformer).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in trained if p.grad is not None]))
        before = sum(p.numel() * p.element_size() for p in transformer.parameters())
        halve_frozen(transformer)
    assert sum(p.numel() * p.element_size() for p in transformer.parameters()) == before
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.999
    assert all(p.dtype is torch.float32 for p in trained)
    frozen = transformer.blocks[0].ffn.net[2].weight
    assert frozen.dtype is torch.bfloat16 if recipe == "paper" else True
    assert transformer.condition_embedder.time_embedder.linear_1.weight.dtype is torch.float32
