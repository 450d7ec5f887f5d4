"""Connection pools, one for each place that is connected to (pure but for the pools it is given).

One pool for everything would be simpler, but a request costs httpcore time that grows with the square of a pool's
connections. Pools that were not used for a while are closed, and above `MOST` those that are quiet, the least recently
used first, so that the hosts which strangers name do not pile up.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

MOST = 64
_SETTLED = 1.0
"""Seconds after which a pool that was handed out has begun what it was handed out for."""


class Connection(Protocol):
    """One connection of a pool."""

    def is_idle(self) -> bool:
        """Tell whether nobody uses it now."""
        ...

    def is_closed(self) -> bool:
        """Tell whether it is closed."""
        ...


class Pool(Protocol):
    """Connections that are used again."""

    @property
    def connections(self) -> Iterable[Connection]:
        """Return those that there are."""
        ...

    async def aclose(self) -> None:
        """Close them all."""
        ...


K = TypeVar("K", bound=Hashable)
P = TypeVar("P", bound=Pool)


@dataclass(slots=True)
class _Used(Generic[P]):
    pool: P
    at: float


class Pools(Generic[K, P]):
    """The pools of one transport."""

    def __init__(self, open_pool: Callable[[K], P], *, expiry: float, most: int = MOST) -> None:
        """Close a pool after `expiry` seconds without use."""
        self._open_pool = open_pool
        self._expiry = expiry
        self._most = most
        self._used: dict[K, _Used[P]] = {}  # the least recently used first

    def __len__(self) -> int:
        return len(self._used)

    async def get(self, key: K) -> P:
        """Return the pool for `key`, opened if need be."""
        now = asyncio.get_running_loop().time()
        used = self._used.pop(key, None) or _Used(self._open_pool(key), now)
        used.at = now
        self._used[key] = used
        await self._sweep(now)
        return used.pool

    async def aclose(self) -> None:
        """Close them all."""
        for key in tuple(self._used):
            await self._used.pop(key).pool.aclose()

    async def _sweep(self, now: float) -> None:
        """Close what is done with; most often that is nothing, and the first look tells."""
        for key, used in tuple(self._used.items()):
            patience = self._expiry if len(self._used) <= self._most else _SETTLED
            if now - used.at <= patience:
                break
            if all(connection.is_idle() or connection.is_closed() for connection in used.pool.connections):
                self._used.pop(key, None)
                await used.pool.aclose()
