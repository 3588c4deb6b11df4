import pytest
import torch

from skyreels_a2.errors import InputError
from skyreels_a2.training.checkpoints import checkpoints, load_checkpoint, save_checkpoint


def save(run, step, keep=2):
    parts = {"model": {"w": torch.full((3,), float(step))}}
    return save_checkpoint(run, step, parts, {"note": "x"}, keep=keep)


def test_what_is_saved_comes_back(tmp_path):
    parts, state = load_checkpoint(save(tmp_path, 5))
    assert parts["model"]["w"].tolist() == [5.0] * 3
    assert state == {"note": "x", "step": 5}


def test_the_last_few_are_kept(tmp_path):
    for step in (1, 2, 10, 3000):
        save(tmp_path, step)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000010", "step-00003000"]


def test_a_half_written_one_is_not_found(tmp_path):
    save(tmp_path, 5)
    (tmp_path / ".step-00000006.part").mkdir()
    (tmp_path / "step-00000007").mkdir()
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000005"]


def test_a_damaged_one_is_told(tmp_path):
    folder = save(tmp_path, 5)
    (folder / "model.pt").write_bytes(b"rubbish")
    with pytest.raises(InputError, match="step-00000005 cannot be read"):
        load_checkpoint(folder)
