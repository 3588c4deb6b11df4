"""`background-lite`: a stand-in for background similarity, nothing to download."""

from __future__ import annotations

from skyreels_a2.bench.metrics.lite import Lite
from skyreels_a2.bench.metrics.metric import Dimension
from skyreels_a2.elements import Role


class BackgroundLite(Lite):
    """How much of the background is to be seen."""

    name = "background-lite"
    dimension = Dimension.BACKGROUND
    role = Role.BACKGROUND
    says = "how much of the background's reference is seen, best likeness of each cell"
