"""`character-dual`: a stand-in for character similarity by the tiny dual encoder, offline."""

from __future__ import annotations

from skyreels_a2.bench.metrics.dual import Dual
from skyreels_a2.bench.metrics.metric import Dimension
from skyreels_a2.elements import Role


class CharacterDual(Dual):
    """The character's reference against the crops in which it is found."""

    name = "character-dual"
    dimension = Dimension.CHARACTER
    role = Role.CHARACTER
    says = "reference and the best crop about its place, cosine"
