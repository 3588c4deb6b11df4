import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel

from skyreels_a2.errors import InputError, SpecError
from skyreels_a2.pipeline.configs import PUBLISHED
from skyreels_a2.training.ema import Ema
from skyreels_a2.training.memory import (
    BLOCK_INPUTS,
    IN_BLOCK,
    LORA_RANK,
    config_of,
    kept,
    lines,
    plan,
    sizes_of,
    sum_lines,
)
from skyreels_a2.training.recipes import find_recipe
from skyreels_a2.training.trainable import RECIPES, select
from skyreels_a2.video import VideoSpec

ROOT = Path(__file__).parents[2]
SPEC = VideoSpec(256, 256, 17, fps=15)
"""5·16·16 = 1,280 video tokens: more than those of text, as in the large model."""
WITHIN = {"paper": 0.05, "lora": 0.05, "full": 0.2}
"""How far the table of activations may be from what autograd keeps; wider where norms are trained,
because RMS norm on a CPU keeps the normalised values too, which the fused one of GPUs does not."""


@pytest.fixture
def transformer(golden):
    return WanTransformer3DModel.from_pretrained(golden / "transformer")


def prepared(transformer, recipe):
    """As the plan assumes it: frozen weights in bfloat16, trained ones in float32."""
    parameters = select(transformer, recipe, lora_rank=LORA_RANK)
    for parameter in transformer.parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.bfloat16()
    return parameters


def forward(transformer, spec=SPEC, num_references=1):
    torch.manual_seed(0)
    shape = (1, 36, spec.num_latent_frames, spec.height // 8, spec.width // 8)
    text = torch.randn(1, 512, 32, dtype=torch.bfloat16)
    pictures = torch.randn(1, 257 * num_references, 40, dtype=torch.bfloat16)
    latents = torch.randn(shape, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        return transformer(latents, torch.tensor([500.0]), text, pictures).sample


def bytes_of(tensors):
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def bytes_kept(transformer):
    """What autograd keeps in a forward pass, weights and their bfloat16 copies aside."""
    weights = {tuple(p.shape) for p in transformer.parameters()}
    weights |= {shape[::-1] for shape in weights}
    storages = {}

    def pack(tensor):
        if tuple(tensor.shape) not in weights:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = forward(transformer)
    assert output.requires_grad
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize("recipe", RECIPES)
def test_weights_and_states_equal_those_of_a_real_step(transformer, recipe):
    counted = plan(transformer, recipe, 1)
    parameters = prepared(transformer, recipe)
    optimizer = torch.optim.AdamW(parameters)
    ema = Ema(transformer, 0.99)
    forward(transformer, VideoSpec(32, 32, 5, fps=15)).float().square().mean().backward()
    optimizer.step()
    frozen = [p for p in transformer.parameters() if not p.requires_grad]
    states = [value for state in optimizer.state.values() for value in state.values()]
    assert counted.weights == bytes_of(frozen)
    assert counted.master == bytes_of(parameters)
    assert counted.gradients == bytes_of(p.grad for p in parameters)
    assert counted.moments == bytes_of(states)
    assert counted.ema == bytes_of(ema.state_dict().values())
    assert counted.num_trained == sum(p.numel() for p in parameters)


@pytest.mark.parametrize("recipe", RECIPES)
def test_activations_are_what_autograd_keeps(transformer, recipe):
    prepared(transformer, recipe)
    sizes = sizes_of(config_of(transformer), SPEC, 1)
    counted = kept(recipe, sizes, num_blocks=2)
    assert bytes_kept(transformer) == pytest.approx(counted, rel=WITHIN[recipe])


@pytest.mark.parametrize("recipe", RECIPES)
def test_checkpointing_keeps_the_inputs_of_blocks(transformer, recipe):
    prepared(transformer, recipe)
    transformer.enable_gradient_checkpointing()
    sizes = sizes_of(config_of(transformer), SPEC, 1)
    # Rotary values come in a tuple, which checkpoints hold without telling the hooks.
    shape = (1, 36, SPEC.num_latent_frames, SPEC.height // 8, SPEC.width // 8)
    found = bytes_kept(transformer) + bytes_of(transformer.rope(torch.empty(shape)))
    counted = kept(recipe, sizes, num_blocks=0)
    counted += sum_lines(lines(BLOCK_INPUTS, recipe, sizes))
    assert found == pytest.approx(counted, rel=0.05)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_block_computed_again_keeps_what_the_table_says(transformer, recipe):
    prepared(transformer, recipe)
    sizes = sizes_of(config_of(transformer), SPEC, 1)
    two = bytes_kept(transformer)
    del transformer.blocks[1]
    block = sum_lines(lines(IN_BLOCK, recipe, sizes))
    assert two - bytes_kept(transformer) == pytest.approx(block, rel=WITHIN[recipe])


def test_the_tokens_are_those_of_the_paper():
    sizes = sizes_of(PUBLISHED["transformer"], VideoSpec(832, 480, 81, fps=15), 3)
    assert (sizes["T"], sizes["S"], sizes["I"], sizes["d"]) == (32_760, 512, 771, 5120)


def test_published_model():
    counted = plan(PUBLISHED["transformer"], "paper", 1)
    assert counted.num_parameters == 16_394_878_784
    assert counted.num_trained == pytest.approx(2.1e9, rel=0.01)
    assert counted.block_inputs == 40 * 32_760 * 5120 * 2
    assert counted.encoders == 0


@pytest.mark.parametrize("recipe", RECIPES)
def test_more_gpus_take_less_each_and_hold_the_whole_together(transformer, recipe):
    one, four = plan(transformer, recipe, 1), plan(transformer, recipe, 4)
    for part in ("weights", "master", "gradients", "ema"):
        whole = getattr(one, part)
        # First axes of 1 and 6 elements, such as modulation tables', are not divisible by 4.
        assert whole <= 4 * getattr(four, part) <= 1.1 * whole
    assert four.resident < one.resident
    assert four.activations == one.activations


def test_what_is_turned_off_costs_nothing_and_what_is_kept_costs(transformer):
    usual = plan(transformer, "full", 1)
    without = plan(transformer, "full", 1, ema=False, checkpointing=False)
    assert without.ema == 0
    assert without.block_inputs == 0
    assert without.activations > usual.activations
    assert usual.total - usual.ema == plan(transformer, "full", 1, ema=False).total
    longer = plan(transformer, "full", 1, frames=161, num_references=5)
    assert longer.activations > usual.activations


def test_the_peak_is_the_larger_of_backward_and_step():
    counted = plan(PUBLISHED["transformer"], "full", 1)
    backward = counted.gathered + counted.block_inputs + counted.activations
    assert backward < counted.step_buffers
    assert counted.total == counted.resident + counted.step_buffers
    counted = plan(PUBLISHED["transformer"], "paper", 8)
    backward = counted.gathered + counted.block_inputs + counted.activations
    assert counted.total == counted.resident + backward


def test_offloads_take_more_and_more_away():
    peaks = [peak for _, peak in plan(PUBLISHED["transformer"], "full", 1).offloads()]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[0] < plan(PUBLISHED["transformer"], "full", 1).total


def test_the_transformer_is_left_as_it_is(transformer):
    plan(transformer, "lora", 2)
    assert not getattr(transformer, "peft_config", None)
    assert all(parameter.requires_grad for parameter in transformer.parameters())


def test_errors_teach(transformer):
    with pytest.raises(InputError, match="GPUs is 0"):
        plan(transformer, "paper", 0)
    with pytest.raises(InputError, match="paper, lora, full"):
        plan(transformer, "vae", 1)
    with pytest.raises(SpecError, match="80"):
        plan(transformer, "paper", 1, frames=80)


def test_the_committed_page_is_what_the_tool_writes(tmp_path):
    page = tmp_path / "page.md"
    command = [sys.executable, str(ROOT / "tools/training_memory.py"), "--out", str(page)]
    subprocess.run(command, check=True, cwd=ROOT)
    committed = (ROOT / "docs/training-memory.md").read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8") == committed, "run tools/training_memory.py"


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_table_of_recipes_says_what_the_plan_counts(recipe):
    said = re.findall(r"(\d+\.\d) (?:GB )?on (one GPU|each of 8)", find_recipe(recipe).memory)
    counted = {
        where: plan(PUBLISHED["transformer"], recipe, gpus).total / 1e9
        for where, gpus in (("one GPU", 1), ("each of 8", 8))
    }
    assert said
    assert all(float(number) == round(counted[where], 1) for number, where in said)
