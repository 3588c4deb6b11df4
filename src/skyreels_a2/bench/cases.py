"""Cases and scores: a benchmark's question, and one metric's answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from skyreels_a2.elements import Composition, Element, Role


@dataclass(frozen=True, slots=True)
class Case:
    """A question: what shall be composed.

    Attributes:
        id: Unique in its suite, and part of a file's name.
        composition: Elements and prompt.
        domain: The suite's own division, e.g. "open"; empty where it has none.
    """

    id: str
    composition: Composition
    domain: str = ""

    def elements(self, role: Role) -> tuple[Element, ...]:
        """The elements of a role, in order."""
        return tuple(e for e in self.composition.elements if e.role is role)


class Status(StrEnum):
    """What became of a measurement."""

    OK = "ok"
    MISSING = "missing"
    """A network is absent: nothing is known, and nothing is counted."""
    NOT_APPLICABLE = "not applicable"
    """The case does not ask this question, e.g. of a face where there is none."""
    FAILED = "failed"
    """The video cannot be judged (absent, broken, too short): counted as 0."""


@dataclass(frozen=True, slots=True)
class Score:
    """One metric's answer for one video.

    Attributes:
        metric: Name in the registry.
        status: Whether there is a value, and if not, why.
        value: Higher is better; None unless the status is ok, and 0 if the video failed.
        reason: Why there is no value, or what was noticed.
        details: Further figures, such as where to cut.
        by: Version and networks of the metric that gave it; see `Metric.by`.
    """

    metric: str
    status: Status
    value: float | None = None
    reason: str = ""
    details: Mapping[str, float] = field(default_factory=dict)
    by: str = ""
