"""What the shared cache can be made to do: its row of the matrix. Nothing of it may ever be felt."""

import asyncio
import os
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import impostor
from cells_way import of_the_way, usurped_by
from experiment import Cell, Fault
from redis.asyncio import Redis
from rig import PASSWORD, Scene
from world import REDIS


@asynccontextmanager
async def frozen(scene: Scene) -> AsyncIterator[None]:
    """The process is stopped (a machine that swaps)."""
    if scene.redis is None:
        raise RuntimeError("this run has no Redis")
    scene.redis.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        scene.redis.send_signal(signal.SIGCONT)


def set_up(make: Callable[["Redis"], Awaitable[object]], undo: Callable[["Redis"], Awaitable[object]]) -> Fault:
    """Redis itself is told to be so."""

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        async with _client(scene) as client:
            await make(client)
            try:
                yield
            finally:
                await undo(client)

    return apply


@asynccontextmanager
async def _client(scene: Scene) -> AsyncIterator["Redis"]:
    host, _, port = scene.doors[REDIS].upstream.partition(":")
    async with Redis(
        host=host,
        port=int(port),
        password=PASSWORD,
        ssl=True,
        ssl_cert_reqs="none",
        ssl_check_hostname=False,
        ssl_min_version=ssl.TLSVersion.TLSv1_2,
    ) as client:
        yield client


async def _poison(client: "Redis") -> None:
    """Write nonsense under every name that there is."""
    async for name in client.scan_iter("pullproof:*"):
        await client.set(name, os.urandom(200), ex=60)


async def _nothing(_: "Redis") -> None:
    return None


def in_use(fault: Fault) -> Fault:
    """Begin only when the webhook writes there, for it leaves a cache that failed alone for a while."""

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        async with _client(scene) as client:
            written = await _written(client)
            async with asyncio.timeout(15):
                while await _written(client) <= written + 2:  # noqa: ASYNC110 - Redis sets no event
                    await asyncio.sleep(0.1)
        async with fault(scene):
            yield

    return apply


async def _written(client: "Redis") -> int:
    return int((await client.info("commandstats")).get("cmdstat_set", {}).get("calls", 0))


def redis() -> list[Cell]:
    """Return the shared cache's cells."""

    def cell(fault: str, what: str, apply: Fault) -> Cell:
        return Cell(part="Redis", fault=fault, what=what, apply=in_use(apply), recovery=1.0)

    def says(line: str) -> Fault:
        return usurped_by(REDIS, lambda: impostor.redis_says(line))

    full = set_up(
        lambda client: client.config_set("maxmemory", "1"),
        lambda client: client.config_set("maxmemory", "0"),
    )
    other_password = set_up(
        lambda client: client.config_set("requirepass", "another"),
        lambda client: client.config_set("requirepass", PASSWORD),
    )
    quiet = [cell(each.fault, each.what, each.apply) for each in of_the_way("Redis", REDIS, frozenset())]
    return [
        *quiet,
        cell("hang", "the process is stopped", frozen),
        cell("garbage", "nonsense under every name", set_up(_poison, _nothing)),
        cell("garbage", "another password", other_password),
        cell("garbage", "an answer of another type", says(":42")),
        cell("huge", "a string of 512 MB is announced", says("$536870912")),
        cell("5xx", "LOADING", says("-LOADING Redis is loading the dataset in memory")),
        cell("5xx", "READONLY", says("-READONLY You can't write against a read only replica.")),
        cell("5xx", "its memory is full", full),
        cell("5xx", "it forgot everything", set_up(lambda client: client.flushall(), _nothing)),
    ]
