"""One look at one registry with one login, bounded in time (pure but for the Sessions' Wire).

Whatever ends it, the requests made so far are told, and no secret is.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from webhook.image.manifest import Index, Manifest
from webhook.image.reference import Reference
from webhook.registry import nodetext
from webhook.registry.content import Fetcher, affordable
from webhook.registry.endpoint import Capability
from webhook.registry.exchange import Trail
from webhook.registry.failure import RegistryError, error_of
from webhook.registry.lookup import Found, Lookup
from webhook.registry.resolution import Failure, Resolved
from webhook.registry.session import Session
from webhook.registry.taglist import fetch_tags

_OUR_OWN = (Failure.ADDRESS_REFUSED, Failure.OUT_OF_TIME)
"""Failures to fetch that tell nothing of what a node would meet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look has: the sessions of all endpoints in order, their trail, the deadline in loop time.

    `depth`: content is looked into, down to the layers.
    """

    reference: Reference
    sessions: Sequence[Session]
    trail: Trail
    deadline: float
    depth: bool = False

    async def resolve(self, *, content: bool) -> Resolved:
        """Return what the reference names, and what that leads to; raise `RegistryError`."""
        async with self._bounded():
            found = await Lookup(self.reference, self.sessions).find()
        document = await self._content(found) if content else None
        return Resolved(
            reference=self.reference,
            digest=found.digest,
            media_type=found.media_type,
            endpoint=found.session.endpoint.base,
            mirrored=found.session.endpoint.mirrored,
            content=document,
            quota=self.trail.quota,
            attempts=tuple(self.trail.attempts),
        )

    async def complete(self, resolved: Resolved) -> Resolved:
        """Return `resolved` with its content, as far as that can be had."""
        there = next((each for each in self.sessions if each.endpoint.base == resolved.endpoint), self.sessions[0])
        found = Found(digest=resolved.digest, media_type=resolved.media_type, session=there)
        document = await self._content(found)
        attempts = (*resolved.attempts, *self.trail.attempts)
        return replace(resolved, content=document, quota=self.trail.quota, attempts=attempts)

    async def tags(self) -> tuple[str, ...]:
        """Return the repository's tags from the first endpoint that lists them; raise `RegistryError`."""
        async with self._bounded():
            error = error_of(Failure.NOT_FOUND, "no endpoint lists tags", node_error=nodetext.NO_HOSTS)
            for session in self.sessions:
                if Capability.RESOLVE not in session.endpoint.capabilities:
                    continue
                try:
                    return await fetch_tags(session, last=False)
                except RegistryError as refusal:
                    error = refusal
            raise error

    async def _content(self, found: Found) -> Index | Manifest | None:
        """Fetch what was found; a lack of time, quota or leave leaves the question open, what a node meets is told."""
        if not self._may_spend():
            return None
        try:
            async with asyncio.timeout_at(self.deadline):
                return await Fetcher(self.sessions, depth=self.depth, may_spend=self._may_spend).content(found)
        except TimeoutError:
            return None
        except RegistryError as error:
            if error.found and error.failure in _OUR_OWN:
                return None
            self._finish(error)
            raise

    def _may_spend(self) -> bool:
        return affordable(self.trail.quota)

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        scope = asyncio.timeout_at(self.deadline)
        try:
            async with scope:
                yield
        except TimeoutError as error:
            if not scope.expired():
                raise
            late = error_of(Failure.OUT_OF_TIME, f"{self.reference.registry} did not answer in the time there was")
            self._finish(late)
            raise late from error
        except RegistryError as error:
            self._finish(error)
            raise

    def _finish(self, error: RegistryError) -> None:
        """Make the error fit to leave."""
        error.message = self.trail.redact(error.message)
        error.node_error = self.trail.redact(error.node_error)
        error.quota = error.quota or self.trail.quota
        error.attempts = tuple(self.trail.attempts)
