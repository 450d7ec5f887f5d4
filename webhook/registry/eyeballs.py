"""Connect to whichever address answers first (pure but for the tasks it starts).

Happy Eyeballs (RFC 8305) in short: addresses in the resolver's order with the families alternating; the next one is
tried when one fails or after `DELAY` seconds; the first connection wins, the others are abandoned. An address family
that leads nowhere therefore costs a quarter of a second instead of the whole connect timeout.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, zip_longest
from typing import Protocol, TypeVar

from webhook.registry.address import Address

DELAY = 0.25
"""Seconds before the next address is tried beside the first (RFC 8305, section 5)."""

MOST = 8
"""A name with hundreds of addresses shall not cost hundreds of connections."""


class Closable(Protocol):
    """A connection."""

    async def aclose(self) -> None:
        """Close it."""
        ...


C = TypeVar("C", bound=Closable)


def alternate(addresses: Sequence[Address]) -> tuple[Address, ...]:
    """Reorder so that the families take turns, the first address's family first; at most `MOST`."""
    same = [address for address in addresses if address.version == addresses[0].version]
    other = [address for address in addresses if address.version != addresses[0].version]
    return tuple(each for each in chain.from_iterable(zip_longest(same, other)) if each is not None)[:MOST]


async def first_to_connect(
    connect: Callable[[Address], Awaitable[C]],
    addresses: Sequence[Address],
    *,
    failures: tuple[type[Exception], ...],
    delay: float = DELAY,
) -> C:
    """Return the first connection that `connect` makes; when every address failed, raise the first failure.

    `failures` are the exceptions by which `connect` says that an address failed; any other ends the race at once.
    `addresses` must not be empty.
    """
    waiting = list(alternate(addresses))
    tasks: list[asyncio.Task[C]] = []
    winner: asyncio.Task[C] | None = None
    try:
        pending: set[asyncio.Task[C]] = set()
        while winner is None and (waiting or pending):
            if waiting:
                tasks.append(asyncio.create_task(_run(connect, waiting.pop(0))))
                pending.add(tasks[-1])
            done, pending = await asyncio.wait(
                pending, timeout=delay if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            winner = next((task for task in tasks if task in done and _won(task, failures)), None)
        return (winner or tasks[0]).result()
    finally:
        await _abandon([task for task in tasks if task is not winner])


async def _run(connect: Callable[[Address], Awaitable[C]], address: Address) -> C:
    return await connect(address)


def _won(task: asyncio.Task[C], failures: tuple[type[Exception], ...]) -> bool:
    error = task.exception()
    if error is not None and not isinstance(error, failures):
        raise error
    return error is None


async def _abandon(tasks: Sequence[asyncio.Task[C]]) -> None:
    """Cancel the losers, and close those that had connected in the same moment."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(outcome, BaseException):
            await outcome.aclose()
