"""What a metric is: a name, a dimension, and a measurement of one video."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.networks.weights import Weights


class Dimension(StrEnum):
    """What a metric claims to measure."""

    CHARACTER = "character"
    OBJECT = "object"
    BACKGROUND = "background"
    IMAGE = "image quality"
    AESTHETIC = "aesthetic quality"
    SMOOTHNESS = "motion smoothness"
    DYNAMICS = "dynamic degree"
    TEXT = "prompt following"
    FAULTS = "faults"


@dataclass(frozen=True, slots=True)
class Measured:
    """A value, and what else was found on the way."""

    value: float
    details: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ArithmeticError(f"a measurement gave {self.value}")


class NotApplicableError(Exception):
    """The case does not ask this question; the message says why."""


class Metric(ABC):
    """Measures one thing of a video. Higher is better, for every metric.

    Attributes:
        name: In the registry, in reports and on the command line.
        dimension: What it claims to measure.
        published: Whether it follows a published definition with its network.
        says: One line for tables.
        uses: Network or method, for tables.
        networks: What it asks of `Weights`: with other weights its scores are others.
        version: Raised whenever the measurement changes, so that known scores are made anew.
        needs_motion: Whether one frame is not enough.
        scale: Largest value, by which it is divided for means with others.
    """

    name: ClassVar[str]
    dimension: ClassVar[Dimension]
    published: ClassVar[bool] = False
    says: ClassVar[str]
    uses: ClassVar[str]
    networks: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[int] = 1
    needs_motion: ClassVar[bool] = False
    scale: ClassVar[float] = 1.0

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    @property
    def by(self) -> str:
        """What makes its scores: equal for scores that need not be made again."""
        told = [f"{network}={self.weights.identity(network)}" for network in self.networks]
        return " ".join([f"v{self.version}", *told])

    @abstractmethod
    def measure(self, case: Case, footage: Footage) -> Measured:
        """Measure a video.

        Raises:
            NotApplicableError: The case does not ask this.
            NetworkMissingError: A network is absent.
        """
