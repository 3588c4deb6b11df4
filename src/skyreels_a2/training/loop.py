"""The training loop: flat, resumable, the same on one process or many.

Sample `i` of step `s` has a number and a generator of its own, both from the seed. So a step is
the same however it is cut into micro-batches and processes, and a resumed run goes on with the
very losses that an unbroken one has.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from skyreels_a2.errors import SkyReelsA2Error
from skyreels_a2.runtime.attention import plain_attention
from skyreels_a2.training.callbacks import Callback
from skyreels_a2.training.checkpoints import (
    checkpoints,
    drop_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from skyreels_a2.training.config import TrainConfig
from skyreels_a2.training.ema import Ema
from skyreels_a2.training.processes import Processes
from skyreels_a2.training.sharding import (
    load_optimizer_state,
    optimizer_state,
    put,
    shard,
    whole,
)
from skyreels_a2.training.task import Task
from skyreels_a2.training.trainable import halve_frozen

logger = logging.getLogger(__name__)


class TrainingStoppedError(SkyReelsA2Error):
    """The loss was not finite for too many steps in a row."""


class Trainer:
    """Trains a task.

    Args:
        task: Model, data and loss.
        config: Settings.
        run: Folder for checkpoints and logs.
        device: Where the model comes to, frozen parts halved and, if it is to be, spread; where it
            is if None.
        callbacks: Told of every step.
        processes: The group this process trains in.
    """

    def __init__(
        self,
        task: Task,
        config: TrainConfig,
        run: Path,
        *,
        device: torch.device | None = None,
        callbacks: Sequence[Callback] = (),
        processes: Processes | None = None,
    ) -> None:
        self.task, self.config, self.run = task, config, run
        self.callbacks = callbacks
        self.processes = processes or Processes()
        self.processes.check_batch(config.loop.batch_size)
        self.step = 0
        self.skipped = 0
        self._bad_in_a_row = 0
        if config.loop.gradient_checkpointing:
            checkpointed: Any = task.model
            checkpointed.enable_gradient_checkpointing()
        if config.loop.precision == "bf16":
            halve_frozen(task.model)
        self.is_sharded = config.loop.sharded and self.processes.size > 1
        if self.is_sharded:
            config.optim.check_sharded()
            shard(task.model)
        elif device is not None:
            task.model.to(device)
        self._parameters = [p for p in task.model.parameters() if p.requires_grad]
        self.optimizer = config.optim.optimizer(self._parameters)
        decay = config.loop.ema_decay
        self.ema = Ema(task.model, decay) if decay else None

    def train(self, *, resume: bool = True) -> None:
        """Run to the end.

        Args:
            resume: Go on from the newest checkpoint in the run's folder, if there is one; else
                those that are there are removed.

        Raises:
            TrainingStoppedError: No finite loss for `nan_patience` steps.
        """
        if resume and (found := checkpoints(self.run)):
            self.load(found[-1])
        elif self.processes.is_first:
            drop_checkpoints(self.run)
        loop = self.config.loop
        for callback in self.callbacks:
            callback.on_start(self)
        while self.step < loop.steps:
            figures = self._one_step()
            self.step += 1
            for callback in self.callbacks:
                callback.on_step(self, figures)
            if self.step % loop.checkpoint_every == 0 or self.step == loop.steps:
                self.save()
        for callback in self.callbacks:
            callback.on_end(self)

    def save(self) -> None:
        """Write a checkpoint: the first process does, with the parts of all."""
        parts: dict[str, Any] = {
            "model": self.trained(),
            "optimizer": optimizer_state(self.optimizer),
        }
        if self.ema is not None:
            parts["ema"] = {name: whole(mean) for name, mean in self.ema.state_dict().items()}
        if not self.processes.is_first:
            return
        state = {"skipped": self.skipped, "config": self.config.model_dump()}
        save_checkpoint(self.run, self.step, parts, state, keep=self.config.loop.keep_checkpoints)

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint."""
        parts, state = load_checkpoint(folder)
        named = dict(self.task.model.named_parameters())
        for name, value in parts["model"].items():
            put(named[name], value)
        self._load_optimizer(parts["optimizer"], state["config"]["optim"].get("name", "adamw"))
        if self.ema is not None and "ema" in parts:
            self.ema.load_state_dict(parts["ema"])
        self.step, self.skipped = state["step"], state["skipped"]

    def _load_optimizer(self, state: Mapping[str, Any], name: str) -> None:
        if name == self.config.optim.name:
            load_optimizer_state(self.optimizer, state)
        else:
            logger.warning(
                "the checkpoint was made with %s: %s begins without what that had gathered",
                name,
                self.config.optim.name,
            )

    def averaged(self) -> AbstractContextManager[None]:
        """Within it the task's model has the averaged weights."""
        return nullcontext() if self.ema is None else self.ema.applied()

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Within it the model computes in the precision of the run."""
        casting = torch.autocast(
            self._device,
            dtype=torch.bfloat16,
            enabled=self._halves,
            # It would keep halves of gathered weights that are given back after each block.
            cache_enabled=not self.is_sharded,
        )
        with casting, self._attention():
            yield

    def _attention(self) -> AbstractContextManager[None]:
        return plain_attention() if self._halves and self._device == "cpu" else nullcontext()

    @property
    def _halves(self) -> bool:
        return self.config.loop.precision == "bf16"

    @property
    def _device(self) -> str:
        return next(self.task.model.parameters()).device.type

    def trained(self) -> dict[str, Tensor]:
        """What is trained, in one piece on the CPU; every process must ask."""
        named = self.task.model.named_parameters()
        return {name: whole(p) for name, p in named if p.requires_grad}

    def _one_step(self) -> dict[str, float]:
        """One optimiser step; a loss that is not finite leaves the weights as they are."""
        optim, loop = self.config.optim, self.config.loop
        for group in self.optimizer.param_groups:
            group["lr"] = optim.lr_at(self.step, loop.steps)
        self.optimizer.zero_grad(set_to_none=True)
        figures = self._accumulate()
        if not self.is_sharded:
            self.processes.sum_gradients(self._parameters)
        norm = whole(torch.nn.utils.clip_grad_norm_(self._parameters, optim.clip))
        figures["loss"] = self.processes.sum_value(figures["loss"])
        if torch.isfinite(norm) and torch.isfinite(torch.tensor(figures["loss"])):
            with self.autocast():
                self.optimizer.step()
            if self.ema is not None:
                self.ema.update(self.step)
            self._bad_in_a_row = 0
        else:
            self._skip()
        return {**figures, "grad_norm": float(norm), "lr": self.optimizer.param_groups[0]["lr"]}

    def _skip(self) -> None:
        self.skipped += 1
        self._bad_in_a_row += 1
        logger.warning("step %d has no finite loss and was skipped", self.step)
        if self._bad_in_a_row >= self.config.loop.nan_patience:
            raise TrainingStoppedError(
                f"no finite loss for {self._bad_in_a_row} steps, up to step {self.step}: resume "
                "with a smaller optim.lr, or with loop.precision=fp32"
            )

    def _accumulate(self) -> dict[str, float]:
        """Gradients of this process's share of the batch; figures are sums over its samples."""
        size = self.config.loop.batch_size
        total: dict[str, float] = {"loss": 0.0}
        for numbers in self._micro_batches():
            indices = [self.step * size + number for number in numbers]
            # The backward pass too, which may compute blocks again.
            with self._attention():
                losses, figures = self._backward(indices)
            total["loss"] += float(losses.sum()) / size
            total |= figures
        return total

    def _backward(self, indices: Sequence[int]) -> tuple[Tensor, dict[str, float]]:
        """Add the gradients of some samples; their losses, and figures."""
        loop = self.config.loop
        with self.autocast():
            losses, figures = self.task.losses(
                indices, self._generators(indices), self.step / loop.steps
            )
        # FSDP2 takes the mean over processes where the batch needs the sum.
        factor = self.processes.size if self.is_sharded else 1
        # torch has no types for it.
        (losses.sum() * factor / loop.batch_size).backward()  # type: ignore[no-untyped-call]
        return losses.detach(), figures

    def _micro_batches(self) -> Iterator[list[int]]:
        mine = list(self.processes.share(range(self.config.loop.batch_size)))
        # Sharded, every process must make the same number of passes, whatever its samples' shapes.
        step = 1 if self.is_sharded else self.config.loop.micro_batch
        return (mine[start : start + step] for start in range(0, len(mine), step))

    def _generators(self, indices: Sequence[int]) -> list[Generator]:
        seed = self.config.loop.seed
        return [Generator().manual_seed((seed << 40) + index) for index in indices]
