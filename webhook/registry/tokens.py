"""Tokens for as long as they are good, and one request for all who want the same (pure but for the tasks it keeps).

A token is good for the endpoint that asked for it, the service that gave it, its scopes and one login; only they share
it. It is sent ahead to the same endpoint and repository, which saves the request that would only be told to bring one.
Whoever sends a token ahead must be ready to be refused, forget it, and begin anew: it may have been revoked, or be from
before an access was granted.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, NamedTuple

from cachetools import LRUCache

from webhook.registry.failure import RegistryError
from webhook.registry.flights import Flights, landed
from webhook.registry.resolution import Attempt
from webhook.registry.token import Token, TokenQuestion

MOST = 4096
"""Tokens kept; one has 1 to 5 kB, and one of more counts as several."""

_USUAL = 8192


class Place(NamedTuple):
    """Where a token is good. `endpoint` is a base URL, `login` is `Credential.id`, "" for none."""

    endpoint: str
    repository: str
    login: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came of asking for a token, and the requests it took. `kept`: it is from an earlier time."""

    outcome: Token | RegistryError
    attempts: tuple[Attempt, ...] = ()
    kept: bool = False


class _Key(NamedTuple):
    place: Place
    question: TokenQuestion


class _Kept(NamedTuple):
    token: Token
    until: float


def _weight(kept: _Kept) -> int:
    return 1 + len(kept.token.value) // _USUAL


class TokenStore:
    """The tokens of one client."""

    def __init__(self, clock: Callable[[], float], *, most: int = MOST) -> None:
        """Keep at most `most` tokens; `clock` is loop time."""
        self._clock = clock
        self._kept: LRUCache[_Key, _Kept] = LRUCache(most, getsizeof=_weight)
        self._latest: LRUCache[Place, _Key] = LRUCache(most)
        self._flights: Flights[_Key, Fetched] = Flights()

    def ahead(self, place: Place) -> Token | None:
        """Return the token that was last good at this place, None when there is none or it has expired."""
        key = self._latest.get(place)
        return None if key is None else self._good(key)

    def forget(self, place: Place) -> None:
        """Drop the token of this place: it was refused."""
        key = self._latest.pop(place, None)
        if key is not None:
            self._kept.pop(key, None)

    async def get(
        self, place: Place, question: TokenQuestion, fetch: Callable[[], Coroutine[Any, Any, Fetched]]
    ) -> Fetched | None:
        """Return a good token, or what came of `fetch`; None if the store was closed meanwhile.

        The fetch goes on when its caller stops waiting; others may wait for the same.
        """
        key = _Key(place, question)
        token = self._good(key)
        if token is not None:
            self._latest[place] = key
            return Fetched(outcome=token, kept=True)
        flight = self._flights.join(key) or self._flights.start(key, self._fetch(key, fetch))
        return await landed(flight)

    async def aclose(self) -> None:
        """End what is under way."""
        await self._flights.aclose()

    def _good(self, key: _Key) -> Token | None:
        kept = self._kept.get(key)
        return kept.token if kept is not None and kept.until > self._clock() else None

    async def _fetch(self, key: _Key, fetch: Callable[[], Coroutine[Any, Any, Fetched]]) -> Fetched:
        asked = self._clock()
        fetched = await fetch()
        if isinstance(fetched.outcome, Token) and fetched.outcome.lifetime > 0:
            self._kept[key] = _Kept(fetched.outcome, asked + fetched.outcome.lifetime)
            self._latest[key.place] = key
        return fetched
