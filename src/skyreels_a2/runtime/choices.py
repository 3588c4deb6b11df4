"""The planner's vocabulary: what a model needs, what a user wishes, what was planned. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skyreels_a2.errors import InputError
from skyreels_a2.runtime.parallelism import Parallelism

PRESETS = ("exact", "balanced", "fast", "low-memory")
PLACEMENTS = ("resident", "by-component", "by-block", "by-block-on-disk")
"""All on the device; one component at a time; the transformer and the text encoder block by
block from the machine's memory, or from disk."""
STORAGES = ("plain", "fp8", "int8", "gguf")
"""Of the transformer's matrices: in the computing type, as 8-bit floats that are cast layer by
layer (diffusers' layerwise casting), as 8-bit integers (torchao), as a GGUF file has them."""
NO_CACHE = "none"
COMPONENTS = ("text_encoder", "image_encoder", "transformer", "vae")
PHASES: Mapping[str, str] = {
    "text": "text_encoder",
    "pictures": "image_encoder",
    "encode": "vae",
    "sample": "transformer",
    "decode": "vae",
}
"""Phases of a request in order, and the component that each runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one request takes of a model, counted.

    Attributes:
        weights: Bytes of each component in its computing type.
        stored: Bytes of the transformer under each of `STORAGES`.
        block: Bytes of the largest block of the components that have blocks.
        rest: Bytes of these components outside of their blocks.
        activations: Peak bytes of each phase beside weights; "sample" is one pass,
            "sample_batch" both passes of guidance at once, "decode_tiled" the decoder in tiles.
        flops: Operations of each phase; "sample" is one pass.
        matrix: Bytes of the transformer's largest matrix in its computing type.
        kept: Bytes of keys, values and tables that the request memo holds.
        cached: Bytes that each step cache holds over all passes and windows.
        num_tokens: Video tokens of a pass.
        num_heads: Attention heads.
        num_passes: Passes of a step.
        num_steps: Steps.
    """

    weights: Mapping[str, int]
    stored: Mapping[str, int]
    block: Mapping[str, int]
    rest: Mapping[str, int]
    activations: Mapping[str, int]
    flops: Mapping[str, int]
    matrix: int
    kept: int
    cached: Mapping[str, int]
    num_tokens: int
    num_heads: int
    num_passes: int
    num_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user has set; None leaves it to the plan.

    Attributes:
        preset: One of `PRESETS`.
        placement, storage: See `PLACEMENTS`, `STORAGES`.
        vae_tiling, batch_guidance, memo, fused, compile: On or off.
        half_vae: Run the VAE in bfloat16.
        step_cache: `NAME:DIAL`, see `stepcache`; "none" for none where the preset has one.
        attention: Backend by diffusers' name.
        parallelism: How several devices share the work.
    """

    preset: str = "balanced"
    placement: str | None = None
    storage: str | None = None
    vae_tiling: bool | None = None
    half_vae: bool | None = None
    batch_guidance: bool | None = None
    memo: bool | None = None
    fused: bool | None = None
    compile: bool | None = None
    step_cache: str | None = None
    attention: str | None = None
    parallelism: Parallelism | None = None

    def __post_init__(self) -> None:
        _one_of("preset", self.preset, PRESETS)
        _one_of("placement", self.placement, PLACEMENTS)
        _one_of("storage", self.storage, STORAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a model will run.

    Attributes:
        placement, storage: See `PLACEMENTS`, `STORAGES`.
        vae_tiling, batch_guidance, memo, compile: On or off.
        half_vae: Run the VAE in bfloat16.
        fused: Query, key and value of self-attention by one matrix.
        step_cache: `NAME:DIAL` or None.
        attention: Backend by diffusers' name.
        parallelism: How several devices share the work.
        peaks: Bytes on the device in each phase.
        moved: Bytes from the machine (or disk) to the device in each phase.
        seconds: Estimated time of each phase.
        flops: Operations of each phase, all steps.
        why: One line a choice.
    """

    placement: str
    storage: str
    vae_tiling: bool
    half_vae: bool
    batch_guidance: bool
    memo: bool
    compile: bool
    fused: bool
    step_cache: str | None
    attention: str
    parallelism: Parallelism
    peaks: Mapping[str, int]
    moved: Mapping[str, int]
    seconds: Mapping[str, float]
    flops: Mapping[str, int]
    why: Mapping[str, str]

    @property
    def peak(self) -> int:
        """Bytes on the device at the worst moment."""
        return max(self.peaks.values())

    @property
    def total_seconds(self) -> float:
        """Estimated time of a request."""
        return sum(self.seconds.values())


def chosen_step_cache(wishes: Wishes) -> str | None:
    """The step cache of some wishes: their own, or that of the preset."""
    if wishes.step_cache == NO_CACHE:
        return None
    return wishes.step_cache or ("fbc" if wishes.preset == "fast" else None)


def _one_of(what: str, given: str | None, known: Sequence[str]) -> None:
    if given is not None and given not in known:
        raise InputError(f"{what} {given!r} is unknown: use {', '.join(known)}")
