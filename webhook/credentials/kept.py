"""Answers that hold for some time, a bounded number of them (pure: the clock is given)."""

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

_MOST: Final = 5_000

_T = TypeVar("_T")


class Kept(Generic[_T]):
    """A map whose values end after their seconds; the oldest go when there are too many."""

    def __init__(self, clock: Callable[[], float], *, most: int = _MOST) -> None:
        self._clock = clock
        self._most = most
        self._kept: dict[Hashable, tuple[float, _T]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> _T | None:
        """Return what was put, None once its time is over."""
        end, value = self._kept.get(key, (0.0, None))
        return value if end > self._clock() else None

    def put(self, key: Hashable, value: _T, *, seconds: float) -> None:
        """Keep `value` for some seconds; for none or less, not at all."""
        if seconds <= 0:
            return
        now = self._clock()
        if len(self._kept) >= self._most:
            self._kept = {held: kept for held, kept in self._kept.items() if kept[0] > now}
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept.pop(key, None)
        self._kept[key] = (now + seconds, value)
