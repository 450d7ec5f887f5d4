"""What the wall clock can do: its row of the matrix (wallclock.c); the monotonic clock goes on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from experiment import Cell, Fault
from rig import Scene

UNTRUSTED = frozenset({"registry-unreachable", "not-verified"})
"""Where the clock is beyond the registry's certificate, no TLS client can connect, a node's neither."""

_HOUR, _DAY = 3600.0, 86400.0
_STEP = 0.01


def set_by(seconds: float) -> Fault:
    """The clock jumps, and jumps back at the end; connections are cut, for those that are open look at no clock."""

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        scene.set_clock(seconds)
        await scene.cut()
        try:
            yield
        finally:
            scene.set_clock(0)

    return apply


def running_at(pace: float) -> Fault:
    """The clock goes `pace` times as fast as the time; 0: it stands still."""

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        began = time.monotonic()

        async def run() -> None:
            while True:
                scene.set_clock((time.monotonic() - began) * (pace - 1))
                await asyncio.sleep(_STEP)

        async with _meanwhile(scene, asyncio.create_task(run())):
            yield

    return apply


@asynccontextmanager
async def jumping(scene: Scene) -> AsyncIterator[None]:
    """An hour ahead, an hour behind, right, every 200 ms."""

    async def jump() -> None:
        while True:
            for seconds in (_HOUR, -_HOUR, 0):
                scene.set_clock(seconds)
                await asyncio.sleep(0.2)

    async with _meanwhile(scene, asyncio.create_task(jump())):
        yield


@asynccontextmanager
async def _meanwhile(scene: Scene, task: "asyncio.Task[None]") -> AsyncIterator[None]:
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        scene.set_clock(0)


def clock() -> list[Cell]:
    """Return the clock's cells."""

    def cell(fault: str, what: str, apply: Fault, codes: frozenset[str] = frozenset()) -> Cell:
        return Cell(part="clock", fault=fault, what=what, apply=apply, codes=codes)

    def jump(what: str, seconds: float, codes: frozenset[str] = frozenset()) -> Cell:
        return cell("clock jump", what, set_by(seconds), codes)

    return [
        jump("one second back", -1),
        jump("an hour ahead", _HOUR),
        jump("an hour back", -_HOUR),
        jump("two days ahead, beyond our own certificate", 2 * _DAY),
        jump("90 days ahead, beyond the registry's certificate", 90 * _DAY, UNTRUSTED),
        jump("90 days back, before the registry's certificate", -90 * _DAY, UNTRUSTED),
        jump("20 years ahead", 20 * 365 * _DAY, UNTRUSTED),
        jump("1970, a battery that is empty", 60 - time.time(), UNTRUSTED),
        cell("slow", "it stands still", running_at(0)),
        cell("slow", "a tenth of its pace", running_at(0.1)),
        cell("flapping", "an hour ahead, behind, right, every 200 ms", jumping),
        cell("flapping", "a hundred times its pace", running_at(100)),
    ]
