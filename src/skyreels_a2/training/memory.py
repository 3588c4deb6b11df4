"""Memory of training, counted: bytes of every weight, state and saved activation on one GPU.

The transformer is built on the meta device, so the 14B model is counted in a second and takes no
memory. Activations are a table of shapes, one line for each kind of tensor that autograd keeps;
a test compares it with what autograd really keeps. Nothing here looks at a GPU.

What is assumed: one sample a GPU; autocast to bfloat16; frozen weights in bfloat16; trained ones,
their gradients, AdamW's moments and the running mean in float32, all cut by FSDP2 over all GPUs
along the first axis; memory-saving attention. The VAE and both encoders count 0: latents and
tokens are cached before (`skyreels-a2 cache`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from diffusers import WanTransformer3DModel

from skyreels_a2.conditioning.prompts import TEXT_LENGTH
from skyreels_a2.errors import InputError
from skyreels_a2.pipeline.configs import PUBLISHED
from skyreels_a2.training.trainable import select
from skyreels_a2.video import VideoSpec

TOKENS_PER_REFERENCE = 257
"""Of CLIP ViT-H/14 at 224 pixels."""
LORA_RANK = 64

_VAE_STRIDE = 8
_BF16, _FP32 = 2, 4
_ALL = ("paper", "lora", "full")
_Row = tuple[str, tuple[str, ...], tuple[int | str, ...]]
SYMBOLS: Mapping[str, str] = {
    "T": "video tokens",
    "S": "text tokens",
    "I": "picture tokens",
    "M": "S + I",
    "d": "width",
    "f": "width inside the feed-forward",
    "h": "heads",
    "p": "width of a head",
    "r": "LoRA rank",
    "L": "blocks",
    "C": "values of the transformer's input",
    "x": "width of the text encoder",
    "y": "width of the image encoder",
}
"""What the letters of the formulas stand for."""
IN_BLOCK: tuple[_Row, ...] = (
    ("inputs of the three layer norms, float32", _ALL, (3, "T", "d", 4)),
    ("self q and k, cross q before their norms, float32", _ALL, (3, "T", "d", 4)),
    ("self-attention: q, k, v, result", _ALL, (4, "T", "d", 2)),
    ("cross-attention: q, result of pictures, result of text", _ALL, (3, "T", "d", 2)),
    ("input of GELU", _ALL, ("T", "f", 2)),
    ("cross k of text and pictures before the norms, float32", _ALL, ("M", "d", 4)),
    ("cross k and v of text and pictures", _ALL, (2, "M", "d", 2)),
    ("softmax sums of three attentions, float32", _ALL, (3, "T", "h", 4)),
    ("statistics of three layer norms and three RMS norms, float32", _ALL, (9, "T", 4)),
    ("output of GELU, the input of a trained layer", ("lora", "full"), ("T", "f", 2)),
    ("inputs of self q/k/v, cross q, cross out, feed-forward", ("full",), (4, "T", "d", 2)),
    ("normalised values under two trained scales, float32", ("full",), (2, "T", "d", 4)),
    ("results under two trained gates, bfloat16 and float32", ("full",), ("T", "d", 6)),
    ("each adapter's own copy of its input", ("lora",), (7, "T", "d", 2)),
    ("the same of text and pictures, for k and v", ("lora",), (2, "M", "d", 2)),
    ("between the two matrices of eight adapters", ("lora",), (8, "T", "r", 2)),
    ("the same of text and pictures, for k and v", ("lora",), (2, "M", "r", 2)),
)
"""What autograd keeps of one block: what, by which recipes, and the factors of its bytes."""
OUTSIDE: tuple[_Row, ...] = (
    ("text and picture tokens, read by every block", _ALL, ("M", "d", 2)),
    ("rotary cosines and sines, float32", _ALL, (2, "T", "p", 4)),
    ("input of the last norm, float32", _ALL, ("T", "d", 4)),
    ("output of the last norm, float32, and input of the projection", ("full",), ("T", "d", 6)),
    ("noisy latents, mask and condition", ("paper", "full"), ("C", 2)),
    ("inside the image embedder", ("paper", "full"), ("I", "y", 10)),
    ("its last norm, float32", ("paper", "full"), ("I", "d", 4)),
    ("input of the text embedder", ("full",), ("S", "x", 2)),
    ("inside it", ("full",), (2, "S", "d", 2)),
)
"""What autograd keeps before and after the blocks."""
BLOCK_INPUTS: tuple[_Row, ...] = (("input of every block", _ALL, ("L", "T", "d", 2)),)
"""What gradient checkpointing keeps of the blocks."""
IN_FLIGHT: tuple[_Row, ...] = (
    ("gradients of GELU's input and output", _ALL, (2, "T", "f", 2)),
    ("gradient of the residual stream, float32", _ALL, ("T", "d", 4)),
)
"""What the backward pass of a block holds beside what was kept, at its widest place."""


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of tensor: what it is, its formula, its bytes."""

    what: str
    formula: str
    num_bytes: int


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Bytes on one GPU, the first, which has the largest shards.

    Attributes:
        recipe, num_gpus: What was counted.
        num_parameters: Of the transformer, adapters included.
        num_trained: Those that are trained.
        weights: Frozen weights, bfloat16.
        master: Trained weights, float32.
        moments: AdamW's two moments and step counters, float32.
        gradients: Of the trained weights, float32.
        ema: Running mean of the trained weights, float32.
        gathered: Copies that compute. One GPU: bfloat16 ones of all that is trained. More: two
            blocks (one at work, one on its way) and all that is outside the blocks, as they are
            stored; of one block what is trained in bfloat16, and its gradients in float32 twice,
            until they are reduced.
        streamed: bfloat16 copies, if the weights lay in the host's memory.
        block_inputs: Kept by gradient checkpointing.
        activations: All else that autograd keeps, and the gradients in flight.
        step_buffers: AdamW's temporary values, when activations are gone.
        encoders: VAE, text and image encoder: 0, their results are cached.
    """

    recipe: str
    num_gpus: int
    num_parameters: int
    num_trained: int
    weights: int
    master: int
    moments: int
    gradients: int
    ema: int
    gathered: int
    streamed: int
    block_inputs: int
    activations: int
    step_buffers: int
    encoders: int = 0

    @property
    def total(self) -> int:
        """The peak: what always lies there, and the larger of the backward pass and the step."""
        backward = self.gathered + self.block_inputs + self.activations
        return self.resident + max(backward, self.step_buffers)

    @property
    def resident(self) -> int:
        """What lies on the GPU between steps, gradients included."""
        return self.weights + self.master + self.moments + self.gradients + self.ema + self.encoders

    def offloads(self) -> tuple[tuple[str, int], ...]:
        """What can be moved to the host's memory, one after the other: what, and the peak then."""
        backward = self.block_inputs + self.activations
        without_ema = self.total - self.ema
        # The optimiser then steps on the host, so that its temporary values lie there too.
        moments = self.resident - self.ema - self.moments + self.gathered + backward
        return (
            ("EMA", without_ema),
            ("EMA and AdamW", moments),
            ("all weights and states", self.streamed + backward),
            ("all weights, states and block inputs", self.streamed + self.activations),
        )


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    shape: tuple[int, ...]
    trained: bool

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    def shard(self, num_gpus: int) -> int:
        """Elements on the first GPU: FSDP2 cuts the first axis."""
        return -(-self.shape[0] // num_gpus) * math.prod(self.shape[1:])

    @property
    def block(self) -> str:
        """Its block's number, empty outside the blocks."""
        first, _, rest = self.name.partition(".")
        return rest.partition(".")[0] if first == "blocks" else ""


def plan(
    transformer: Any,
    recipe: str,
    num_gpus: int,
    *,
    frames: int = 81,
    height: int = 480,
    width: int = 832,
    num_references: int = 3,
    checkpointing: bool = True,
    ema: bool = True,
) -> MemoryPlan:
    """Count the bytes of training with one sample on each GPU.

    Args:
        transformer: A `WanTransformer3DModel`, which is left as it is, or its config.
        recipe: "paper", "lora" (of rank 64) or "full".
        num_gpus: How many share the weights and states.
        frames, height, width: The video, reference frames included.
        num_references: Pictures, 257 tokens each.
        checkpointing: Whether blocks are computed again in the backward pass.
        ema: Whether a running mean is kept.

    Raises:
        InputError: An unknown recipe, no GPU or no such video.
    """
    if num_gpus < 1:
        raise InputError(f"number of GPUs is {num_gpus}: use 1 or more")
    config = config_of(transformer)
    parameters = _parameters(json.dumps(config), recipe)
    trained = [p for p in parameters if p.trained]
    sizes = sizes_of(config, VideoSpec(width, height, frames, fps=15), num_references)
    mine = sum(p.shard(num_gpus) for p in trained)
    inputs = sum_lines(lines(BLOCK_INPUTS, recipe, sizes)) if checkpointing else 0
    return MemoryPlan(
        recipe=recipe,
        num_gpus=num_gpus,
        num_parameters=sum(p.count for p in parameters),
        num_trained=sum(p.count for p in trained),
        weights=_BF16 * sum(p.shard(num_gpus) for p in parameters if not p.trained),
        master=_FP32 * mine,
        moments=2 * _FP32 * mine + _FP32 * len(trained),
        gradients=_FP32 * mine,
        ema=_FP32 * mine if ema else 0,
        gathered=_gathered(parameters) if num_gpus > 1 else _BF16 * mine,
        streamed=_streamed(parameters),
        block_inputs=inputs,
        activations=kept(recipe, sizes, num_blocks=1 if checkpointing else sizes["L"])
        + sum_lines(lines(IN_FLIGHT, recipe, sizes)),
        step_buffers=_FP32 * mine,
    )


def config_of(transformer: Any) -> dict[str, Any]:
    """The plain config of a transformer, or of what is one already."""
    config = transformer if isinstance(transformer, Mapping) else transformer.config
    return {key: config[key] for key in PUBLISHED["transformer"]}


def sizes_of(config: Mapping[str, Any], spec: VideoSpec, num_references: int) -> dict[str, int]:
    """Values of `SYMBOLS`."""
    across, down = spec.width // _VAE_STRIDE, spec.height // _VAE_STRIDE
    volume = spec.num_latent_frames * across * down
    heads, per_head = config["num_attention_heads"], config["attention_head_dim"]
    images = num_references * TOKENS_PER_REFERENCE
    return {
        "T": volume // math.prod(config["patch_size"]),
        "S": TEXT_LENGTH,
        "I": images,
        "M": TEXT_LENGTH + images,
        "d": heads * per_head,
        "f": config["ffn_dim"],
        "h": heads,
        "p": per_head,
        "r": LORA_RANK,
        "L": config["num_layers"],
        "C": config["in_channels"] * volume,
        "x": config["text_dim"],
        "y": config["image_dim"],
    }


def lines(rows: tuple[_Row, ...], recipe: str, sizes: Mapping[str, int]) -> list[Line]:
    """The rows of a table that a recipe has, with their bytes."""
    return [
        Line(
            what,
            "·".join(map(str, factors)),
            math.prod(f if isinstance(f, int) else sizes[f] for f in factors),
        )
        for what, recipes, factors in rows
        if recipe in recipes
    ]


def sum_lines(counted: list[Line]) -> int:
    """Bytes of all lines."""
    return sum(line.num_bytes for line in counted)


def kept(recipe: str, sizes: Mapping[str, int], *, num_blocks: int) -> int:
    """Bytes that autograd keeps of so many blocks and of what is outside, block inputs aside."""
    block = sum_lines(lines(IN_BLOCK, recipe, sizes))
    return sum_lines(lines(OUTSIDE, recipe, sizes)) + num_blocks * block


@cache
def _parameters(config: str, recipe: str) -> tuple[_Parameter, ...]:
    """Every parameter of a model with a config (JSON) and what a recipe trains of it."""
    with torch.device("meta"):
        transformer = WanTransformer3DModel(**json.loads(config))
    select(transformer, recipe, lora_rank=LORA_RANK)
    return tuple(
        _Parameter(name, tuple(parameter.shape), parameter.requires_grad)
        for name, parameter in transformer.named_parameters()
    )


def _gathered(parameters: tuple[_Parameter, ...]) -> int:
    at_once = [p for p in parameters if not p.block] + 2 * [p for p in parameters if p.block == "0"]
    stored = sum((_FP32 if p.trained else _BF16) * p.count for p in at_once)
    gradients = sum(p.count for p in parameters if p.block == "0" and p.trained)
    return stored + (_BF16 + 2 * _FP32) * gradients


def _streamed(parameters: tuple[_Parameter, ...]) -> int:
    outside = sum(p.count for p in parameters if not p.block)
    block = [p for p in parameters if p.block == "0"]
    gradients = sum(p.count for p in block if p.trained)
    return _BF16 * (outside + 2 * sum(p.count for p in block)) + (_BF16 + _FP32) * gradients
