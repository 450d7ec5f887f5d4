"""Look host names up so that a slow name server holds up nobody but those who asked it (I/O: threads, DNS).

`getaddrinfo` honours everything a node's resolver does (nsswitch, hosts file, search domains), but it blocks, cannot be
cancelled, and may take half a minute when a name server is silent. So it runs on daemon threads (which neither fill the
loop's shared executor nor hold up the exit of the process), under these laws:

- one thread per name, however many wait for it;
- at most `per_zone` threads per zone (the last two labels): a name server that hangs holds only its own zone;
- two lanes: names that were answered before share one, all others another, so that names which strangers invent can
  only wait for each other;
- a thread keeps its place until it ends; who stops waiting leaves, and a look-up that nobody waits for never starts.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from cachetools import LRUCache

from webhook.registry.address import parse_address

Lookup = Callable[[str], Sequence[str]]
"""Name to addresses, best first; may block; raises OSError."""

_Outcome = tuple[str, ...] | OSError

_WORDS = {
    socket.EAI_NONAME: "no such host",
    socket.EAI_NODATA: "no such host",
    socket.EAI_AGAIN: "name server failed or did not answer",
}


class UnknownName(OSError):
    """The name has no address, or nobody could say."""


def system_lookup(host: str) -> tuple[str, ...]:
    """Ask the system's resolver, in the order it prefers (RFC 6724)."""
    # bytes, because text would go through Python's IDNA codec, which raises for labels that DNS merely does not know
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(slots=True, eq=False)
class _Flight:
    """One name being looked up."""

    task: asyncio.Task[_Outcome] = field(init=False)
    waiting: int = 0
    running: bool = False


class Names:
    """Looks names up; one for all connections of a process."""

    def __init__(
        self, lookup: Lookup = system_lookup, *, per_zone: int = 4, strangers: int = 32, familiar: int = 64
    ) -> None:
        """Hold at most `per_zone` threads for a zone, and `strangers` + `familiar` in all."""
        self._lookup = lookup
        self._per_zone = per_zone
        self._strangers = asyncio.Semaphore(strangers)
        self._familiar = asyncio.Semaphore(familiar)
        self._answered: LRUCache[str, bool] = LRUCache(4096)
        self._zones: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._flights: dict[str, _Flight] = {}

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses of `host`, best first; the caller bounds the wait. Raises `UnknownName`."""
        if parse_address(host) is not None:
            return (host,)
        name = host.lower()
        flight = self._flights.get(name) or self._start(name)
        outcome = await self._wait(name, flight)
        if isinstance(outcome, OSError):
            raise UnknownName(_WORDS.get(outcome.errno or 0, (outcome.strerror or str(outcome)).lower())) from outcome
        return outcome

    async def aclose(self) -> None:
        """Give up what is under way; threads end by themselves."""
        for flight in tuple(self._flights.values()):
            flight.task.cancel()

    def _start(self, name: str) -> _Flight:
        flight = self._flights[name] = _Flight()
        flight.task = asyncio.create_task(self._fly(name, flight))
        return flight

    async def _wait(self, name: str, flight: _Flight) -> _Outcome:
        flight.waiting += 1
        try:
            await asyncio.wait({flight.task})
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.running:
                self._forget(name, flight)
                flight.task.cancel()
        return UnknownName("look-up given up") if flight.task.cancelled() else flight.task.result()

    async def _fly(self, name: str, flight: _Flight) -> _Outcome:
        try:
            # the zone first: who waits for a slow zone must not hold a place in the lane
            async with self._zone(name), self._lane(name):
                flight.running = True
                outcome = await self._on_thread(name)
        finally:
            self._forget(name, flight)
        if isinstance(outcome, OSError):
            self._answered.pop(name, None)
        else:
            self._answered[name] = True
        return outcome

    def _zone(self, name: str) -> asyncio.Semaphore:
        zone = ".".join(name.rstrip(".").split(".")[-2:])
        semaphore = self._zones.get(zone)
        if semaphore is None:
            semaphore = self._zones[zone] = asyncio.Semaphore(self._per_zone)
        return semaphore

    def _lane(self, name: str) -> asyncio.Semaphore:
        return self._familiar if name in self._answered else self._strangers

    def _forget(self, name: str, flight: _Flight) -> None:
        if self._flights.get(name) is flight:
            del self._flights[name]

    async def _on_thread(self, name: str) -> _Outcome:
        loop = asyncio.get_running_loop()
        landed: asyncio.Future[_Outcome] = loop.create_future()

        def land(outcome: _Outcome) -> None:
            if not landed.done():
                landed.set_result(outcome)

        def run() -> None:
            outcome: _Outcome = UnknownName("look-up broke off")  # stands when the look-up raises something unforeseen
            try:
                outcome = tuple(self._lookup(name))
            except UnicodeError:
                outcome = UnknownName("no such host")
            except OSError as error:
                outcome = error
            finally:
                with suppress(RuntimeError):  # the loop has been closed meanwhile
                    loop.call_soon_threadsafe(land, outcome)

        try:
            threading.Thread(target=run, name=f"lookup {name}", daemon=True).start()
        except RuntimeError:  # no thread to be had: pids limit
            return UnknownName("no thread left for name look-ups")
        return await landed
