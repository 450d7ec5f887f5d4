"""Keep a replica of a list of objects: list in pages, then watch, for ever (I/O).

| what happens | what is done |
|---|---|
| the watch ends (the server ends each after minutes) | watch again from the last version heard, bookmarks included |
| 410: that version is too old, while watching or between two pages | list again |
| refused, broken, silent, garbled | wait, doubling with jitter up to a minute, go on; the replica keeps what it has |

Nobody waits for this task: who asks the replica gets what it holds. Pages are small and the loop breathes between them,
so that a list of 5,000 nodes holds up no admission for more than a few milliseconds.
Source: client-go tools/cache/reflector.go; Kubernetes API concepts, "Efficient detection of changes".
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from webhook.cluster.api import Api, decode
from webhook.cluster.failure import ClusterError, Expired, Unavailable, classify

log = logging.getLogger(__name__)

SILENCE = 150.0
"""Seconds without a line after which a watch is taken for dead; the API server sends a bookmark about every minute."""

_LATE = 5
"""Seconds beyond its life after which a silent watch is taken for dead."""

_RELIST = 4
"""Failures in a row after which a watch begins with a new list."""


class Metadata(msgspec.Struct, rename="camel"):
    """metadata, as far as a replica needs it."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""

    @property
    def key(self) -> str:
        """What a replica calls the object: its name, after its namespace where it has one."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Versioned(Protocol):
    """Anything that the API server keeps."""

    @property
    def metadata(self) -> Metadata: ...


T = TypeVar("T", bound=Versioned)
S = TypeVar("S", contravariant=True)


class Replica(Protocol[S]):
    """What is kept of the objects, by `Metadata.key`."""

    def put(self, obj: S) -> None:
        """Take in an object that is new or has changed."""
        ...

    def delete(self, key: str) -> None:
        """Forget an object; it may be unknown."""
        ...

    def keep_only(self, keys: set[str]) -> None:
        """Forget all others: `keys` is the whole list."""
        ...


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct):
    metadata: _ListMetadata
    items: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Marked(msgspec.Struct):
    metadata: Metadata


class _Failed(msgspec.Struct):
    code: int = 500


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait after the n-th failure in a row: doubling, each between half and the whole."""

    first: float = 1.0
    most: float = 60.0

    def delay(self, failures: int) -> float:
        """Return a jittered delay for the n-th failure in a row (from 1)."""
        whole = min(self.most, self.first * (1 << min(failures - 1, 16)))
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


async def raw_pages(
    api: Api, path: str, *, size: int = 500, query: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[list[msgspec.Raw], str]]:
    """Yield the pages of a list, each with the version of the whole; raise `Expired` when the list took too long."""
    asked = {**(query or {}), "limit": str(size)}
    while True:
        page = decode(await api.request("GET", path, query=asked, seconds=30.0), _Page)
        yield page.items or [], page.metadata.resource_version
        if not page.metadata.continue_:
            return
        asked["continue"] = page.metadata.continue_
        await asyncio.sleep(0)


async def pages(
    api: Api, path: str, kind: type[T], *, size: int = 500, query: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[list[T], str]]:
    """Yield the pages of a list, decoded."""
    async for items, version in raw_pages(api, path, size=size, query=query):
        yield [decode(item, kind) for item in items], version


class Watching(Generic[T]):
    """One list that is kept up to date; `run` is the task that does it."""

    def __init__(
        self,
        api: Api,
        path: str,
        kind: type[T],
        replica: Replica[T],
        *,
        size: int = 500,
        fields: str = "",
        life: int = 300,
        backoff: Backoff | None = None,
    ) -> None:
        """`size`: objects a page, so that decoding one takes milliseconds; `fields`: a field selector.

        `life`: seconds, or up to twice as many, after which the API server ends a watch and is asked for a new one.
        """
        self.synced = asyncio.Event()
        self.trouble = ""
        self._api = api
        self._path = path
        self._kind = kind
        self._replica = replica
        self._size = size
        self._selector = {"fieldSelector": fields} if fields else {}
        self._life = life
        self._backoff = backoff or Backoff()
        self._failures = 0
        self._version = ""

    async def run(self) -> None:
        """Keep the replica for ever; ends by being cancelled."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
                await asyncio.sleep(self._backoff.delay(1))  # a server that ends watches at once is not stormed
            except Expired:
                self._version = ""
                await self._pause("")
            except ClusterError as error:
                if self._failures % _RELIST == _RELIST - 1:
                    self._version = ""  # what keeps failing may be the version itself
                await self._pause(str(error))
            except Exception:  # a replica that nobody keeps any more would be taken for the truth
                log.exception("an error of our own in watching %s, listing it again", self._path)
                self._version = ""
                await self._pause("an error of our own, see the log")

    async def _list(self) -> None:
        keys: set[str] = set()
        versions = [""]
        async for items, version in pages(self._api, self._path, self._kind, size=self._size, query=self._selector):
            for item in items:
                self._replica.put(item)
                keys.add(item.metadata.key)
            versions.append(version)
        self._replica.keep_only(keys)
        self._version = versions[-1]
        self.synced.set()

    async def _watch(self) -> None:
        query = {
            **self._selector,
            "watch": "1",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(random.randrange(self._life, 2 * self._life)),  # noqa: S311 - not all replicas at once
        }
        lines = self._api.lines(self._path, query=query, idle=min(SILENCE, 2 * self._life + _LATE))
        async with contextlib.aclosing(lines):
            async for line in lines:
                self._version = self._take(decode(line, _Event))
                self._well()

    def _take(self, event: _Event) -> str:
        data = event.object
        match event.type:
            case "ADDED" | "MODIFIED":
                item = decode(data, self._kind)
                self._replica.put(item)
                return item.metadata.resource_version
            case "DELETED":
                metadata = decode(data, _Marked).metadata
                self._replica.delete(metadata.key)
                return metadata.resource_version
            case "BOOKMARK":
                return decode(data, _Marked).metadata.resource_version
            case "ERROR":
                raise classify(decode(data, _Failed).code, bytes(data))
            case other:
                raise Unavailable(f"unknown watch event {other[:40]!r}")

    def _well(self) -> None:
        self._failures = 0
        if self.trouble:
            log.info("watching %s again", self._path)
            self.trouble = ""

    async def _pause(self, trouble: str) -> None:
        self._failures += 1
        if trouble and not self.trouble:
            log.warning("cannot watch %s, going on with what is known: %s", self._path, trouble)
        self.trouble = trouble or self.trouble
        await asyncio.sleep(self._backoff.delay(self._failures))
