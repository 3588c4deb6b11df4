import copy
import sys

import pytest
from PIL import Image

from skyreels_a2.errors import MissingExtraError
from skyreels_a2.training.callbacks import Validation
from skyreels_a2.training.config import TrainConfig
from skyreels_a2.training.flow import FlowTask
from skyreels_a2.training.loop import Trainer
from skyreels_a2.training.tensorboard import TensorBoardLog


def test_without_tensorboard_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"skyreels-a2\[train\]"):
        TensorBoardLog()


def paint(folder, step):
    """Leaves a picture, as sampled videos do."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "crimson").save(folder / f"sampled-{step:08d}.png")
    return {"elements": 0.5}


def test_curves_and_pictures_can_be_read_back(pipeline, examples, tmp_path):
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is not installed",
    )
    transformer = copy.deepcopy(pipeline.transformer).requires_grad_(requires_grad=True)
    task = FlowTask(transformer, examples, pipeline.conditioner(), samples=paint)
    settings = ("loop.steps=4", "loop.batch_size=1", "loop.validate_every=2", "loop.precision=fp32")
    config = TrainConfig().with_settings(settings)
    Trainer(task, config, tmp_path, callbacks=[TensorBoardLog(), Validation()]).train()
    events = accumulators.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert {"train/loss", "train/lr", "validation/elements"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3, 4]
    assert [event.step for event in events.Images("sampled")] == [2, 4]
