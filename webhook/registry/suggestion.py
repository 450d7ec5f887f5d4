"""The nearest tags beside "tag not found", and whether it is the repository that is missing (I/O by the client).

A courtesy, so it never costs the verdict: it waits for at most a part of the time that is left, goes on in a flight of
its own, and is remembered for the next one who asks. Only a login that the pod itself brought (or none) is used, and
its listing serves nobody else: with a provider's or a node's login, one tenant would read another's repositories.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from cachetools import TTLCache

from webhook.credentials.credential import ANONYMOUS, Credential, Origin
from webhook.image.reference import Reference
from webhook.registry.cache import Answer
from webhook.registry.failure import RegistryError
from webhook.registry.flights import Flights, landed
from webhook.registry.limits import Held, Limits
from webhook.registry.nearest import nearest_tags
from webhook.registry.resolution import Absent, Failure, Unresolved

LIFETIME = 30.0
"""Seconds for which a suggestion is remembered."""

_SHARE = 0.25
"""The part of the time left that may be waited."""

_MOST_LISTINGS = 512
"""Listings under way; beyond that nothing is suggested."""

_PART = 1000
"""Tags compared at a time: a few milliseconds."""

_OWN = (Origin.POD, Origin.DOCKER_CONFIG, Origin.NONE)
_Key = tuple[str, str, str, str]


class Lister(Protocol):
    """Lists tags; raises `RegistryError`."""

    async def tags(self, reference: Reference, credential: Credential, *, deadline: float) -> tuple[str, ...]:
        """List the repository's tags, as far as they are worth listing."""
        ...


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the list of tags told: what is absent (UNKNOWN: nothing new), and what is near."""

    absent: Absent = Absent.UNKNOWN
    nearest: tuple[str, ...] = ()


class Suggestions:
    """Completes "not found"."""

    def __init__(self, lister: Lister, limits: Limits, *, budget: float, clock: Callable[[], float]) -> None:
        """Give each listing `budget` seconds, behind the same gate as every other question to that registry."""
        self._lister = lister
        self._limits = limits
        self._budget = budget
        self._clock = clock
        self._kept: TTLCache[_Key, Suggestion] = TTLCache(2048, LIFETIME, timer=clock)
        self._flights: Flights[_Key, Suggestion] = Flights()

    async def add(
        self, told: Unresolved, logins: Sequence[Credential], answers: Sequence[Answer | None], *, deadline: float
    ) -> Unresolved:
        """Return `told`, completed if it says that a tag is not found and there is time to say more."""
        login = _lister_login(told, logins, answers)
        if login is None:
            return told
        suggestion = await self._suggestion(told.reference, login, deadline)
        if suggestion is None:
            return told
        absent = told.absent if suggestion.absent is Absent.UNKNOWN else suggestion.absent
        message = f"{absent} not found" if told.message == f"{told.absent} not found" else told.message
        return replace(told, absent=absent, message=message, nearest_tags=suggestion.nearest)

    async def aclose(self) -> None:
        """End every listing."""
        await self._flights.aclose()

    async def _suggestion(self, reference: Reference, login: Credential, deadline: float) -> Suggestion | None:
        key = (reference.registry, reference.repository, reference.identifier, login.id)
        kept, now = self._kept.get(key), self._clock()
        if kept is not None or now >= deadline:
            return kept
        task = self._flights.join(key)
        if task is None:
            if len(self._flights) >= _MOST_LISTINGS:
                return None
            task = self._flights.start(key, self._list(key, reference, login))
        return await landed(task, timeout=(deadline - now) * _SHARE)

    async def _list(self, key: _Key, reference: Reference, login: Credential) -> Suggestion:
        deadline = self._clock() + self._budget
        try:
            async with self._limits.enter(reference.registry, login.id, deadline=deadline):
                tags = await self._lister.tags(reference, login, deadline=deadline)
        except RegistryError as error:
            gone = error.failure is Failure.NOT_FOUND and error.absent is Absent.REPOSITORY
            suggestion = Suggestion(Absent.REPOSITORY if gone else Absent.UNKNOWN)
        except Held:
            suggestion = Suggestion()
        else:
            suggestion = Suggestion(Absent.TAG, await _nearest(reference.identifier, tags))
        self._kept[key] = suggestion
        return suggestion


async def _nearest(wanted: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Go through the tags in parts, so that a long list does not hold up the loop."""
    nearest: tuple[str, ...] = ()
    for start in range(0, len(tags), _PART):
        nearest = nearest_tags(wanted, (*nearest, *tags[start : start + _PART]))
        await asyncio.sleep(0)
    return nearest


def _lister_login(
    told: Unresolved, logins: Sequence[Credential], answers: Sequence[Answer | None]
) -> Credential | None:
    """Choose the login that was told of the absence, if it is one to list tags with."""
    if told.failure is not Failure.NOT_FOUND or told.found or told.reference.digest or told.absent is Absent.REPOSITORY:
        return None
    for login, answer in zip(logins, answers, strict=False):
        refusal = None if answer is None else answer.resolution
        if isinstance(refusal, Unresolved) and refusal.failure is Failure.NOT_FOUND and login.origin in _OWN:
            return ANONYMOUS if login.anonymous else login
    return None
