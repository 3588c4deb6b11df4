"""How several devices share one video: degrees, and what they ask of each other. No torch."""

from __future__ import annotations

import os
from dataclasses import dataclass

from skyreels_a2.errors import InputError, ModelError

NUM_PASSES = 2
"""Passes of text guidance, the most that guidance parallelism can share out."""


@dataclass(frozen=True, slots=True)
class Parallelism:
    """Degrees: their product is the number of processes.

    Attributes:
        ulysses: Processes that exchange attention heads.
        ring: Processes that pass keys and values round.
        guidance: Processes (or groups of them) that share the passes of guidance.
    """

    ulysses: int = 1
    ring: int = 1
    guidance: int = 1

    @property
    def degree(self) -> int:
        """How many processes that takes."""
        return self.ulysses * self.ring * self.guidance

    def check(self, *, num_heads: int, num_processes: int, device: str) -> None:
        """Find what cannot work before anything is loaded.

        Raises:
            ModelError: With the reason.
        """
        _require(
            self.degree == num_processes,
            f"ulysses {self.ulysses} x ring {self.ring} x guidance {self.guidance} is "
            f"{self.degree}, but there are {num_processes} processes: make them agree "
            f"(torchrun --nproc-per-node {self.degree})",
        )
        _require(
            self.guidance <= NUM_PASSES,
            f"guidance parallelism of {self.guidance}: a step has {NUM_PASSES} passes at most",
        )
        _require(
            num_heads % self.ulysses == 0,
            f"ulysses {self.ulysses} does not divide the model's {num_heads} attention heads",
        )
        _require(
            self.ring == 1 or device != "cpu",
            "ring attention needs an attention kernel that gives its normaliser, which there is "
            "on GPUs only: use ulysses here",
        )


def parse_parallelism(text: str) -> Parallelism:
    """Read degrees such as `guidance=2,ulysses=4`; those that are not named are 1.

    Raises:
        InputError: It says something else.
    """
    degrees = {}
    for part in text.replace(" ", "").split(","):
        name, _, number = part.partition("=")
        if name not in ("guidance", "ulysses", "ring") or not number.isdecimal() or number == "0":
            raise InputError(f"parallel {text!r}: use guidance=N,ulysses=N,ring=N, each 1 or more")
        degrees[name] = int(number)
    return Parallelism(**degrees)


def num_processes() -> int:
    """Processes that torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Number of this process among them."""
    return int(os.environ.get("RANK", "0"))


def local_rank() -> int:
    """Number of this process on its machine: that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def share_out(num_devices: int, num_passes: int, num_heads: int) -> Parallelism:
    """The degrees for so many devices: passes first, which talk least, then heads, then a ring."""
    guidance = NUM_PASSES if num_passes >= NUM_PASSES and num_devices % NUM_PASSES == 0 else 1
    left = num_devices // guidance
    if num_heads % left == 0:
        return Parallelism(ulysses=left, guidance=guidance)
    return Parallelism(ring=left, guidance=guidance)


def _require(holds: bool, message: str) -> None:  # noqa: FBT001  (a condition)
    if not holds:
        raise ModelError(message)
