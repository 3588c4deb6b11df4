"""Element similarity by EfficientNet-Lite's local features: what the `-lite` stand-ins share."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.matching import element_likeness
from skyreels_a2.bench.metrics.metric import Measured, Metric
from skyreels_a2.bench.metrics.regions import require_elements
from skyreels_a2.elements import Role


class Lite(Metric):
    """How much of the references is to be seen; see `matching`."""

    role: ClassVar[Role]
    uses = "EfficientNet-Lite0"

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over elements and frames."""
        elements = require_elements(case, self.role)
        found = [element_likeness(case, element, footage) for element in elements]
        return Measured(float(np.mean(found)), {"least": float(np.min(found))})
