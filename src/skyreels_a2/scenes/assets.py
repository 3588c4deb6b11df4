"""What scenes are made of: subjects and backgrounds, and the one interface all sources share.

A `Subject` and a `Background` are names and facts only, so a scene can be described, stored and
compared without a pixel. Their pixels come from the `AssetSource` that has them, when asked.
Nothing here knows where pictures come from, what a motion is, or how frames are put together.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from skyreels_a2.elements import Role
from skyreels_a2.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Sprite: TypeAlias = NDArray[np.uint8]
    """uint8 RGBA of shape (poses, height, width, 4), straight alpha; one pose for a still."""
    Picture: TypeAlias = NDArray[np.uint8]
    """uint8 RGB of shape (height, width, 3), about twice as wide as high, to pan in."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Subject:
    """A character or an object that can act in a scene.

    As drawn it faces left or to the front: who goes right is mirrored.

    Attributes:
        id: Unique and stable, `source/name`.
        name: What a caption calls it, without article: "red fox".
        role: Character or object.
        aliases: Other true names, often shorter.
        num_poses: Pictures in its animation; 1 for a still.
        period: Seconds that its animation takes; 0 for a still.
        family: Subjects of one family look nearly alike and stay on one side of the split.
    """

    id: str
    name: str
    role: Role
    aliases: tuple[str, ...] = ()
    num_poses: int = 1
    period: float = 0.0
    family: str = ""

    @property
    def kin(self) -> str:
        """The family, or the subject itself when it has none."""
        return self.family or self.id


@dataclass(frozen=True, slots=True)
class Background:
    """A place; `name` follows the word "in" or "on" that belongs to it: "in", "green meadow".

    Attributes:
        id: Unique and stable, `source/name`.
        name: What a caption calls it, without article.
        preposition: How one is there: in, on, under, at.
        family: Views of one place stay on one side of the split.
    """

    id: str
    name: str
    preposition: str = "in"
    family: str = ""

    @property
    def role(self) -> Role:
        """Always background."""
        return Role.BACKGROUND

    @property
    def kin(self) -> str:
        """The family, or the background itself when it has none."""
        return self.family or self.id


Asset: TypeAlias = Subject | Background


class AssetSource(Protocol):
    """Where subjects and backgrounds come from. Picklable, so that worker processes can have it."""

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All characters and objects, in a stable order."""
        ...

    @property
    def backgrounds(self) -> tuple[Background, ...]:
        """All places, in a stable order."""
        ...

    def sprite(self, subject_id: str) -> Sprite:
        """Poses of a subject; the same array each time, not to be written to."""
        ...

    def __hash__(self) -> int:
        """By identity: what is worked out of a source is kept with it."""
        ...

    def picture(self, background_id: str) -> Picture:
        """Picture of a place; the same array each time, not to be written to."""
        ...


class CombinedSource:
    """Several sources as one."""

    def __init__(self, sources: Iterable[AssetSource]) -> None:
        self._sources = tuple(sources)
        self._subjects = tuple(s for source in self._sources for s in source.subjects)
        self._backgrounds = tuple(b for source in self._sources for b in source.backgrounds)
        self._owner: dict[str, AssetSource] = {}
        for source in self._sources:
            for asset in assets_in(source):
                if asset.id in self._owner:
                    raise InputError(f"two sources have {asset.id!r}: combine each source once")
                self._owner[asset.id] = source

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Subjects of all sources."""
        return self._subjects

    @property
    def backgrounds(self) -> tuple[Background, ...]:
        """Backgrounds of all sources."""
        return self._backgrounds

    def sprite(self, subject_id: str) -> Sprite:
        """Poses of a subject, from the source that has it."""
        return self._owner_of(subject_id).sprite(subject_id)

    def picture(self, background_id: str) -> Picture:
        """Picture of a place, from the source that has it."""
        return self._owner_of(background_id).picture(background_id)

    def _owner_of(self, asset_id: str) -> AssetSource:
        if asset_id not in self._owner:
            raise unknown_asset(asset_id)
        return self._owner[asset_id]


def assets_in(source: AssetSource) -> tuple[Asset, ...]:
    """All subjects and backgrounds of a source."""
    return (*source.subjects, *source.backgrounds)


def unknown_asset(asset_id: str) -> InputError:
    """The error for an id that a source does not have."""
    return InputError(f"no asset is called {asset_id!r} in this source: was it made with another?")


class Memory(Generic[T]):
    """The most recently used values by id; how sources keep decoded pixels."""

    def __init__(self, make: Callable[[str], T], *, capacity: int) -> None:
        self._make = make
        self._capacity = capacity
        self._values: OrderedDict[str, T] = OrderedDict()

    def __call__(self, key: str) -> T:
        """The value of a key, made when it is not there."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = self._values[key] = self._make(key)
        if len(self._values) > self._capacity:
            self._values.popitem(last=False)
        return value

    def __getstate__(self) -> dict[str, object]:
        """Without the values: a worker process makes its own."""
        return {"_make": self._make, "_capacity": self._capacity, "_values": OrderedDict()}
