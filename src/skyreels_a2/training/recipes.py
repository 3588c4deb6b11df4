"""Recipes: what is trained, from what, at what cost. Each is a function that builds a task.

Memory of the large model is counted in `docs/training-memory.md`; costs of the tiny one are
those of its own training.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from skyreels_a2.conditioning.dual_encoder import DualEncoder
from skyreels_a2.data.backends.drawn import DrawnNetwork
from skyreels_a2.errors import InputError
from skyreels_a2.pipeline.a2 import SkyReelsA2Pipeline
from skyreels_a2.pipeline.folders import model_folder
from skyreels_a2.pipeline.schedulers import flow_shift_of
from skyreels_a2.scenes.sources import open_source
from skyreels_a2.training.compilation import compile_blocks
from skyreels_a2.training.config import Loop, Optim, TrainConfig
from skyreels_a2.training.decoder import DecoderTask
from skyreels_a2.training.dual_encoder import DualEncoderTask
from skyreels_a2.training.flow import FlowTask
from skyreels_a2.training.segmenter import SegmenterTask, holds_segmenter, untrained
from skyreels_a2.training.setup import Setup
from skyreels_a2.training.task import Task
from skyreels_a2.training.trainable import select
from skyreels_a2.training.vae import VaeTask, stages


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to train.

    Attributes:
        name: What the command line calls it.
        trains: Parameters that change.
        cost: Time it takes.
        memory: Memory it takes.
        expect: What should come of it.
        config: Its settings, where nothing else is said.
        build: Makes the task.
        part: Component that it writes; "lora" and "segmenter" are no parts of a model folder.
    """

    name: str
    trains: str
    cost: str
    memory: str
    expect: str
    config: TrainConfig
    build: Callable[[Setup, TrainConfig], Task]
    part: str = "transformer"

    def task(self, setup: Setup, config: TrainConfig) -> Task:
        """What is to be trained; new weights, such as adapters, are those of the run's seed.

        So every process, and every run of that seed, begins with the same.
        """
        torch.manual_seed(config.loop.seed)
        return self.build(setup, config)


def vae(setup: Setup, config: TrainConfig) -> Task:
    """Reconstruct rendered scenes."""
    source = setup.source()
    pipeline = setup.pipeline()
    pipeline.vae.requires_grad_(requires_grad=True).train()
    if config.vae.decoder_only:
        for part in (pipeline.vae.encoder, pipeline.vae.quant_conv):
            part.requires_grad_(requires_grad=False)
    return VaeTask(
        pipeline.vae,
        source,
        setup.spec,
        stages=stages(config.vae.pictures, config.vae.side),
        subject_weight=config.vae.subject_weight,
        equivariance=config.vae.equivariance,
    )


def decoder(setup: Setup, config: TrainConfig) -> Task:
    """Show the VAE's decoder what the transformer makes."""
    pipeline = setup.pipeline()
    pipeline.vae.requires_grad_(requires_grad=False)
    for part in (pipeline.vae.decoder, pipeline.vae.post_quant_conv):
        part.requires_grad_(requires_grad=True)
    return DecoderTask(
        pipeline.vae,
        pipeline.transformer,
        setup.examples(pipeline),
        pipeline.defaults.sampling,
        flow_shift=flow_shift_of(pipeline.scheduler),
        subject_weight=config.vae.subject_weight,
    )


def dual_encoder(setup: Setup, config: TrainConfig) -> Task:
    """Contrast pictures, names and captions; its vision tower is the image encoder."""
    del config
    source = setup.source()
    pipeline = setup.pipeline()
    encoder = DualEncoder(
        pipeline.image_encoder,
        pipeline.text_encoder,
        image_processor=pipeline.image_processor,
        tokenizer=pipeline.tokenizer,
    )
    encoder.requires_grad_(requires_grad=True).to(setup.device)
    return DualEncoderTask(encoder, source, setup.spec)


def segmenter(setup: Setup, config: TrainConfig) -> Task:
    """Tell characters and objects of drawn footage from the place.

    Every second scene is of the builtin drawings, which are fewer than the fetched ones.
    """
    del config
    folder, sources = Path(setup.model), (setup.source(), open_source("builtin"))
    if holds_segmenter(folder):
        return SegmenterTask(DrawnNetwork.opened(folder).to(setup.device), sources)
    return SegmenterTask(untrained().to(setup.device), sources, head_alone=0.3)


def paper(setup: Setup, config: TrainConfig) -> Task:
    """Base frozen; image cross-attention, patch embedding and image embedder trained."""
    return _flow(setup, config, "paper")


def lora(setup: Setup, config: TrainConfig) -> Task:
    """Base frozen; low-rank adapters in attention and feed-forward trained."""
    return _flow(setup, config, "lora")


def full(setup: Setup, config: TrainConfig) -> Task:
    """The whole transformer trained."""
    return _flow(setup, config, "full")


def _flow(setup: Setup, config: TrainConfig, what: str) -> Task:
    # The trainer brings the transformer to the device, by then frozen, halved and spread.
    pipeline = setup.pipeline_for_flow()
    examples = setup.examples(pipeline)
    select(pipeline.transformer, what, lora_rank=setup.lora_rank)
    pipeline.transformer.train()
    if config.loop.compile:
        compile_blocks(pipeline.transformer)
    return FlowTask(
        pipeline.transformer,
        examples,
        pipeline.conditioner(),
        config.flow,
        order=config.loop.order(len(examples), examples.shapes()),
        samples=setup.samples(pipeline),
    )


_LARGE = TrainConfig(
    optim=Optim(lr=1e-5, schedule="constant"),
    loop=Loop(steps=10_000, batch_size=256, micro_batch=1),
)
_TINY = TrainConfig(optim=Optim(lr=1e-3), loop=Loop(steps=20_000, batch_size=32, micro_batch=32))

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "paper",
            "image cross-attention, patch embedding, image embedder (2.1 of 16.4 B)",
            "the paper gives no steps; lr 1e-5, global batch 256",
            "14B: 98.9 GB on one GPU, 35.7 on each of 8",
            "a fine-tune that keeps the base model's motion and text",
            _LARGE,
            paper,
        ),
        Recipe(
            "lora",
            "adapters of rank 64",
            "hundreds to thousands of steps",
            "14B: 68.0 GB on one GPU, 34.5 on each of 8",
            "a file that generate takes with --lora",
            _LARGE.with_settings(["optim.lr=1e-4", "loop.batch_size=16", "loop.steps=2000"]),
            lora,
            part="lora",
        ),
        Recipe(
            "full",
            "the whole transformer",
            "a tiny model: hours on two cores; the 14B: a cluster",
            "14B: 78.9 GB on each of 8 GPUs",
            "the tiny model from nothing; the paper found full tuning no better at 14B",
            _TINY,
            full,
        ),
        Recipe(
            "vae",
            "encoder and decoder of the VAE",
            "a tiny one: hours on two cores",
            "2 GB for the tiny one",
            "26 dB or more on held-out scenes",
            _TINY.with_settings(["loop.precision=fp32", "loop.batch_size=16", "loop.steps=8000"]),
            vae,
            part="vae",
        ),
        Recipe(
            "decoder",
            "the VAE's decoder, on latents that the transformer makes",
            "a tiny one: 17 minutes of one core",
            "1.4 GB for the tiny one",
            "less of a grid, for 0.3 dB (docs/design.md, 15); the transformer stays as it is",
            _TINY.with_settings(
                ["loop.batch_size=8", "loop.steps=200", "vae.subject_weight=3", "optim.name=muon"]
            ),
            decoder,
            part="vae",
        ),
        Recipe(
            "dual-encoder",
            "image encoder, text encoder and their projections",
            "a tiny one: 17 samples/s on two cores, 70 minutes for 2,200 steps",
            "2 GB for the tiny one",
            "pictures, names and captions in one space; train it before the transformer",
            _TINY.with_settings(["loop.precision=fp32", "loop.steps=4000"]),
            dual_encoder,
            part="dual_encoder",
        ),
        Recipe(
            "segmenter",
            "the data pipeline's segmenter of drawn footage; --model is one to go on from",
            "half an hour of one core",
            "1.8 GB",
            "overlap (IoU) with characters 0.85 and objects 0.65 of held-out scenes",
            _TINY.with_settings(
                [
                    "optim.warmup_steps=50",
                    "loop.batch_size=16",
                    "loop.steps=800",
                    "loop.ema_decay=0.99",
                    "loop.validate_every=200",
                ]
            ),
            segmenter,
            part="segmenter",
        ),
    )
}


def find_recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        InputError: There is none.
    """
    if name not in RECIPES:
        raise InputError(f"no recipe {name!r}: use one of {', '.join(RECIPES)}")
    return RECIPES[name]


def export_model(recipe: Recipe, setup: Setup, task: Task, folder: Path) -> Path:
    """Write what was trained as something that `generate` opens.

    Args:
        recipe: What was trained.
        setup: What it started from.
        task: The trained task.
        folder: Where to.

    Returns:
        A model folder, a LoRA file, or the folder of a segmenter.
    """
    if recipe.part == "lora":
        return _export_lora(task.model, folder)
    shutil.rmtree(folder, ignore_errors=True)
    if recipe.part == "segmenter":
        task.export(folder)
        return folder
    start = model_folder(setup.model)
    shutil.copytree(start, folder, ignore=shutil.ignore_patterns(recipe.part))
    task.export(folder)
    return folder


def _export_lora(transformer: Any, folder: Path) -> Path:
    from peft import get_peft_model_state_dict

    layers = get_peft_model_state_dict(transformer)
    SkyReelsA2Pipeline.save_lora_weights(folder, transformer_lora_layers=layers)
    return folder / "pytorch_lora_weights.safetensors"
