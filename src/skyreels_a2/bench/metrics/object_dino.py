"""`object-dino`: object consistency by DINOv2 in the place of CLIP, stricter about identity."""

from __future__ import annotations

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.metrics.regions import region_similarity, require_elements
from skyreels_a2.bench.networks.transformer_models import open_dinov2
from skyreels_a2.elements import Role


class ObjectDino(Metric):
    """The same by DINOv2, as DreamBooth's DINO score: stricter about identity than CLIP."""

    name = "object-dino"
    dimension = Dimension.OBJECT
    says = "the same by DINOv2, stricter about identity"
    uses = "Grounding DINO or OWLv2, DINOv2"
    networks = ("dinov2", "detector")

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over the case's objects."""
        objects = require_elements(case, Role.OBJECT)
        encoder = open_dinov2(self.weights)
        values = [region_similarity(self.weights, encoder, e, footage) for e in objects]
        return Measured(float(np.mean(values)))
