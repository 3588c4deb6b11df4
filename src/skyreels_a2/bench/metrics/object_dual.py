"""`object-dual`: a stand-in for object similarity by the tiny dual encoder, offline."""

from __future__ import annotations

from skyreels_a2.bench.metrics.dual import Dual
from skyreels_a2.bench.metrics.metric import Dimension
from skyreels_a2.elements import Role


class ObjectDual(Dual):
    """The object's reference against the crops in which it is found."""

    name = "object-dual"
    dimension = Dimension.OBJECT
    role = Role.OBJECT
    says = "reference and the best crop about its place, cosine"
