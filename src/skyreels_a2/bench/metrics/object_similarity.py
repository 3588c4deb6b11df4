"""Object consistency, as published: CLIP cosine of the reference and the detected region."""

from __future__ import annotations

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.metrics.regions import region_similarity, require_elements
from skyreels_a2.bench.networks.transformer_models import open_clip
from skyreels_a2.elements import Role


class ObjectSimilarity(Metric):
    """Mean over objects of `region_similarity` by CLIP."""

    name = "object"
    dimension = Dimension.OBJECT
    published = True
    says = "reference and detected region, cosine"
    uses = "Grounding DINO or OWLv2, CLIP"
    networks = ("clip", "detector")

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over the case's objects."""
        objects = require_elements(case, Role.OBJECT)
        encoder = open_clip(self.weights)
        values = [region_similarity(self.weights, encoder, e, footage) for e in objects]
        return Measured(float(np.mean(values)))
