"""Character ID, as published: ArcFace cosine of the reference's face and the video's."""

from __future__ import annotations

from skyreels_a2.bench.cases import Case
from skyreels_a2.bench.footage import Footage
from skyreels_a2.bench.metrics.faces import face_similarity
from skyreels_a2.bench.metrics.metric import Dimension, Measured, Metric
from skyreels_a2.bench.networks.arcface import open_arcface


class CharacterId(Metric):
    """ArcFace cosine on every 16th frame."""

    name = "character-id"
    dimension = Dimension.CHARACTER
    published = True
    says = "face of the reference and of the video, cosine"
    uses = "ArcFace (insightface)"
    networks = ("arcface",)

    def measure(self, case: Case, footage: Footage) -> Measured:
        """As `face_similarity`, by cosine."""
        faces = open_arcface(self.weights)
        return face_similarity(case, footage, faces.embed, lambda a, b: float(a @ b))
