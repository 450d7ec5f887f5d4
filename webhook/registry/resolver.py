"""Where registry exceptions end and values begin: cache -> one flight -> limits -> the client (I/O by the client).

    resolve --- all that is needed is cached ------------------------------------------> Resolution
       |
       +-- waits, until its own deadline, for a walk: every login in the kubelet's order
                |
                +-- waits for a look: one image, one login; shared by whoever asks, paced, remembered

Laws:

- One look at a time for one image, login and "with content", however many ask; walks and looks are flights, which no
  caller's deadline or disconnect ends. They have a budget of their own and warm the cache.
- A negative answer is given only to those for whom its look began late enough (`not_before`). Where one that began too
  early is under way, it is waited for: a yes serves, a no leads to the next look, at the earliest `PACE` after the last
  one began, which all who wait share.
- An exception that is no `RegistryError` is a bug: it reaches everyone who waits for that flight, and nobody else.
"""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from webhook.credentials.credential import ANONYMOUS, Credential
from webhook.image.reference import Reference
from webhook.registry.cache import ANY_AGE, PACE, Answer, Answers, Contents, Key, Lifetimes
from webhook.registry.failure import RegistryError
from webhook.registry.flights import Flights, landed
from webhook.registry.limits import Held, LimitRules, Limits
from webhook.registry.observer import CacheOutcome, NullObserver, Observer
from webhook.registry.outcome import (
    candidates,
    combine,
    no_such_host,
    out_of_time,
    too_busy,
    too_many,
    unresolved,
)
from webhook.registry.resolution import Resolution, Resolved
from webhook.registry.suggestion import Suggestions

MOST_LOGINS = 32
"""A Secret has room for thousands of logins for one host, and each try is a request to somebody's registry."""

MOST_WALKS = 8192
"""Walks under way, some 10 kB each; whoever makes pods chooses how many there would be."""

_CACHE = "answers"
_NO_LOGIN = candidates(())
_Walked = tuple[Answer | None, ...]
"""One answer for each login, in order, up to the first that works; None where it is not known and not needed."""


class Client(Protocol):
    """Asks a registry; raises `RegistryError` for whatever it refuses. Nothing takes longer than `deadline` allows."""

    async def look(self, reference: Reference, credential: Credential, *, deadline: float, content: bool) -> Resolved:
        """Find `reference` with one login."""
        ...

    async def tags(self, reference: Reference, credential: Credential, *, deadline: float) -> tuple[str, ...]:
        """List the repository's tags, as far as they are worth listing."""
        ...

    async def content(self, resolved: Resolved, credential: Credential, *, deadline: float) -> Resolved:
        """Add the content to what was resolved without it."""
        ...


class SharedAnswers(Protocol):
    """Positive answers that replicas share; neither method ever raises, or takes long."""

    async def ask(self, reference: Reference, login: Credential) -> tuple[Resolved, float] | None:
        """Return a replica's word and for how many seconds it holds; None: look, the others wait for what you tell."""
        ...

    async def tell(self, reference: Reference, login: Credential, resolved: Resolved | None, seconds: float) -> None:
        """Say what a look found and for how long it holds; None for what is not to be shared."""
        ...


def loop_time() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()


class RegistryResolver:
    """Resolves references; `async with` it, for as long as its flights may live."""

    def __init__(
        self,
        client: Client,
        *,
        budget: float = 10.0,
        lifetimes: Lifetimes | None = None,
        entries: int = 20_000,
        limits: LimitRules | None = None,
        observer: Observer | None = None,
        shared: SharedAnswers | None = None,
        clock: Callable[[], float] = loop_time,
    ) -> None:
        """Give each look `budget` seconds, waiting for a place at the registry included; keep `entries` answers."""
        self._client = client
        self._budget = budget
        self._clock = clock
        self._observer = observer or NullObserver()
        self._shared = shared
        self._lifetimes = lifetimes or Lifetimes()
        self._contents = Contents()
        self._answers = Answers(clock, lifetimes=self._lifetimes, contents=self._contents, most=entries)
        self._limits = Limits(limits or LimitRules(), clock, self._observer)
        self._looks: Flights[Key, Answer] = Flights()
        self._walks: Flights[tuple[tuple[Key, ...], float, bool], _Walked] = Flights()
        self._suggestions = Suggestions(client, self._limits, budget=budget, clock=clock)
        self._open = False

    async def __aenter__(self) -> Self:
        """Let flights start."""
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every flight."""
        self._open = False
        for flights in (self._suggestions, self._walks, self._looks):
            await flights.aclose()

    async def resolve(
        self,
        reference: Reference,
        credentials: Sequence[Credential],
        *,
        deadline: float,
        not_before: float,
        content: bool = False,
        fresh: bool = False,
    ) -> Resolution:
        """Resolve `reference` as a node with these candidates would (none = one anonymous pull), inside `deadline`.

        Never raises for what a registry, a network or an image can do; see `webhook.sources.Resolver`.
        """
        if not self._open:
            raise RuntimeError("the resolver is closed; enter it with `async with` first")
        if not reference.connectable:
            return no_such_host(reference)
        distinct = candidates(credentials)
        logins = tuple(distinct.values())[:MOST_LOGINS]
        keys = tuple(
            Key(reference.registry, reference.repository, reference.identifier, each, content)
            for each in tuple(distinct)[:MOST_LOGINS]
        )
        answers = self._remembered(keys, not_before, fresh)
        if answers is None:
            answers = await self._walked(reference, logins, keys, deadline, not_before, fresh)
        if answers is None:
            return too_busy(reference) if len(self._walks) >= MOST_WALKS else out_of_time(reference)
        resolution = combine(reference, logins, answers)
        if isinstance(resolution, Resolved):
            return resolution
        if len(distinct) > len(logins):
            return too_many(resolution, len(logins))
        return await self._suggestions.add(resolution, logins, answers, deadline=deadline)

    def recall(
        self, reference: Reference, credentials: Sequence[Credential], *, content: bool = False
    ) -> tuple[Resolved, float] | None:
        """Return the cached answer of the first login that is known to work, if there is one, and when it ends.

        What `resolve` would return without waiting; whatever else there may be to know is to be resolved. Whoever makes
        use of it says so (`recalled`).
        """
        if not self._open:
            return None
        logins = candidates(credentials) if credentials else _NO_LOGIN
        answers: list[Answer | None] = []
        for login in tuple(logins)[:MOST_LOGINS]:
            key = Key(reference.registry, reference.repository, reference.identifier, login, content)
            answer = self._answers.get(key, not_before=ANY_AGE)
            answers.append(answer)
            if answer is not None and answer.positive:
                resolution = combine(reference, tuple(logins.values()), answers)
                return (resolution, answer.until) if isinstance(resolution, Resolved) else None
        return None

    @property
    def changes(self) -> int:
        """How often what `recall` tells has changed, but for answers that ended in their own time."""
        return self._answers.changes

    def recalled(self, answers: int) -> None:
        """Count so many look-ups as found in the cache."""
        if answers:
            self._observer.cache(_CACHE, CacheOutcome.HIT, answers)

    def _remembered(self, keys: tuple[Key, ...], not_before: float, fresh: bool) -> _Walked | None:
        """Return what the cache says if that is enough: a login that works, or that all were refused."""
        answers: list[Answer | None] = []
        for key in keys:
            answers.append(answer := self._answers.get(key, not_before=not_before, fresh=fresh))
            if answer is not None and answer.positive:
                break
        else:
            if None in answers:
                return None
        self._observer.cache(_CACHE, CacheOutcome.HIT)
        return tuple(answers)

    async def _walked(
        self,
        reference: Reference,
        logins: tuple[Credential, ...],
        keys: tuple[Key, ...],
        deadline: float,
        not_before: float,
        fresh: bool,
    ) -> _Walked | None:
        """Wait for a walk that serves this caller; None if there was no time or no room for it."""
        if not_before > deadline:
            return None
        walk = self._walks.join((keys, not_before, fresh))
        if walk is None:
            if len(self._walks) >= MOST_WALKS or self._clock() >= deadline:
                return None
            walk = self._walks.start(
                (keys, not_before, fresh), self._walk(reference, logins, keys, not_before, fresh=fresh)
            )
        else:
            self._observer.cache(_CACHE, CacheOutcome.COALESCED)
        return await landed(walk, timeout=max(0.0, deadline - self._clock()))

    async def _walk(
        self,
        reference: Reference,
        logins: tuple[Credential, ...],
        keys: tuple[Key, ...],
        not_before: float,
        *,
        fresh: bool,
    ) -> _Walked:
        """Try every login in order until one works, however many answers are known already."""
        await asyncio.sleep(not_before - self._clock())  # a moment to come: nothing that is asked before it counts
        answers: list[Answer] = []
        for login, key in zip(logins, keys, strict=True):
            answers.append(await self._answer(reference, login, key, not_before, fresh=fresh))
            if answers[-1].positive:
                break
        return tuple(answers)

    async def _answer(
        self, reference: Reference, login: Credential, key: Key, not_before: float, *, fresh: bool
    ) -> Answer:
        """Return an answer that serves those who accept nothing older than `not_before`; see `Answer.serves`."""
        while True:
            answer = self._answers.get(key, not_before=not_before, fresh=fresh)
            if answer is not None:
                return answer
            answer = await self._shared_look(reference, login, key, fresh=fresh, hear=not_before == ANY_AGE)
            if answer.serves(not_before, fresh=fresh):
                return answer

    async def _shared_look(
        self, reference: Reference, login: Credential, key: Key, *, fresh: bool, hear: bool
    ) -> Answer:
        look = self._looks.join(key)
        self._observer.cache(_CACHE, CacheOutcome.MISS if look is None else CacheOutcome.COALESCED)
        if look is None:
            look = self._looks.start(key, self._look(reference, login, key, fresh=fresh, hear=hear))
        await asyncio.wait({look})
        return look.result()

    async def _look(self, reference: Reference, login: Credential, key: Key, *, fresh: bool, hear: bool) -> Answer:
        """Look once, not sooner than the pace allows, unless another replica has; remember what was told."""
        login = ANONYMOUS if login.anonymous else login
        await self._pace(key, fresh=fresh)
        if hear and self._shared is not None:
            heard = await self._hear(self._shared, reference, login, key)
            if heard is not None:
                return heard
        answer = await self._looked(reference, login, key)
        if self._shared is not None:
            resolved = answer.resolution if isinstance(answer.resolution, Resolved) else None
            await self._shared.tell(reference, login, resolved, self._lifetimes.of(key, answer))
        return answer

    async def _hear(self, shared: SharedAnswers, reference: Reference, login: Credential, key: Key) -> Answer | None:
        """Take another replica's word; content is fetched by its digest, and what goes wrong there tells nothing."""
        heard = await shared.ask(reference, login)
        if heard is None:
            return None
        resolved = self._contents.fill(heard[0]) if key.content else heard[0]
        deadline = self._clock() + self._budget
        try:
            if key.content and resolved.content is None:
                async with self._limits.enter(key.registry, key.credential, deadline=deadline):
                    resolved = await self._client.content(resolved, login, deadline=deadline)
        except (Held, RegistryError):
            return None
        answer = Answer(resolved, ANY_AGE, login.source, heard_for=heard[1])
        self._answers.put(key, answer)
        return answer

    async def _looked(self, reference: Reference, login: Credential, key: Key) -> Answer:
        began = self._clock()
        deadline = began + self._budget
        try:
            async with self._limits.enter(key.registry, key.credential, deadline=deadline):
                began = self._clock()
                resolved = await self._ask(reference, login, key, deadline)
        except Held as held:  # nobody was asked, so there is nothing to remember
            return Answer(unresolved(reference, held), began, login.source)
        except RegistryError as error:
            answer = Answer(unresolved(reference, error), began, login.source)
        else:
            answer = Answer(resolved, began, login.source)
        self._answers.put(key, answer)
        return answer

    async def _pace(self, key: Key, *, fresh: bool) -> None:
        looked_at = self._answers.looked_at(key, fresh=fresh)
        if looked_at is not None:
            await asyncio.sleep(looked_at + PACE - self._clock())

    async def _ask(self, reference: Reference, login: Credential, key: Key, deadline: float) -> Resolved:
        """Look, and fetch content only where it is wanted and not kept already (a GET is a pull on Docker Hub)."""
        if key.content and self._contents.expects(reference):
            resolved = await self._client.look(reference, login, deadline=deadline, content=False)
            whole = self._contents.fill(resolved)
            if whole.content is None:
                whole = await self._client.content(resolved, login, deadline=deadline)
            return whole
        return await self._client.look(reference, login, deadline=deadline, content=key.content)
