"""Manners towards registries, and fairness among them (waits on the loop; no I/O).

Each registry has a gate. Behind it at most so many look-ups at once; the others wait, on their own time. A registry
that is down is not asked (breaker.py). One that said 429, or 5xx with Retry-After, is not asked before the time it
named: after a 429 by the login that it said so to (an anonymous limit is no limit for a login), else by nobody.

A gate holds nothing but its own places, so a slow registry delays no other. Registries that have not answered yet share
a number of places besides, since image names are free: a thousand invented hosts cost as much as a few.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from webhook.registry.breaker import Breaker, Told
from webhook.registry.failure import RegistryError
from webhook.registry.observer import Observer
from webhook.registry.resolution import Failure

GRACE = 1.0
"""Seconds past its deadline at which a look-up is taken for hung; it ends its own requests before that."""

_MOST_PAUSES = 256
"""Logins that one registry may keep waiting; of more, those whose wait ends first ask again, and are told so again."""

_EVERYONE = None
_DEAD = frozenset({Failure.DNS, Failure.CONNECT, Failure.TLS, Failure.TIMEOUT, Failure.PROXY})
_SILENT = frozenset({Failure.ADDRESS_REFUSED, Failure.OUT_OF_TIME})
"""Failures of our own making: they tell nothing of the registry."""


class Held(Exception):
    """The registry was not asked, or did not answer; the answer to give instead."""

    def __init__(self, failure: Failure, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRules:
    """How registries are treated. Times in seconds.

    `concurrency` look-ups at once for each registry, or what `registries` says; `strangers` for all together that have
    not answered yet. `pause` is for a 429 without Retry-After; `most_pause` bounds what a 429 may ask for, and
    `most_outage` what a 5xx may.
    """

    concurrency: int = 8
    registries: Mapping[str, int] = field(default_factory=dict)
    strangers: int = 64
    failures: int = 5
    backoff: float = 2.0
    most_backoff: float = 30.0
    pause: float = 30.0
    most_pause: float = 3600.0
    most_outage: float = 300.0
    most_gates: int = 4096


@dataclass(slots=True)
class _Gate:
    """One registry's places, breaker and pauses (by credential id, or for everyone)."""

    places: asyncio.Semaphore
    breaker: Breaker
    known: bool = False
    inside: int = 0
    pauses: dict[str | None, tuple[float, Told]] = field(default_factory=dict)

    def refuse(self, credential: str, now: float) -> None:
        """Raise `Held` if this login may not ask at `now`."""
        for who in (_EVERYONE, credential):
            until, told = self.pauses.get(who, (now, None))
            if told is not None and now < until:
                raise Held(told.failure, told.message, retry_after=until - now)
        if told := self.breaker.refusal(now):
            raise Held(told.failure, told.message)

    def pause(self, who: str | None, until: float, told: Told, now: float) -> None:
        """Let `who` wait; a later end is never shortened."""
        self.pauses = {each: pause for each, pause in self.pauses.items() if pause[0] > now}
        self.pauses[who] = max(self.pauses.get(who, (until, told)), (until, told), key=lambda pause: pause[0])
        if len(self.pauses) > _MOST_PAUSES:
            del self.pauses[min(self.pauses, key=lambda each: self.pauses[each][0])]

    def answered(self) -> None:
        """Note that the registry lives."""
        self.known = True
        self.breaker.answered()

    def failed(self, told: Told, now: float, *, probe: bool) -> None:
        """Note that it does not; when the breaker opens it is a stranger again."""
        self.breaker.failed(told, now, probe=probe)
        self.known = self.known and not self.breaker.open

    def idle(self, now: float) -> bool:
        """Tell whether nothing would be lost with this gate."""
        paused = any(until > now for until, _ in self.pauses.values())
        return not (self.inside or paused or self.breaker.refusal(now))


class Limits:
    """The gates of all registries."""

    def __init__(self, rules: LimitRules, clock: Callable[[], float], observer: Observer) -> None:
        """`clock` is the loop's; `observer` is told of looks that leave a breaker open, and of one that closes it."""
        self._rules = rules
        self._clock = clock
        self._observer = observer
        self._gates: dict[str, _Gate] = {}
        self._strangers = asyncio.Semaphore(rules.strangers)

    @asynccontextmanager
    async def enter(self, registry: str, credential: str, *, deadline: float) -> AsyncIterator[None]:
        """Wait for a place to ask `registry` with the login of that id; the block is one look-up.

        Raises `Held` where it may not ask, found no place before `deadline`, or hung. A `RegistryError` that leaves the
        block is noted and passed on.
        """
        gate = self._gate(registry)
        gate.refuse(credential, self._clock())
        gate.inside += 1
        held: list[asyncio.Semaphore] = []
        try:
            await self._take(registry, gate, held, deadline)
            gate.refuse(credential, self._clock())  # what was said to those who were served meanwhile
            async with self._noted(registry, gate, credential, deadline):
                yield
        finally:
            gate.inside -= 1
            for place in held:
                place.release()

    async def _take(self, registry: str, gate: _Gate, held: list[asyncio.Semaphore], deadline: float) -> None:
        """Add the places taken to `held`, one after the other."""
        try:
            async with asyncio.timeout(deadline - self._clock()):
                for place in (gate.places,) if gate.known else (gate.places, self._strangers):
                    await place.acquire()
                    held.append(place)
        except TimeoutError as error:
            raise Held(Failure.OUT_OF_TIME, f"too many look-ups at {registry} were waiting") from error

    @asynccontextmanager
    async def _noted(self, registry: str, gate: _Gate, credential: str, deadline: float) -> AsyncIterator[None]:
        """Tell breaker and pauses how the block ended."""
        was_open, probe = gate.breaker.open, gate.breaker.ask()
        try:
            async with asyncio.timeout(deadline + GRACE - self._clock()) as limit:
                yield
        except RegistryError as error:
            self._note(gate, credential, error, probe=probe)
            raise
        except TimeoutError as error:
            if not limit.expired():
                raise
            hung = Told(Failure.TIMEOUT, f"{registry} did not answer in time")
            gate.failed(hung, self._clock(), probe=probe)
            raise Held(hung.failure, hung.message) from error
        else:
            gate.answered()
        finally:
            gate.breaker.broke_off(probe=probe)
            if gate.breaker.open or was_open:
                self._observer.circuit(registry, open=gate.breaker.open)

    def _note(self, gate: _Gate, credential: str, error: RegistryError, *, probe: bool) -> None:
        if error.found:  # it answered; and where pulls are used up, it still tells what it has
            gate.answered()
            return
        now, told = self._clock(), Told(error.failure, error.message)
        rules, asked = self._rules, error.retry_after
        if error.failure is Failure.RATE_LIMITED:
            wait = rules.pause if asked is None else min(asked, rules.most_pause)
            gate.pause(credential, now + wait, told, now)
        elif error.failure is Failure.SERVER_ERROR and asked is not None:
            gate.pause(_EVERYONE, now + min(asked, rules.most_outage), told, now)
        if _dead(error):
            gate.failed(told, now, probe=probe)
        elif error.failure not in _SILENT:
            gate.answered()

    def _gate(self, registry: str) -> _Gate:
        gate = self._gates.pop(registry, None)
        if gate is None:
            if len(self._gates) >= self._rules.most_gates:
                self._tidy(self._clock())
            gate = self._new_gate(registry)
        self._gates[registry] = gate  # the least recently asked first
        return gate

    def _new_gate(self, registry: str) -> _Gate:
        rules = self._rules
        places = asyncio.Semaphore(rules.registries.get(registry, rules.concurrency))
        return _Gate(places, Breaker(rules.failures, rules.backoff, rules.most_backoff))

    def _tidy(self, now: float) -> None:
        """Drop a quarter of the gates, of those that nobody is inside of.

        First those of registries that never answered, then those that hold nothing, of each the least recently asked.
        Whoever writes images may name hosts that all ask for an hour's pause: a pause that is lost costs one request.
        """
        gates = self._gates
        free = [name for name, gate in gates.items() if not gate.inside]
        free.sort(key=lambda name: (gates[name].known, not gates[name].idle(now)))
        for name in free[: max(1, len(gates) // 4)]:
            if gates.pop(name).breaker.open:
                self._observer.circuit(name, open=False)


def _dead(error: RegistryError) -> bool:
    """Tell whether the registry itself is in trouble: no connection, no answer, or a 5xx."""
    if error.failure is not Failure.SERVER_ERROR:
        return error.failure in _DEAD
    status = error.attempts[-1].status if error.attempts else None
    return status is None or status >= 500
