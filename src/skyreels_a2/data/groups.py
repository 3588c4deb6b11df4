"""Things that belong together, by pairs: union-find."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Groups(Generic[T]):
    """Sets that grow together as pairs are named."""

    def __init__(self) -> None:
        self._above: dict[T, T] = {}

    def head(self, item: T) -> T:
        """What stands for the group of an item; an unknown item is a group of its own."""
        self._above.setdefault(item, item)
        while self._above[item] != item:
            self._above[item] = self._above[self._above[item]]
            item = self._above[item]
        return item

    def join(self, one: T, other: T) -> None:
        """Put two groups together."""
        self._above[self.head(one)] = self.head(other)

    def members(self) -> list[list[T]]:
        """All groups, members in the order they were first named."""
        gathered: dict[T, list[T]] = defaultdict(list)
        for item in list(self._above):
            gathered[self.head(item)].append(item)
        return list(gathered.values())
