"""Stand-ins for element similarity by EfficientNet-Lite's local features, nothing to download."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.matching import element_likeness
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.metrics.regions import require_elements
from skyreels_a2.elements import Role


class _Lite(Metric):
    """How much of the references is to be seen; see `matching`."""

    role: ClassVar[Role]
    uses = "EfficientNet-Lite0"

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over elements and frames."""
        elements = require_elements(case, self.role)
        found = [element_likeness(case, element, footage) for element in elements]
        return Measured(float(np.mean(found)), {"least": float(np.min(found))})


class CharacterLite(_Lite):
    """Of characters."""

    name = "character-lite"
    dimension = Dimension.CHARACTER
    role = Role.CHARACTER
    says = "how much of the character's reference is seen, best likeness of each cell"


class ObjectLite(_Lite):
    """Of objects."""

    name = "object-lite"
    dimension = Dimension.OBJECT
    role = Role.OBJECT
    says = "how much of the object's reference is seen, best likeness of each cell"


class BackgroundLite(_Lite):
    """Of the background."""

    name = "background-lite"
    dimension = Dimension.BACKGROUND
    role = Role.BACKGROUND
    says = "how much of the background's reference is seen, best likeness of each cell"
