"""The planner: from what a model needs and what a machine has to how it will run, and why.

Pure arithmetic over counted numbers (`Needs`): no model, no torch. Every way of running that is
allowed is costed; of those that fit, the least lossy, then the fastest is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from skyreels_a2.errors import InputError, MemoryLimitError
from skyreels_a2.runtime.hardware import GIB, Hardware
from skyreels_a2.runtime.parallelism import Parallelism, share_out

Choice = TypeVar("Choice")

PRESETS = ("exact", "balanced", "fast", "low-memory")
PLACEMENTS = ("resident", "by-component", "by-block", "by-block-on-disk")
"""All on the device; one component at a time; the transformer and the text encoder block by
block from the machine's memory, or from disk."""
STORAGES = ("plain", "fp8", "int8")
"""Of the transformer's matrices: in the computing type, as 8-bit floats that are cast block by
block (diffusers' layerwise casting), as 8-bit integers (torchao)."""
COMPONENTS = ("text_encoder", "image_encoder", "transformer", "vae")
PHASES: Mapping[str, str] = {
    "text": "text_encoder",
    "pictures": "image_encoder",
    "encode": "vae",
    "sample": "transformer",
    "decode": "vae",
}
"""Phases of a request in order, and the component that each runs."""

_RESERVE = 0.08
"""Share of the memory left alone: allocator, context, the screen."""
_EFFICIENCY = 0.45
"""Share of the maker's figure that a well-fed transformer reaches."""
_BLOCKS_AT_ONCE = 2
"""One block computes while the next comes."""
_HALF = 0.55
"""Of a float32 VAE's memory in bfloat16: the pictures at both ends stay float32."""
_CACHE_GAIN = 1.6
"""Assumed of a step cache at its default dial; `calibrate` measures it."""
BATCH_BELOW_TOKENS = 8192
"""Above so many tokens one pass fills a device, and a batch of passes only costs memory."""


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
        kept: Bytes of keys, values and tables that the request memo holds.
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
    kept: int
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
        vae_tiling, batch_guidance, memo, compile: On or off.
        half_vae: Run the VAE in bfloat16.
        step_cache: `NAME:DIAL`, see `stepcache`.
        attention: Backend by diffusers' name.
    """

    preset: str = "balanced"
    placement: str | None = None
    storage: str | None = None
    vae_tiling: bool | None = None
    half_vae: bool | None = None
    batch_guidance: bool | None = None
    memo: bool | None = None
    compile: bool | None = None
    step_cache: str | None = None
    attention: str | None = None

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


@dataclass(frozen=True, slots=True)
class _Way:
    placement: str
    storage: str
    tiling: bool
    batch: bool
    memo: bool
    half_vae: bool


def make_plan(needs: Needs, hardware: Hardware, wishes: Wishes) -> Plan:
    """The way to run.

    Raises:
        MemoryLimitError: Nothing that the wishes allow fits; says what would.
        InputError: Wishes that contradict each other or the machine.
    """
    check_wishes(wishes, hardware)
    limit = int(hardware.memory * (1 - _RESERVE))
    plans = [_cost(way, needs, hardware, wishes) for way in _ways(needs, hardware, wishes)]
    fitting = [plan for plan in plans if plan.peak <= limit and _in_host(plan, needs, hardware)]
    if not fitting:
        raise MemoryLimitError(_nothing_fits(needs, hardware, plans))
    return min(fitting, key=lambda plan: _rank(plan, wishes))


def check_wishes(wishes: Wishes, hardware: Hardware) -> None:
    """Refuse what cannot work before anything loads.

    Raises:
        InputError: With the reason.
    """
    if hardware.device == "cpu" and wishes.placement not in (None, "resident"):
        raise InputError(
            f"placement {wishes.placement!r} brings components to a GPU, and there is none here"
        )
    if wishes.preset == "exact":
        lossy = {"step cache": wishes.step_cache, "storage": wishes.storage not in (None, "plain")}
        for name, given in lossy.items():
            if given:
                raise InputError(f"--exact and a {name} exclude each other: leave one away")
    if chosen_step_cache(wishes) and wishes.placement in ("by-block", "by-block-on-disk"):
        raise InputError(
            "a step cache skips blocks, and blocks that come by turns wait for each other: "
            "use placement resident or by-component, or no step cache"
        )


def _ways(needs: Needs, hardware: Hardware, wishes: Wishes) -> Iterator[_Way]:
    on_cpu = hardware.device == "cpu"
    placements: Sequence[str] = ("resident",) if on_cpu else PLACEMENTS
    if chosen_step_cache(wishes):
        placements = [name for name in placements if not name.startswith("by-block")]
    storages = ("plain",) if wishes.preset == "exact" or on_cpu else ("plain", "fp8")
    memos = (False,) if wishes.preset == "exact" else (True, False)
    batches: tuple[bool, ...] = (False,)
    if wishes.preset != "exact" and needs.num_tokens <= BATCH_BELOW_TOKENS:
        batches = (True, False)
    shared = share_out(hardware.num_devices, needs.num_passes, needs.num_heads)
    if needs.num_passes < 2 or shared.guidance > 1:
        batches = (False,)
    halves = (False,) if wishes.preset == "exact" or on_cpu else (False, True)
    for choices in product(
        _only(wishes.placement, placements),
        _only(wishes.storage, storages),
        _only(wishes.vae_tiling, (False, True)),
        _only(wishes.batch_guidance, batches),
        _only(wishes.memo, memos),
        _only(wishes.half_vae, halves),
    ):
        yield _Way(*choices)


def _cost(way: _Way, needs: Needs, hardware: Hardware, wishes: Wishes) -> Plan:
    peaks: dict[str, int] = {}
    moved: dict[str, int] = {}
    seconds: dict[str, float] = {}
    flops: dict[str, int] = {}
    shared = share_out(hardware.num_devices, needs.num_passes, needs.num_heads)
    for phase, component in PHASES.items():
        held, brought = _weights(way, needs, component)
        passes = needs.num_passes * needs.num_steps if phase == "sample" else 1
        peaks[phase] = held + _activation(way, needs, phase, shared)
        moved[phase] = brought * _turns(way, needs, phase)
        flops[phase] = needs.flops[phase] * passes
        devices = shared.degree if phase == "sample" else 1
        compute = flops[phase] / (hardware.flops * _EFFICIENCY * devices)
        speed = hardware.disk if way.placement.endswith("disk") else hardware.link
        carry = moved[phase] / speed
        # Streams bring the next block while one computes; whole components come first.
        hidden = way.placement.startswith("by-block") and phase == "sample"
        seconds[phase] = max(compute, carry) if hidden else compute + carry
    if way.memo:
        seconds["sample"] *= 0.99
    if chosen_step_cache(wishes):
        seconds["sample"] /= _CACHE_GAIN
    if way.batch:
        seconds["sample"] *= 0.97
    if way.storage == "fp8":
        seconds["sample"] *= 1.05
    if way.tiling:
        seconds["decode"] *= needs.flops["decode_tiled"] / needs.flops["decode"]
    if way.half_vae:
        seconds["decode"] *= 0.7
    return Plan(
        placement=way.placement,
        storage=way.storage,
        vae_tiling=way.tiling,
        half_vae=way.half_vae,
        batch_guidance=way.batch,
        memo=way.memo,
        compile=_compiles(hardware, wishes),
        fused=wishes.preset != "exact" and way.storage == "plain" and way.placement == "resident",
        step_cache=chosen_step_cache(wishes),
        attention=wishes.attention or ("native" if shared.ring == 1 else "_native_cudnn"),
        parallelism=shared,
        peaks=peaks,
        moved=moved,
        seconds=seconds,
        flops=flops,
        why=_reasons(way, needs, hardware, wishes),
    )


def _weights(way: _Way, needs: Needs, component: str) -> tuple[int, int]:
    """Bytes on the device while a component runs, and bytes brought for one run of it."""
    own = needs.stored[way.storage] if component == "transformer" else needs.weights[component]
    if way.placement == "resident":
        others = sum(needs.weights[name] for name in COMPONENTS if name != "transformer")
        return others + needs.stored[way.storage], 0
    if way.placement.startswith("by-block") and component in needs.block:
        scale = own / needs.weights[component]
        blocks = int(_BLOCKS_AT_ONCE * needs.block[component] * scale)
        return min(own, needs.rest[component] + blocks), own
    return own, own


def _turns(way: _Way, needs: Needs, phase: str) -> int:
    """How often a phase brings its weights."""
    if phase != "sample" or not way.placement.startswith("by-block"):
        return 1
    return needs.num_steps * (1 if way.batch else needs.num_passes)


def _activation(way: _Way, needs: Needs, phase: str, shared: Parallelism) -> int:
    if phase == "sample":
        kept = needs.kept if way.memo else 0
        work = needs.activations["sample_batch" if way.batch else "sample"]
        return work // (shared.ulysses * shared.ring) + kept
    tiled = phase == "decode" and way.tiling
    whole = needs.activations["decode_tiled" if tiled else phase]
    return int(_HALF * whole) if way.half_vae and phase in ("encode", "decode") else whole


def _in_host(plan: Plan, needs: Needs, hardware: Hardware) -> bool:
    """Whether what is not on the device fits into the machine's memory."""
    if plan.placement == "resident" or plan.placement.endswith("disk"):
        return True
    stored = needs.stored[plan.storage] - needs.weights["transformer"]
    return sum(needs.weights.values()) + stored <= hardware.host_memory


def _rank(plan: Plan, wishes: Wishes) -> tuple[float, ...]:
    lossy = 2.0 * (plan.storage != "plain") + plan.half_vae
    if wishes.preset == "low-memory":
        return (plan.peak, lossy, plan.total_seconds)
    if wishes.preset == "fast":
        return (plan.total_seconds, lossy)
    return (lossy, plan.total_seconds, plan.peak)


def _nothing_fits(needs: Needs, hardware: Hardware, plans: Sequence[Plan]) -> str:
    least = min(plans, key=lambda plan: plan.peak)
    worst = max(least.peaks, key=lambda phase: least.peaks[phase])
    told = (
        f"{hardware.name} has {hardware.memory / GIB:.1f} GiB free, and the smallest allowed plan "
        f"({least.placement}, {least.storage}) needs {least.peak / GIB:.1f} GiB in its phase "
        f"{worst!r}"
    )
    free = Wishes(preset="low-memory")
    every = [_cost(way, needs, hardware, free) for way in _ways(needs, hardware, free)]
    best = min(every, key=lambda plan: plan.peak)
    if best.peak <= hardware.memory * (1 - _RESERVE):
        return f"{told}: --low-memory would fit ({best.peak / GIB:.1f} GiB, {best.placement})"
    return f"{told}: use a smaller --size or fewer --frames"


def _reasons(way: _Way, needs: Needs, hardware: Hardware, wishes: Wishes) -> dict[str, str]:
    total = sum(needs.weights.values()) / GIB
    memory = hardware.memory / GIB
    placed = {
        "resident": f"all weights ({total:.2f} GiB) fit into {memory:.0f} GiB with the work",
        "by-component": f"{total:.1f} GiB of weights do not fit together, the largest alone does",
        "by-block": "blocks come from the machine's memory while the one before computes",
        "by-block-on-disk": "neither the device nor the machine's memory holds the weights",
    }
    stored = {
        "plain": "no rounding",
        "fp8": "halves the transformer's weights; cast to the computing type block by block",
        "int8": "asked for",
    }
    return {
        "placement": placed[way.placement],
        "storage": stored[way.storage],
        "vae tiles": "decoding whole frames would need more" if way.tiling else "whole frames fit",
        "vae type": "bfloat16: half the memory" if way.half_vae else "as loaded",
        "guidance": "both passes in one batch read every weight once"
        if way.batch
        else ("as published" if wishes.preset == "exact" else "one pass fills the device"),
        "memo": f"keys and values of text and pictures kept ({needs.kept / GIB:.2f} GiB)"
        if way.memo
        else ("as published" if wishes.preset == "exact" else "no room to keep them"),
    }


def _compiles(hardware: Hardware, wishes: Wishes) -> bool:
    if wishes.compile is not None:
        return wishes.compile
    return wishes.preset == "fast" and hardware.device == "cuda"


def chosen_step_cache(wishes: Wishes) -> str | None:
    """The step cache of some wishes: their own, or that of the preset."""
    return wishes.step_cache or ("fbc" if wishes.preset == "fast" else None)


def _only(given: Choice | None, otherwise: Sequence[Choice]) -> Sequence[Choice]:
    return otherwise if given is None else (given,)


def _one_of(what: str, given: str | None, known: Sequence[str]) -> None:
    if given is not None and given not in known:
        raise InputError(f"{what} {given!r} is unknown: use {', '.join(known)}")
