import pytest
import torch
from torch import nn

from skyreels_a2.training.loop import Trainer
from skyreels_a2.training.recipes import find_recipe
from skyreels_a2.training.setup import Setup, Visiting, encoders

ELSEWHERE = torch.device("meta")
"""A device that every machine has and that is not where models are loaded."""


def homes(*modules):
    return {parameter.device for module in modules for parameter in module.parameters()}


def test_encoders_are_on_the_device_where_examples_are_made_as_they_are_asked_for(model_folder):
    pipeline = Setup(str(model_folder), "scenes:builtin", ELSEWHERE).pipeline_for_flow()
    assert homes(*encoders(pipeline)) == {ELSEWHERE}
    assert homes(pipeline.transformer) == {torch.device("cpu")}


@pytest.mark.parametrize("recipe", ["paper", "lora"])
def test_with_a_cache_the_device_holds_the_transformer_alone(
    cache_folder, model_folder, tmp_path, recipe
):
    setup = Setup(str(model_folder), str(cache_folder), ELSEWHERE)
    chosen = find_recipe(recipe)
    config = chosen.config.with_settings(["loop.ema_decay=0"])
    task = chosen.task(setup, config)
    assert homes(task.model) == {torch.device("cpu")}
    Trainer(task, config, tmp_path, device=setup.device)
    assert homes(task.model) == {ELSEWHERE}
    assert homes(task.conditioner.vae, task.conditioner.text_encoder) == {torch.device("cpu")}


class Traveller(nn.Linear):
    """Notes where it is brought, and stays."""

    def __init__(self):
        super().__init__(1, 1)
        self.journey = []

    def to(self, device):
        self.journey.append(device)
        return self


def test_visitors_leave_when_videos_are_made_and_when_making_them_fails(tmp_path):
    here, there = torch.device("cpu"), torch.device("cuda", 0)
    visitor = Traveller()

    def samples(_folder, step):
        assert visitor.journey[-1] == there
        return {"made": 1 / step}

    visiting = Visiting(samples, [visitor], there)
    assert visiting(tmp_path, 2) == {"made": 0.5}
    with pytest.raises(ZeroDivisionError):
        visiting(tmp_path, 0)
    assert visitor.journey == [there, here] * 2
