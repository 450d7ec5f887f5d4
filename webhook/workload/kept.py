"""Values that were made before, by what they were made of (pure but for what it keeps).

Bounded in number and in the bytes that each was made of, as whoever may make objects chooses those. When there are too
many it begins anew, which costs less than keeping an order among them.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """At most `most` values, each made of at most `largest` bytes."""

    def __init__(self, most: int = 4096, largest: int = 4096) -> None:
        self._most = most
        self._largest = largest
        self._values: dict[K, V] = {}
        self.get = self._values.get

    def __len__(self) -> int:
        return len(self._values)

    def put(self, key: K, value: V, size: int) -> None:
        """Keep `value`, which was made of `size` bytes, unless that is too much."""
        if size > self._largest:
            return
        if len(self._values) >= self._most:
            self._values.clear()
        self._values[key] = value
