import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file

from skyreels_a2 import Composition, Element, SkyReelsA2Pipeline
from skyreels_a2.errors import ModelError
from skyreels_a2.pipeline.loras import load_loras
from skyreels_a2.runtime.seeds import generator


@pytest.fixture
def lora_file(own_pipeline, tmp_path):
    torch.manual_seed(1)
    own_pipeline.transformer.add_adapter(
        LoraConfig(r=4, target_modules=["to_q", "to_v"], init_lora_weights=False)
    )
    layers = get_peft_model_state_dict(own_pipeline.transformer)
    SkyReelsA2Pipeline.save_lora_weights(tmp_path, transformer_lora_layers=layers)
    return tmp_path / "pytorch_lora_weights.safetensors"


@pytest.fixture
def fresh(model_folder):
    pipeline = SkyReelsA2Pipeline.from_pretrained(model_folder)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def frames(pipeline, pictures):
    composition = Composition("a bear", (Element.character(pictures[0]),))
    return pipeline(composition, generator=generator(1)).frames


def test_a_lora_changes_the_video_by_its_scale_and_comes_off(fresh, lora_file, pictures):
    before = frames(fresh, pictures)
    load_loras(fresh, [(lora_file, 1.0)])
    full = np.abs(frames(fresh, pictures) - before).mean()
    fresh.set_adapters(["lora_0"], [0.1])
    little = np.abs(frames(fresh, pictures) - before).mean()
    assert full > little > 0
    fresh.unload_lora_weights()
    np.testing.assert_array_equal(frames(fresh, pictures), before)


def test_two_loras_add_up(fresh, lora_file, pictures):
    load_loras(fresh, [(lora_file, 0.5)])
    one = frames(fresh, pictures)
    fresh.unload_lora_weights()
    load_loras(fresh, [(lora_file, 0.25), (lora_file, 0.25)])
    np.testing.assert_allclose(frames(fresh, pictures), one, atol=1e-4)


def test_a_file_that_is_no_lora_is_refused(fresh, tmp_path):
    save_file({"something": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match=r"other\.safetensors is no LoRA"):
        load_loras(fresh, [(tmp_path / "other.safetensors", 1.0)])
