"""`object-lite`: a stand-in for object similarity, nothing to download."""

from __future__ import annotations

from skyreels_a2.bench.metrics.lite import Lite
from skyreels_a2.bench.metrics.metric import Dimension
from skyreels_a2.elements import Role


class ObjectLite(Lite):
    """How much of the object is to be seen."""

    name = "object-lite"
    dimension = Dimension.OBJECT
    role = Role.OBJECT
    says = "how much of the object's reference is seen, best likeness of each cell"
