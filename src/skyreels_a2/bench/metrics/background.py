"""Background consistency, as published: CLIP cosine of reference and frame without subjects."""

from __future__ import annotations

import numpy as np

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.metrics.regions import require_elements, without_subjects
from skyreels_a2.bench.networks.transformer_models import open_clip
from skyreels_a2.elements import Role
from skyreels_a2.media.images import open_picture


class Background(Metric):
    """CLIP cosine of the background's reference and frames whose subjects are painted over."""

    name = "background"
    dimension = Dimension.BACKGROUND
    published = True
    says = "reference and frames without their subjects, cosine"
    uses = "Grounding DINO or OWLv2, CLIP"
    networks = ("clip", "detector")

    def measure(self, case: Case, footage: Footage) -> Measured:
        """Mean over frames of the best of the background's references."""
        (place, *_) = require_elements(case, Role.BACKGROUND)
        encoder = open_clip(self.weights)
        references = encoder.pictures([open_picture(p).image for p in place.pictures])
        frames = encoder.pictures(without_subjects(self.weights, case, footage))
        return Measured(float(np.clip((frames @ references.T).max(axis=1).mean(), 0, 1)))
