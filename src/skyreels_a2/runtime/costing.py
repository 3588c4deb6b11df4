"""What a way of running takes: bytes on the device, bytes moved, operations, seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from skyreels_a2.runtime.choices import (
    COMPONENTS,
    PHASES,
    PLACEMENTS,
    Needs,
    Plan,
    Wishes,
    chosen_step_cache,
)
from skyreels_a2.runtime.combinations import cache_problem
from skyreels_a2.runtime.hardware import Hardware
from skyreels_a2.runtime.parallelism import Parallelism, share_out
from skyreels_a2.runtime.reasons import Way, reasons

Choice = TypeVar("Choice")

_EFFICIENCY = 0.45
"""Share of the maker's figure that a well-fed transformer reaches."""
_BLOCKS_AT_ONCE = 2
"""One block computes while the next comes."""
_HALF = 0.55
"""Of a float32 VAE's memory in bfloat16: the pictures at both ends stay float32."""
_UNPACKED = {"plain": 0, "fp8": 1, "int8": 1, "gguf": 3}
"""Matrices in the computing type that stand beside the stored ones while one is multiplied; GGUF's
are first made in float32."""
_CACHE_GAIN = 1.6
"""Assumed of a step cache at its default dial; `calibrate` measures it."""
BATCH_BELOW_TOKENS = 8192
"""Above so many tokens one pass fills a device, and a batch of passes only costs memory."""


@dataclass(frozen=True, slots=True)
class Costing:
    """Costs ways of running one request on one machine.

    Attributes:
        needs: What the request takes, counted.
        hardware: The machine.
        wishes: What the user has set.
    """

    needs: Needs
    hardware: Hardware
    wishes: Wishes

    @property
    def shared(self) -> Parallelism:
        """How the devices share the work."""
        needs = self.needs
        return self.wishes.parallelism or share_out(
            self.hardware.num_devices, needs.num_passes, needs.num_heads
        )

    def ways(self) -> Iterator[Way]:
        """Every way that the wishes, the machine and the ways themselves allow."""
        wishes, on_cpu = self.wishes, self.hardware.device == "cpu"
        exact = wishes.preset == "exact"
        small = self.needs.num_tokens <= BATCH_BELOW_TOKENS
        batched = not exact and small and self.needs.num_passes > 1 and self.shared.guidance == 1
        for choices in product(
            _only(wishes.placement, ("resident",) if on_cpu else PLACEMENTS),
            _only(wishes.storage, ("plain",) if exact or on_cpu else ("plain", "fp8")),
            _only(wishes.vae_tiling, (False, True)),
            _only(wishes.batch_guidance, (True, False) if batched else (False,)),
            _only(wishes.memo, (False,) if exact else (True, False)),
            _only(wishes.half_vae, (False,) if exact or on_cpu else (False, True)),
            self._caches(),
        ):
            way = Way(*choices)
            if way.step_cache is None or not cache_problem(
                way.step_cache, way.placement, self.shared
            ):
                yield way

    def plan(self, way: Way) -> Plan:
        """A way with what it takes, and why it is so."""
        wishes, shared = self.wishes, self.shared
        fuses = wishes.preset != "exact" and way.storage == "plain" and way.placement == "resident"
        return Plan(
            placement=way.placement,
            storage=way.storage,
            vae_tiling=way.tiling,
            half_vae=way.half_vae,
            batch_guidance=way.batch,
            memo=way.memo,
            compile=self._compiles(),
            fused=fuses if wishes.fused is None else wishes.fused,
            step_cache=way.step_cache,
            attention=wishes.attention or ("native" if shared.ring == 1 else "_native_cudnn"),
            parallelism=shared,
            peaks={phase: self._peak(way, phase) for phase in PHASES},
            moved={phase: self._moved(way, phase) for phase in PHASES},
            seconds={phase: self._seconds(way, phase) for phase in PHASES},
            flops={phase: self._flops(phase) for phase in PHASES},
            why=reasons(way, self.needs, self.hardware, wishes, shared),
        )

    def _caches(self) -> Sequence[str | None]:
        """The step cache asked for; that of a preset may give way to what fits."""
        chosen = chosen_step_cache(self.wishes)
        return (chosen,) if chosen is None or self.wishes.step_cache else (chosen, None)

    def _peak(self, way: Way, phase: str) -> int:
        held, _ = self._weights(way, PHASES[phase])
        return held + self._activation(way, phase)

    def _moved(self, way: Way, phase: str) -> int:
        _, brought = self._weights(way, PHASES[phase])
        if phase != "sample" or not way.placement.startswith("by-block"):
            return brought
        return brought * self.needs.num_steps * (1 if way.batch else self.needs.num_passes)

    def _flops(self, phase: str) -> int:
        passes = self.needs.num_passes * self.needs.num_steps if phase == "sample" else 1
        return self.needs.flops[phase] * passes

    def _seconds(self, way: Way, phase: str) -> float:
        hardware, shared = self.hardware, self.shared
        devices = shared.degree if phase == "sample" else 1
        compute = self._flops(phase) / (hardware.flops * _EFFICIENCY * devices)
        speed = hardware.disk if way.placement.endswith("disk") else hardware.link
        carry = self._moved(way, phase) / speed
        # Streams bring the next block while one computes; whole components come first.
        hidden = way.placement.startswith("by-block") and phase == "sample"
        seconds = max(compute, carry) if hidden else compute + carry
        return seconds * self._factor(way, phase)

    def _factor(self, way: Way, phase: str) -> float:
        """What the lesser choices do to a phase's time."""
        factor = 1.0
        if phase == "sample":
            factor *= 0.99 if way.memo else 1
            factor *= 0.97 if way.batch else 1
            factor *= 1 if way.storage == "plain" else 1.05
            factor /= _CACHE_GAIN if way.step_cache else 1
        if phase == "decode":
            flops = self.needs.flops
            factor *= flops["decode_tiled"] / flops["decode"] if way.tiling else 1
            factor *= 0.7 if way.half_vae else 1
        return factor

    def _weights(self, way: Way, component: str) -> tuple[int, int]:
        """Bytes on the device while a component runs, and bytes brought for one run of it."""
        needs, stored = self.needs, self.needs.stored[way.storage]
        own = stored if component == "transformer" else needs.weights[component]
        if way.placement == "resident":
            return stored + sum(needs.weights[n] for n in COMPONENTS if n != "transformer"), 0
        if way.placement.startswith("by-block") and component in needs.block:
            scale = own / needs.weights[component]
            blocks = int(_BLOCKS_AT_ONCE * needs.block[component] * scale)
            return min(own, needs.rest[component] + blocks), own
        return own, own

    def _activation(self, way: Way, phase: str) -> int:
        needs, shared = self.needs, self.shared
        if phase == "sample":
            among = shared.ulysses * shared.ring
            work = needs.activations["sample_batch" if way.batch else "sample"]
            work += needs.kept * among if way.memo else 0
            name = (way.step_cache or "").partition(":")[0]
            work += needs.cached.get(name, 0) // shared.guidance
            return work // among + _UNPACKED[way.storage] * needs.matrix
        tiled = phase == "decode" and way.tiling
        whole = needs.activations["decode_tiled" if tiled else phase]
        return int(_HALF * whole) if way.half_vae and phase in ("encode", "decode") else whole

    def _compiles(self) -> bool:
        if self.wishes.compile is not None:
            return self.wishes.compile
        return self.wishes.preset == "fast" and self.hardware.device == "cuda"


def _only(given: Choice | None, otherwise: Sequence[Choice]) -> Sequence[Choice]:
    return otherwise if given is None else (given,)
