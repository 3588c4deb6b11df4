"""Settings of a training run: frozen, checked, and changed by `key=value`."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Literal, Self

import torch
from pydantic import Field, model_validator

from skyreels_a2.errors import InputError
from skyreels_a2.settings import Section, Sections
from skyreels_a2.training.muon import MuonAdamW
from skyreels_a2.training.order import Order


class Optim(Section):
    """Optimiser and schedule.

    Attributes:
        name: "adamw", or "muon": matrices by Muon and the rest by AdamW, which learns more from
            a sample where a whole model is trained from nothing.
        lr: Peak learning rate.
        warmup_steps: Steps of linear rise.
        schedule: After that, constant, or a cosine down to a tenth.
        clip: Greatest norm of the gradient.
    """

    name: Literal["adamw", "muon"] = "adamw"
    lr: float = Field(default=1e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup_steps: int = Field(default=100, ge=0)
    schedule: Literal["constant", "cosine"] = "cosine"
    clip: float = Field(default=1.0, gt=0)

    def optimizer(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """A fresh optimiser; matrices decay, vectors do not."""
        trained = [p for p in parameters if p.requires_grad]
        if self.name == "muon":
            return MuonAdamW(trained, lr=self.lr, betas=self.betas, weight_decay=self.weight_decay)
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=self.lr, betas=self.betas)

    def check_sharded(self) -> None:
        """Refuse what cannot be spread over processes.

        Raises:
            InputError: Muon, which needs whole matrices.
        """
        if self.name == "muon":
            raise InputError(
                "optim.name=muon needs whole matrices: use adamw or loop.sharded=false"
            )

    def lr_at(self, step: int, num_steps: int) -> float:
        """Learning rate of a step (from 0) of a run."""
        if step < self.warmup_steps:
            return self.lr * (step + 1) / self.warmup_steps
        if self.schedule == "constant":
            return self.lr
        done = (step - self.warmup_steps) / max(1, num_steps - self.warmup_steps)
        return self.lr * (0.1 + 0.9 * (1 + math.cos(math.pi * min(1.0, done))) / 2)


class Loop(Section):
    """How long, how much at once, and what is kept.

    Attributes:
        steps: Optimiser steps.
        batch_size: Samples a step, over all processes and accumulations together.
        micro_batch: Samples in one forward pass.
        seed: Decides data, noise and dropouts of every step.
        precision: "bf16" runs the forward pass under autocast.
        ema_decay: Decay of the running mean of the weights; 0 keeps none.
        checkpoint_every, keep_checkpoints: Steps between checkpoints, and how many stay.
        validate_every: Steps between validations.
        nan_patience: Steps in a row without a finite loss before the run stops.
        gradient_checkpointing: Compute each block again in the backward pass instead of keeping
            what it made.
        compile: Compile the transformer's blocks; not together with `sharded`. Recipes of other
            parts do not look at it.
        tensorboard: Also write curves and validation's pictures for TensorBoard.
        sharded: Spread weights, gradients, optimiser and average over the processes (FSDP2).
    """

    steps: int = Field(default=1000, ge=1)
    batch_size: int = Field(default=16, ge=1)
    micro_batch: int = Field(default=16, ge=1)
    seed: int = Field(default=0, ge=0)
    precision: Literal["fp32", "bf16"] = "bf16"
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    checkpoint_every: int = Field(default=200, ge=1)
    keep_checkpoints: int = Field(default=2, ge=1)
    validate_every: int = Field(default=1000, ge=1)
    nan_patience: int = Field(default=10, ge=1)
    gradient_checkpointing: bool = False
    sharded: bool = False
    compile: bool = False
    tensorboard: bool = False

    @model_validator(mode="after")
    def _compiles_what_is_whole(self) -> Self:
        if self.compile and self.sharded:
            raise ValueError("loop.compile and loop.sharded do not go together: set one to false")
        return self

    def order(self, count: int, shapes: Sequence[Hashable] | None = None) -> Order:
        """In which order so many examples come."""
        return Order(count, batch_size=self.batch_size, seed=self.seed, shapes=shapes)


class Flow(Section):
    """What is random in flow matching; recipes of other objectives do not look at it.

    Attributes:
        sigma: Sampler of noise levels; see `objective.sample_sigma`.
        shift: Its shift.
        drop_caption: Share of samples whose caption is dropped (30 % in the paper).
        drop_references: Share of samples whose references are all dropped (10 %).
        say_roles: Share of samples whose caption says "the character", "the object" and "the
            place" instead of what they look like, which is then in the references alone. A
            young model else learns to read, and looks at its references late.
        cut: Share of samples of which only the beginning is trained on, for speed: tokens of a
            video in half its length cost less than half.
        cut_frames: Latent frames of the video, beside those under references, that are left then.
        coarse: Share of samples at half the width and height, means over 2×2 latents: whole videos
            for the price of a beginning, where a young model learns to move and to look.
        alike: So many samples in a row are cut and made coarse all of them or none, so that they
            share a forward pass; the batch size, or 1 to draw for each.
        move: Share of samples whose subjects stand elsewhere in their references and are mirrored
            one time in two: a cache of few scenes tells a new thing each time round. The latents
            must mirror as pictures do (`vae.equivariance`).
        hide: Put noise in place of what the video shows under the references. Sampling knows
            nothing of it either, and else a model reads there what it should make.
        subject_weight: What an error counts where characters and objects are seen, against 1 on
            the background, which fills most of a frame. Only scenes tell where that is.
        correspondence: Weight of the lesson that tells some heads which places of the references
            a video shows (`training.correspondence`). Only scenes know.
    """

    sigma: Literal["uniform", "logit-normal", "shifted"] = "logit-normal"
    shift: float = Field(default=3.0, gt=0)
    drop_caption: float = Field(default=0.3, ge=0, le=1)
    drop_references: float = Field(default=0.1, ge=0, le=1)
    say_roles: float = Field(default=0.0, ge=0, le=1)
    cut: float = Field(default=0.0, ge=0, le=1)
    cut_frames: int = Field(default=5, ge=1)
    coarse: float = Field(default=0.0, ge=0, le=1)
    alike: int = Field(default=1, ge=1)
    move: float = Field(default=0.0, ge=0, le=1)
    hide: bool = False
    subject_weight: float = Field(default=1.0, ge=1)
    correspondence: float = Field(default=0.0, ge=0)


class Vae(Section):
    """Lessons of the recipe `vae`; others do not look at it.

    Attributes:
        pictures: Share of the run in which it sees single pictures; then 5 frames, and 9 frames
            in the last part. A trained VAE goes on with 0.
        subject_weight: What an error counts where characters and objects are seen, against 1.
        side: Pixels of the squares that it sees, a multiple of 16.
        equivariance: Weight of the lesson that latents shrink as pictures do
            (`training.equivariance`), 0.01 if any: then half of each side is decoded.
        decoder_only: Leave the latents as they are: a transformer need not be trained again.
    """

    pictures: float = Field(default=0.6, ge=0, le=1)
    subject_weight: float = Field(default=1.0, ge=1)
    side: int = Field(default=64, ge=32, multiple_of=16)
    equivariance: float = Field(default=0.0, ge=0)
    decoder_only: bool = False


class TrainConfig(Sections):
    """A whole run."""

    optim: Optim = Optim()
    flow: Flow = Flow()
    vae: Vae = Vae()
    loop: Loop = Loop()
