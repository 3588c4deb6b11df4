"""What to say when memory runs out although the plan fitted: the plan that takes less."""

from __future__ import annotations

from dataclasses import replace

from skyreels_a2.errors import SkyReelsA2Error
from skyreels_a2.runtime.choices import Needs, Plan, Wishes
from skyreels_a2.runtime.hardware import GIB, Hardware
from skyreels_a2.runtime.plan import make_plan

NO_PLAN = "try a smaller --size, fewer --frames, --vae-tiling, --offload or --precision bf16"
"""Where a model runs without a plan."""
_CLEARLY_LESS = 0.95


def advice_after(plan: Plan, needs: Needs, hardware: Hardware) -> str:
    """What to try when a plan ran out of memory.

    Args:
        plan: The one that did not fit after all.
        needs: What was counted for it.
        hardware: The machine.
    """
    taken = f"the plan counted {plan.peak / GIB:.2f} GiB"
    least = _least(needs, hardware)
    if least is None or least.peak > _CLEARLY_LESS * plan.peak:
        return f"{taken}, and no other takes less: use a smaller --size or fewer --frames"
    how = [least.placement, f"{least.storage} weights"]
    how += ["VAE in tiles"] if least.vae_tiling and not plan.vae_tiling else []
    return f"{taken}; --low-memory ({', '.join(how)}) would take {least.peak / GIB:.2f} GiB"


def _least(needs: Needs, hardware: Hardware) -> Plan | None:
    roomy = replace(hardware, memory=1 << 62)
    try:
        return make_plan(needs, roomy, Wishes(preset="low-memory"))
    except SkyReelsA2Error:
        return None
