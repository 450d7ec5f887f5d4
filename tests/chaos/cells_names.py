"""What the name server can be made to do: its row of the matrix."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stage
from experiment import Cell, Fault
from names import Mood
from rig import Scene

UNREACHABLE = frozenset({"registry-unreachable", "not-verified"})


def being(mood: Mood) -> Fault:
    """The name server is in a mood; connections that are open already are cut, for they need no name."""

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        with scene.names.being(mood):
            await scene.cut()
            yield

    return apply


@asynccontextmanager
async def closed(scene: Scene) -> AsyncIterator[None]:
    """Nobody listens on its port."""
    scene.names.close()
    await scene.cut()
    try:
        yield
    finally:
        await scene.names.open()


@asynccontextmanager
async def gone(scene: Scene) -> AsyncIterator[None]:
    """Its machine vanished."""
    stage.drop(stage.NAMESERVER)
    await scene.cut()
    try:
        yield
    finally:
        stage.drop_nothing()


def alternating(*moods: Mood) -> Fault:
    """One mood after the other, 300 ms each."""

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        async def alternate() -> None:
            while True:
                for mood in moods:
                    with scene.names.being(mood):
                        await scene.cut()
                        await asyncio.sleep(0.3)

        task = asyncio.create_task(alternate())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await scene.cut()  # it may have been between shutting the doors and opening them

    return apply


def names() -> list[Cell]:
    """Return the name server's cells."""

    def cell(fault: str, what: str, apply: Fault) -> Cell:
        return Cell(part="DNS", fault=fault, what=what, apply=apply, codes=UNREACHABLE)

    return [
        cell("down", "its machine vanished", gone),
        cell("refuse", "its port is closed", closed),
        cell("refuse", "REFUSED", being(Mood.REFUSED)),
        cell("hang", "it never answers", being(Mood.SILENT)),
        cell("hang", "it answers A and never AAAA", being(Mood.HALF)),
        cell("slow", "1.2 s for each answer", being(Mood.SLOW)),
        cell("half-closed", "truncated, and no TCP", being(Mood.TRUNCATED)),
        cell("garbage", "random bytes", being(Mood.GARBAGE)),
        cell("garbage", "NXDOMAIN for all", being(Mood.NXDOMAIN)),
        cell("garbage", "no address for any", being(Mood.EMPTY)),
        cell("garbage", "an address where nobody listens", being(Mood.ASTRAY)),
        cell("garbage", "the address of a metadata service", being(Mood.METADATA)),
        cell("huge", "3,000 addresses", being(Mood.HUGE)),
        cell("5xx", "SERVFAIL", being(Mood.SERVFAIL)),
        cell("flapping", "SERVFAIL and well, every 300 ms", alternating(Mood.SERVFAIL, Mood.WELL)),
    ]
