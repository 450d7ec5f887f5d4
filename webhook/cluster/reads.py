"""Reads that many wait for and one makes (I/O by what it is given).

| asked | answered by |
|---|---|
| a read that began at or after `not_before` and is younger than the time to live is kept | that |
| a read of the same key is under way and began (or will begin) at or after `not_before` | that, when it ends |
| one is under way that began too early | the next one, which all who came since share |

So a key never has two reads under way, and they begin at least `spacing` seconds apart. A read belongs to this object,
not to who asked: a caller's deadline ends its waiting, not the read.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[V]):
    began: float
    value: V


@dataclass(slots=True)
class _Flight(Generic[V]):
    task: "asyncio.Task[V]"
    began: float | None = None

    def serves(self, not_before: float) -> bool:
        return self.began is None or self.began >= not_before


class SharedReads(Generic[K, V]):
    """Reads by key, kept for seconds, bounded in number and in how many are under way."""

    def __init__(
        self,
        read: Callable[[K], Awaitable[V]],
        *,
        ttl: float = 5.0,
        spacing: float = 0.1,
        most: int = 4096,
        at_once: int = 16,
    ) -> None:
        """`read` makes one read and never raises for what may go wrong outside; times are in seconds."""
        self._read = read
        self._ttl = ttl
        self._spacing = spacing
        self._most = most
        self._turns = asyncio.Semaphore(at_once)
        self._kept: OrderedDict[K, _Kept[V]] = OrderedDict()
        self._flights: dict[K, _Flight[V]] = {}

    async def get(self, key: K, *, deadline: float, not_before: float) -> V:
        """Return what a read told that began at or after `not_before`; raise TimeoutError at `deadline`.

        Both are absolute loop times. Past the deadline no read is begun.
        """
        loop = asyncio.get_running_loop()
        while True:
            kept = self._fresh(key, not_before)
            if kept is not None:
                return kept.value
            if loop.time() >= deadline:
                raise TimeoutError
            flight = self._flights.get(key) or self._start(key)
            done, _ = await asyncio.wait({flight.task}, timeout=deadline - loop.time())
            if done and flight.serves(not_before):
                return flight.task.result()

    def lookup(self, key: K) -> V | None:
        """Return what is kept and young enough for any first look, or None."""
        kept = self._fresh(key, float("-inf"))
        return None if kept is None else kept.value

    def begin(self, key: K, *, not_before: float) -> None:
        """Begin the read that `get` would wait for, unless there is one."""
        if self._fresh(key, not_before) is None and key not in self._flights:
            self._start(key)

    async def close(self) -> None:
        """End the reads under way and forget the others."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._kept.clear()

    def _fresh(self, key: K, not_before: float) -> _Kept[V] | None:
        kept = self._kept.get(key)
        if kept is None or kept.began < not_before or asyncio.get_running_loop().time() - kept.began > self._ttl:
            return None
        return kept

    def _start(self, key: K) -> _Flight[V]:
        flight = _Flight[V](asyncio.create_task(self._fly(key)))
        self._flights[key] = flight
        return flight

    async def _fly(self, key: K) -> V:
        loop = asyncio.get_running_loop()
        try:
            last = self._kept.get(key)
            if last is not None:
                await asyncio.sleep(last.began + self._spacing - loop.time())
            async with self._turns:
                began = self._flights[key].began = loop.time()
                value = await self._read(key)
            self._keep(key, _Kept(began, value))
            return value
        finally:
            del self._flights[key]

    def _keep(self, key: K, kept: _Kept[V]) -> None:
        """Hold the value for its time and no longer: it may be a secret."""
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        asyncio.get_running_loop().call_at(kept.began + self._ttl, self._drop, key, kept)

    def _drop(self, key: K, kept: _Kept[V]) -> None:
        if self._kept.get(key) is kept:
            del self._kept[key]
