"""One line of why for every choice of a plan."""

from __future__ import annotations

from dataclasses import dataclass

from skyreels_a2.runtime.choices import Needs, Wishes, chosen_step_cache
from skyreels_a2.runtime.combinations import cache_problem
from skyreels_a2.runtime.hardware import GIB, Hardware
from skyreels_a2.runtime.parallelism import Parallelism

ASKED = "asked for"


@dataclass(frozen=True, slots=True)
class Way:
    """A way of running: what a plan chooses between."""

    placement: str
    storage: str
    tiling: bool
    batch: bool
    memo: bool
    half_vae: bool
    step_cache: str | None


def reasons(
    way: Way, needs: Needs, hardware: Hardware, wishes: Wishes, shared: Parallelism
) -> dict[str, str]:
    """Why, by choice; what the user has set is asked for."""
    exact = wishes.preset == "exact"
    told = {
        "placement": _placement(way, needs, hardware),
        "storage": _storage(way, hardware),
        "vae tiles": "decoding whole frames would need more" if way.tiling else "whole frames fit",
        "vae type": "bfloat16: half the memory" if way.half_vae else "as loaded",
        "guidance": _guidance(way, needs, shared, exact=exact),
        "memo": _memo(way, needs, exact=exact),
        "fused": _fused(way, exact=exact),
        "attention": "torch's own: it takes the fastest of its kernels that fits"
        if shared.ring == 1
        else "a ring needs a kernel that gives its normaliser",
        "compile": "blocks are equal: compiled once, 40 times used"
        if wishes.preset == "fast" and hardware.device == "cuda"
        else "compiling takes a minute, and the last bits change",
        "step cache": _cache(way, wishes, shared),
        "devices": _devices(needs, shared),
    }
    return {**told, **dict.fromkeys(_asked(wishes), ASKED)}


def _asked(wishes: Wishes) -> list[str]:
    given = {
        "placement": wishes.placement,
        "storage": wishes.storage,
        "vae tiles": wishes.vae_tiling,
        "vae type": wishes.half_vae,
        "guidance": wishes.batch_guidance,
        "memo": wishes.memo,
        "fused": wishes.fused,
        "attention": wishes.attention,
        "compile": wishes.compile,
        "step cache": wishes.step_cache,
        "devices": wishes.parallelism,
    }
    return [name for name, value in given.items() if value is not None]


def _placement(way: Way, needs: Needs, hardware: Hardware) -> str:
    total = sum(needs.weights.values()) / GIB
    return {
        "resident": f"all weights ({total:.2f} GiB) fit into {hardware.memory / GIB:.0f} GiB "
        "with the work",
        "by-component": f"{total:.1f} GiB of weights do not fit together, the largest alone does",
        "by-block": "blocks come from the machine's memory while the one before computes",
        "by-block-on-disk": "neither the device nor the machine's memory holds the weights",
    }[way.placement]


def _storage(way: Way, hardware: Hardware) -> str:
    cast = "8 bits" if hardware.fp8 else "8 bits (cast before use, so any GPU can)"
    return {
        "plain": "no rounding",
        "fp8": f"halves the transformer's weights: {cast}, and no package is needed as for int8",
        "int8": ASKED,
        "gguf": ASKED,
    }[way.storage]


def _guidance(way: Way, needs: Needs, shared: Parallelism, *, exact: bool) -> str:
    if way.batch:
        return "both passes in one batch read every weight once"
    if exact:
        return "as published"
    if needs.num_passes == 1:
        return "there is one pass only"
    return "passes are shared between devices" if shared.guidance > 1 else "one pass fills it"


def _memo(way: Way, needs: Needs, *, exact: bool) -> str:
    if way.memo:
        return f"keys and values of text and pictures kept ({needs.kept / GIB:.2f} GiB)"
    return "as published" if exact else "no room to keep them"


def _fused(way: Way, *, exact: bool) -> str:
    if exact:
        return "as published"
    if way.placement != "resident" or way.storage != "plain":
        return "for plain weights in one place only"
    return "query, key and value by one matrix"


def _cache(way: Way, wishes: Wishes, shared: Parallelism) -> str:
    if way.step_cache is not None:
        return "skips steps that change little; `calibrate` tells gain and loss"
    chosen = chosen_step_cache(wishes)
    if chosen is None:
        return "off unless asked for: it changes the numbers"
    return cache_problem(chosen, way.placement, shared) or "no room for what it keeps"


def _devices(needs: Needs, shared: Parallelism) -> str:
    if shared.degree == 1:
        return "one"
    return f"passes ({needs.num_passes}) talk least, then heads ({needs.num_heads}), then a ring"
