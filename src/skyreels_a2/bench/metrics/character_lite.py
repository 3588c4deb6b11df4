"""`character-lite`: a stand-in for character similarity, nothing to download."""

from __future__ import annotations

from skyreels_a2.bench.metrics.lite import Lite
from skyreels_a2.bench.metrics.metric import Dimension
from skyreels_a2.elements import Role


class CharacterLite(Lite):
    """How much of the character is to be seen."""

    name = "character-lite"
    dimension = Dimension.CHARACTER
    role = Role.CHARACTER
    says = "how much of the character's reference is seen, best likeness of each cell"
