"""The planner: from what a model needs and what a machine has to how it will run, and why.

Pure arithmetic over counted numbers (`Needs`): no model, no torch. Every way of running that is
allowed is costed; of those that fit, the least lossy, then the fastest is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from skyreels_a2.errors import MemoryLimitError
from skyreels_a2.runtime.choices import Needs, Plan, Wishes
from skyreels_a2.runtime.combinations import check_wishes
from skyreels_a2.runtime.costing import Costing
from skyreels_a2.runtime.hardware import GIB, Hardware

_RESERVE = 0.08
"""Share of the memory left alone: allocator, context, the screen."""


def make_plan(needs: Needs, hardware: Hardware, wishes: Wishes) -> Plan:
    """The way to run.

    Raises:
        MemoryLimitError: Nothing that the wishes allow fits; says what would.
        InputError: Wishes that contradict each other or the machine.
    """
    costing = Costing(needs, hardware, wishes)
    check_wishes(wishes, hardware, costing.shared)
    limit = int(hardware.memory * (1 - _RESERVE))
    plans = [costing.plan(way) for way in costing.ways()]
    fitting = [plan for plan in plans if plan.peak <= limit and _in_host(plan, needs, hardware)]
    if not fitting:
        raise MemoryLimitError(_nothing_fits(costing, plans))
    return min(fitting, key=lambda plan: _rank(plan, wishes))


def _in_host(plan: Plan, needs: Needs, hardware: Hardware) -> bool:
    """Whether what is not on the devices fits into the machine: each process has its own copy."""
    if plan.placement == "resident" or plan.placement.endswith("disk"):
        return True
    stored = needs.stored[plan.storage] - needs.weights["transformer"]
    every = sum(needs.weights.values()) + stored
    return plan.parallelism.degree * every <= hardware.host_memory


def _rank(plan: Plan, wishes: Wishes) -> tuple[float, ...]:
    lossy = 2.0 * (plan.storage != "plain") + plan.half_vae
    if wishes.preset == "low-memory":
        return (plan.peak, lossy, plan.total_seconds)
    if wishes.preset == "fast":
        return (plan.total_seconds, lossy)
    return (lossy, plan.total_seconds, plan.peak)


def _nothing_fits(costing: Costing, plans: Sequence[Plan]) -> str:
    hardware = costing.hardware
    least = min(plans, key=lambda plan: plan.peak)
    worst = max(least.peaks, key=lambda phase: least.peaks[phase])
    told = (
        f"{hardware.name} has {hardware.memory / GIB:.1f} GiB free, and the smallest allowed plan "
        f"({least.placement}, {least.storage}) needs {least.peak / GIB:.1f} GiB in its phase "
        f"{worst!r}"
    )
    free = replace(costing, wishes=Wishes(preset="low-memory"))
    best = min(map(free.plan, free.ways()), key=lambda plan: plan.peak)
    if best.peak <= hardware.memory * (1 - _RESERVE):
        return f"{told}: --low-memory would fit ({best.peak / GIB:.1f} GiB, {best.placement})"
    return f"{told}: use a smaller --size or fewer --frames"
