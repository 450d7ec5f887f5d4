"""Who is told what goes on with registries (pure).

This layer knows no metrics; metrics.py implements the Protocol and wiring joins the two. Names of registries are those
of references, unbounded: whoever counts them bounds them. Calls must return at once and never raise.
"""

from enum import StrEnum
from typing import Protocol


class CacheOutcome(StrEnum):
    """How a look-up in a cache ended."""

    HIT = "hit"
    MISS = "miss"
    COALESCED = "coalesced"
    """joined the look-up of another"""


class Observer(Protocol):
    """Told of requests, quotas, breakers and caches."""

    def request(self, registry: str, method: str, outcome: str, seconds: float) -> None:
        """Note one request: it ended with a status ("200"), or with a `Failure`'s value when nobody answered."""
        ...

    def rate_limit(self, registry: str, remaining: int) -> None:
        """Note how many pulls the registry says are left in this window."""
        ...

    def circuit(self, registry: str, *, open: bool) -> None:
        """Note that the breaker of a registry opened, was found open by a look that failed, or closed."""
        ...

    def cache(self, cache: str, outcome: CacheOutcome, times: int = 1) -> None:
        """Note how one look-up in a cache ended, or several that ended alike."""
        ...


class NullObserver:
    """Listens to nothing."""

    def request(self, registry: str, method: str, outcome: str, seconds: float) -> None:
        """Ignore it."""

    def rate_limit(self, registry: str, remaining: int) -> None:
        """Ignore it."""

    def circuit(self, registry: str, *, open: bool) -> None:
        """Ignore it."""

    def cache(self, cache: str, outcome: CacheOutcome, times: int = 1) -> None:
        """Ignore it."""
