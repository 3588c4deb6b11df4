import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from skyreels_a2 import SkyReelsA2Pipeline
from skyreels_a2.errors import OutputError
from skyreels_a2.training.callbacks import JsonLog, Validation
from skyreels_a2.training.checkpoints import checkpoints
from skyreels_a2.training.config import TrainConfig
from skyreels_a2.training.flow import FlowTask
from skyreels_a2.training.loop import Trainer, TrainingStoppedError

SETTINGS = (
    "loop.steps=6",
    "loop.batch_size=4",
    "loop.micro_batch=2",
    "loop.precision=fp32",
    "loop.checkpoint_every=2",
    "loop.validate_every=3",
    "optim.warmup_steps=2",
    "optim.lr=1e-3",
)


def config(*more):
    return TrainConfig().with_settings([*SETTINGS, *more])


@pytest.fixture
def make_trainer(examples, model_folder, tmp_path):
    def make(name, *settings, callbacks=(), wrap=lambda task: task):
        pipeline = SkyReelsA2Pipeline.from_pretrained(model_folder)
        pipeline.transformer.requires_grad_(True).train()
        task = FlowTask(pipeline.transformer, examples, pipeline.conditioner())
        return Trainer(
            wrap(task), config(*settings), tmp_path / name, callbacks=[JsonLog(), *callbacks]
        )

    return make


def log_of(run, figure="loss"):
    lines = (run / "log.jsonl").read_text().splitlines()
    return {line["step"]: line[figure] for line in map(json.loads, lines)}


def weights(trainer):
    return {k: v.clone() for k, v in trainer.task.model.state_dict().items()}


def test_a_run_logs_validates_and_keeps_its_last_checkpoints(make_trainer):
    trainer = make_trainer("run", callbacks=[Validation()])
    trainer.train()
    assert sorted(log_of(trainer.run)) == [1, 2, 3, 4, 5, 6]
    assert [path.name for path in checkpoints(trainer.run)] == ["step-00000004", "step-00000006"]
    figures = (trainer.run / "validation.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in figures] == [3, 6]


def test_a_resumed_run_goes_on_bit_for_bit(make_trainer):
    whole = make_trainer("whole")
    whole.train()
    # Cut short as a kill would: the steps after the checkpoint are made again.
    first = make_trainer("cut")
    original = first._one_step
    count = iter(range(5))

    def until_killed():
        if next(count) == 4:
            raise KeyboardInterrupt
        return original()

    first._one_step = until_killed
    with pytest.raises(KeyboardInterrupt):
        first.train()
    second = make_trainer("cut")
    second.train()
    assert log_of(second.run) == log_of(whole.run)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(second)[name]), name
    with whole.averaged(), second.averaged():
        for name, value in weights(whole).items():
            assert torch.equal(value, weights(second)[name]), name


def test_another_optimiser_goes_on_with_the_weights_and_says_what_is_lost(make_trainer, caplog):
    first = make_trainer("run", "loop.steps=2")
    first.train()
    second = make_trainer("run", "loop.steps=4", "optim.name=muon")
    second.load(checkpoints(second.run)[-1])
    assert all(torch.equal(weights(first)[k], v) for k, v in weights(second).items())
    assert "made with adamw: muon begins" in caplog.text
    second.train()
    third = make_trainer("run", "loop.steps=5", "optim.name=muon")
    caplog.clear()
    third.train()
    assert caplog.text == ""
    assert sorted(log_of(third.run)) == [1, 2, 3, 4, 5]


def test_a_run_started_anew_forgets_the_old_checkpoints(make_trainer):
    make_trainer("run").train()
    make_trainer("run", "loop.steps=2").train(resume=False)
    run = make_trainer("run").run
    assert [path.name for path in checkpoints(run)] == ["step-00000002"]
    assert sorted(log_of(run)) == [1, 2]


def test_micro_batches_change_nothing(make_trainer):
    small = make_trainer("small", "loop.micro_batch=1")
    large = make_trainer("large", "loop.micro_batch=4")
    small.train()
    large.train()
    for step, loss in log_of(small.run).items():
        assert loss == pytest.approx(log_of(large.run)[step], rel=1e-4)


def test_averaged_weights_lag_and_come_off_again(make_trainer):
    trainer = make_trainer("run")
    trainer.train()
    plain = weights(trainer)
    with trainer.averaged():
        averaged = weights(trainer)
    assert any(not torch.equal(plain[name], averaged[name]) for name in plain)
    assert all(torch.equal(plain[name], value) for name, value in weights(trainer).items())


class Poisoned:
    """A task whose losses are not finite for some samples."""

    def __init__(self, task, bad):
        self.model, self._task, self._bad = task.model, task, bad

    def losses(self, indices, generators, progress):
        losses, figures = self._task.losses(indices, generators, progress)
        poison = [float("nan") if self._bad(index) else 1.0 for index in indices]
        return losses * torch.tensor(poison), figures


def test_a_step_without_a_finite_loss_is_skipped_and_counted(make_trainer):
    trainer = make_trainer("run", wrap=lambda task: Poisoned(task, lambda index: index == 5))
    trainer.train()
    assert trainer.skipped == 1
    assert all(value.isfinite().all() for value in weights(trainer).values())


def test_too_many_in_a_row_stop_the_run(make_trainer):
    trainer = make_trainer(
        "run", "loop.nan_patience=3", wrap=lambda task: Poisoned(task, lambda index: index > 5)
    )
    with pytest.raises(TrainingStoppedError, match=r"3 steps.*optim\.lr"):
        trainer.train()


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(make_trainer):
    trainer = make_trainer("run", "loop.steps=2")
    trainer.train()
    (trainer.run / ".step-00000003.part").write_text("in the way")
    trainer.step = 3
    trainer.run.joinpath("step-00000003").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        trainer.save()
    assert checkpoints(trainer.run)[-1].name == "step-00000002"


def command(cache_folder, model_folder, run, *settings, processes=1, recipe="full"):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    program = [sys.executable] if processes == 1 else launcher
    flags = [flag for setting in (*SETTINGS, *settings) for flag in ("--set", setting)]
    return [
        *program,
        *("-m", "skyreels_a2", "train", recipe, "--data", str(cache_folder)),
        *("--model", str(model_folder), "--out", str(run), *flags),
    ]


def environment():
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def test_kill_9_at_any_moment_loses_nothing(cache_folder, model_folder, tmp_path):
    settings = ("loop.steps=12", "loop.checkpoint_every=1")
    whole = command(cache_folder, model_folder, tmp_path / "whole", *settings)
    subprocess.run(whole, check=True, capture_output=True, env=environment(), timeout=90)
    broken = command(cache_folder, model_folder, tmp_path / "broken", *settings)
    for at_step in (2, 7):
        process = subprocess.Popen(broken, stderr=subprocess.DEVNULL, env=environment())
        log = tmp_path / "broken/log.jsonl"
        while process.poll() is None and not (log.is_file() and at_step in log_of(log.parent)):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    result = subprocess.run(broken, check=True, capture_output=True, text=True, env=environment())
    assert log_of(tmp_path / "broken") == log_of(tmp_path / "whole")
    assert result.stdout.strip().endswith("broken/model")


@pytest.mark.parametrize("sharded", [False, True])
def test_two_processes_have_the_loss_curve_of_one(cache_folder, model_folder, tmp_path, sharded):
    settings = f"loop.sharded={str(sharded).lower()}"
    for processes in (1, 2):
        run = command(
            cache_folder, model_folder, tmp_path / str(processes), settings, processes=processes
        )
        subprocess.run(run, check=True, capture_output=True, env=environment(), timeout=90)
    one, two = (log_of(tmp_path / name) for name in ("1", "2"))
    assert one.keys() == two.keys()
    for step, loss in one.items():
        assert two[step] == pytest.approx(loss, rel=1e-4)
    weights = "transformer/diffusion_pytorch_model.safetensors"
    folders = (model_folder, tmp_path / "1/model", tmp_path / "2/model")
    start, first, second = (load_file(folder / weights) for folder in folders)

    def distance(a, b):
        return float(sum((a[name] - b[name]).square().sum() for name in a)) ** 0.5

    # Adam blows rounding up to whole steps where a gradient is nought, so not value by value.
    assert distance(first, second) < 0.05 * distance(first, start)


def test_a_sharded_run_resumes_from_what_one_process_saved(cache_folder, model_folder, tmp_path):
    def run(name, *settings, processes):
        flags = ("loop.sharded=true", *settings)
        words = command(cache_folder, model_folder, tmp_path / name, *flags, processes=processes)
        subprocess.run(words, check=True, capture_output=True, env=environment(), timeout=90)

    run("whole", processes=1)
    shutil.copytree(tmp_path / "whole", tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved/step-00000006")
    run("moved", processes=2)
    whole, moved = log_of(tmp_path / "whole"), log_of(tmp_path / "moved")
    assert moved == pytest.approx(whole, rel=1e-4)


def test_frozen_halves_are_spread_with_the_adapters_between_them(
    cache_folder, model_folder, tmp_path
):
    settings = (
        *("loop.precision=bf16", "loop.gradient_checkpointing=true", "loop.sharded=true"),
        *("loop.steps=2", "optim.lr=1e-4"),
    )
    for processes in (1, 2):
        run = command(
            *(cache_folder, model_folder, tmp_path / str(processes), *settings),
            processes=processes,
            recipe="lora",
        )
        subprocess.run(run, check=True, capture_output=True, env=environment(), timeout=90)
    for figure, within in (("loss", 1e-3), ("grad_norm", 2e-2)):
        one, two = (log_of(tmp_path / name, figure) for name in ("1", "2"))
        assert two == pytest.approx(one, rel=within)


@pytest.mark.parametrize(("precision", "within"), [("fp32", 1e-5), ("bf16", 1e-3)])
def test_checkpointed_gradients_are_the_same(make_trainer, precision, within):
    kind = f"loop.precision={precision}"
    plain = make_trainer("plain", kind)
    again = make_trainer("again", kind, "loop.gradient_checkpointing=true")
    plain.train()
    again.train()
    assert log_of(again.run) == pytest.approx(log_of(plain.run), rel=within)
