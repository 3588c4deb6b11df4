"""What does not go together, with the reason: said before anything loads."""

from __future__ import annotations

from skyreels_a2.errors import InputError
from skyreels_a2.runtime.choices import NO_CACHE, Wishes
from skyreels_a2.runtime.hardware import Hardware
from skyreels_a2.runtime.parallelism import Parallelism

_LOOKING = ("fbc", "sea")
"""Step caches that look at features to decide; the others go by the step alone."""


def check_wishes(wishes: Wishes, hardware: Hardware, shared: Parallelism) -> None:
    """Refuse what cannot work.

    Args:
        wishes: What the user has set.
        hardware: The machine.
        shared: How its devices share the work.

    Raises:
        InputError: With the reason.
    """
    if hardware.device == "cpu" and wishes.placement not in (None, "resident"):
        raise InputError(
            f"placement {wishes.placement!r} brings components to a GPU, and there is none here"
        )
    if wishes.preset == "exact":
        _check_exact(wishes)
    if wishes.fused and wishes.storage not in (None, "plain"):
        raise InputError(f"--fuse joins plain matrices: storage {wishes.storage} has none")
    placement = wishes.placement or ""
    if placement.startswith("by-block"):
        if wishes.fused:
            raise InputError(f"--fuse needs the weights in one place: not with {placement}")
        if placement.endswith("disk") and wishes.storage == "int8":
            raise InputError(
                "safetensors cannot write torchao's integers block by block to disk: "
                "use placement by-block, or another storage"
            )
    if wishes.step_cache not in (None, NO_CACHE):
        problem = cache_problem(str(wishes.step_cache), placement, shared)
        if problem is not None:
            raise InputError(problem)


def cache_problem(step_cache: str, placement: str, shared: Parallelism) -> str | None:
    """Why a step cache cannot be used with a placement and a sharing; None if it can."""
    name = step_cache.partition(":")[0]
    if placement.startswith("by-block"):
        return (
            "a step cache skips blocks, and blocks that come by turns wait for each other: "
            "use placement resident or by-component, or no step cache"
        )
    if name in _LOOKING and shared.ulysses * shared.ring > 1:
        return (
            f"the step cache {name} skips by the features that a process sees, and processes that "
            "share the tokens would disagree: use mag or taylor, which go by the step, or "
            "--parallel guidance=2"
        )
    return None


def check_interval(step_cache: str | None, interval: tuple[float, float]) -> None:
    """Refuse a step cache that a guidance interval leads astray.

    Raises:
        InputError: "mag", which counts the steps of each pass from the first that is made.
    """
    if (step_cache or "").startswith("mag") and interval[0] > 0:
        raise InputError(
            f"the step cache mag knows how features grow from the first step on, and guidance from "
            f"{interval[0]:g} begins later: let the interval begin at 0, or use fbc, sea or taylor"
        )


def _check_exact(wishes: Wishes) -> None:
    changes = {
        "a step cache": wishes.step_cache not in (None, NO_CACHE),
        "a storage": wishes.storage not in (None, "plain"),
        "--half-vae": wishes.half_vae,
        "--batch-guidance": wishes.batch_guidance,
        "--keep-kv": wishes.memo,
        "--fuse": wishes.fused,
        "--compile": wishes.compile,
    }
    for name, given in changes.items():
        if given:
            raise InputError(f"--exact and {name} exclude each other: leave one away")
