"""What the wall clock can do: its row of the matrix (libfaketime; the monotonic clock is left alone, as by NTP).

Not here, because libfaketime itself then holds up threads that wait: another pace, a stop, jumps of decades.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from experiment import Cell, Fault
from rig import Scene

UNTRUSTED = frozenset({"registry-unreachable", "not-verified"})
"""Where the clock is beyond the registry's certificate, no TLS client can connect, a node's neither."""


def set_to(text: str) -> Fault:
    """The clock jumps, and jumps back at the end."""

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        scene.set_clock(text)
        await scene.cut()
        try:
            yield
        finally:
            scene.set_clock("+0")

    return apply


@asynccontextmanager
async def jumping(scene: Scene) -> AsyncIterator[None]:
    """An hour ahead, an hour behind, every 200 ms."""

    async def jump() -> None:
        while True:
            for text in ("+3600", "-3600", "+0"):
                scene.set_clock(text)
                await asyncio.sleep(0.2)

    task = asyncio.create_task(jump())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        scene.set_clock("+0")


def clock() -> list[Cell]:
    """Return the clock's cells."""

    def cell(fault: str, what: str, apply: Fault, codes: frozenset[str] = frozenset()) -> Cell:
        # where no code need be told, the connections that `cut` ends in the middle of a question may tell one
        return Cell(part="clock", fault=fault, what=what, apply=apply, codes=UNTRUSTED, felt=bool(codes))

    return [
        cell("clock jump", "one second back", set_to("-1")),
        cell("clock jump", "an hour ahead", set_to("+3600")),
        cell("clock jump", "an hour back", set_to("-3600")),
        cell("clock jump", "two days ahead, beyond our own certificate", set_to("+2d")),
        cell("clock jump", "90 days ahead, beyond the registry's certificate", set_to("+90d"), UNTRUSTED),
        cell("clock jump", "90 days back, before the registry's certificate", set_to("-90d"), UNTRUSTED),
        cell("flapping", "an hour ahead, behind, right, every 200 ms", jumping),
    ]
