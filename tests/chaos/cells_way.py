"""Faults of the way to a part, and of whoever answers there: the same for registry, token service, API and Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import cycle

import impostor
from experiment import Cell, Fault
from impostor import Behaviour
from rig import Scene

from webhook.demo.site import Certificate

PORTAL = "<html><head><title>Sign in</title></head><body>Please log in to the network.</body></html>"
_NEVER = 0


def gone(part: str) -> Fault:
    return lambda scene: scene.doors[part].gone()


def refusing(part: str) -> Fault:
    return lambda scene: scene.doors[part].refusing()


def spoilt(part: str, kind: str, stream: str = "downstream", **attributes: int) -> Fault:
    return lambda scene: scene.doors[part].spoilt(kind, stream, **attributes)


def usurped(part: str, behaviour: Behaviour) -> Fault:
    """Somebody who speaks no TLS is at the part's address."""
    return lambda scene: scene.doors[part].usurped(behaviour)


def usurped_by(part: str, make: Callable[[], Behaviour], certificate: Certificate = Certificate.VALID) -> Fault:
    """Somebody who shows a certificate for the part's name is at its address."""

    def apply(scene: Scene) -> AbstractAsyncContextManager[None]:
        door = scene.doors[part]
        return door.usurped(make(), tls=scene.tls(door.host, certificate))

    return apply


def asked(part: str, behaviour: Behaviour) -> Fault:
    """Somebody with the right certificate reads a request and then does as told."""
    return usurped_by(part, lambda: impostor.after_request(behaviour))


def saying(part: str, status: int, body: str = "", kind: str = "application/json", **headers: str) -> Fault:
    return usurped_by(part, lambda: impostor.saying(status, body, kind, **headers))


def wavering(*faults: Fault, every: float = 0.4) -> Fault:
    """One fault after the other, `every` seconds each, then none as long, again and again.

    The last one is ended, not cancelled: it could be in the middle of closing a door, which would stay closed.
    """

    @asynccontextmanager
    async def apply(scene: Scene) -> AsyncIterator[None]:
        over = asyncio.Event()

        async def waver() -> None:
            for fault in cycle(faults):
                async with fault(scene):
                    await _passed(over, every)
                if await _passed(over, every):
                    return

        task = asyncio.create_task(waver())
        try:
            yield
        finally:
            over.set()
            await task

    return apply


async def _passed(event: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until the event is set; tell whether it is."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


def flapping(part: str) -> Fault:
    return wavering(refusing(part), every=0.3)


def of_the_way(part: str, at: str, codes: frozenset[str], strange: frozenset[str] = frozenset()) -> list[Cell]:
    """Return the cells that any TCP service has; `part` is what the table calls it, `at` the name of its door.

    `strange`: what may be said besides, where the answer is none of its protocol.
    """

    def cell(fault: str, what: str, apply: Fault) -> Cell:
        odd = strange if fault in ("garbage", "huge") else frozenset()
        return Cell(part=part, fault=fault, what=what, apply=apply, codes=codes | odd)

    return [
        cell("down", "its machine vanished, packets go nowhere", gone(at)),
        cell("refuse", "its port is closed", refusing(at)),
        cell("reset", "connections are reset as they are made", spoilt(at, "reset_peer", timeout=_NEVER)),
        cell("reset", "connections are reset after 200 ms", spoilt(at, "reset_peer", timeout=200)),
        cell("hang", "it accepts and never says a word", spoilt(at, "timeout", timeout=_NEVER)),
        cell("slow", "everything takes 1.2 s more", spoilt(at, "latency", latency=1200)),
        cell(
            "slow",
            "in crumbs of 8 bytes, 20 ms apart",
            spoilt(at, "slicer", average_size=8, size_variation=4, delay=20000),
        ),
        cell("half-closed", "it ends its own direction at once", usurped(at, impostor.half_closed)),
        cell("half-closed", "connections end after 1,000 bytes", spoilt(at, "limit_data", bytes=1000)),
        cell("garbage", "bytes that are no protocol", usurped(at, impostor.noise)),
        cell("huge", "bytes without end, unasked", usurped(at, impostor.endless)),
        cell("expired cert", "its certificate has expired", _shown(at, Certificate.EXPIRED)),
        cell("wrong cert", "its certificate is another's", _shown(at, Certificate.OTHER_NAME)),
        cell("wrong cert", "its certificate is signed by nobody we trust", _shown(at, Certificate.UNTRUSTED)),
        cell("flapping", "there and not there, every 300 ms", flapping(at)),
    ]


def _shown(part: str, certificate: Certificate) -> Fault:
    return usurped_by(part, lambda: impostor.saying(200, "{}"), certificate)
