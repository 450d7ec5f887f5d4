"""Namespace labels: watched, read one by one where the watch does not know (I/O)."""

from collections.abc import Mapping

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.failure import ClusterError, NotFound
from webhook.cluster.reads import SharedReads
from webhook.cluster.watching import Metadata, Watching

PATH = "/api/v1/namespaces"


class _Metadata(Metadata):
    labels: dict[str, str] | None = None


class _Namespace(msgspec.Struct):
    metadata: _Metadata


class _Labels:
    """The replica: labels by name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Mapping[str, str]] = {}

    def put(self, obj: _Namespace) -> None:
        self.by_name[obj.metadata.name] = obj.metadata.labels or {}

    def delete(self, key: str) -> None:
        self.by_name.pop(key, None)

    def keep_only(self, keys: set[str]) -> None:
        self.by_name = {name: labels for name, labels in self.by_name.items() if name in keys}


class ClusterNamespaces:
    """The pipeline's `Namespaces`; `watching.run()` is to be run beside it, and may fail for ever."""

    def __init__(self, api: Api, *, ttl: float = 5.0) -> None:
        """`ttl`: seconds that a single read serves, where the watch knows nothing."""
        self._api = api
        self._labels = _Labels()
        self._reads: SharedReads[str, Mapping[str, str] | None] = SharedReads(self._read, ttl=ttl)
        self.watching: Watching[_Namespace] = Watching(api, PATH, _Namespace, self._labels)

    def known(self, namespace: str) -> Mapping[str, str] | None:
        """Return the namespace's labels from memory, None where they are not there."""
        return self._labels.by_name.get(namespace)

    async def labels(self, namespace: str, *, deadline: float) -> Mapping[str, str]:
        """Return the namespace's labels; empty when unknown or unreadable; never raises."""
        known = self._labels.by_name.get(namespace)
        if known is not None and not self.watching.trouble:
            return known
        # Not listed yet, made a moment ago, or the watch is broken: ask, and fall back on what was last known.
        try:
            read = await self._reads.get(namespace, deadline=deadline, not_before=float("-inf"))
        except TimeoutError:
            read = None
        return read if read is not None else known or {}

    def lookup(self, namespace: str) -> Mapping[str, str] | None:
        """Return what the watch knows, or was read a moment ago; None where `labels` would ask."""
        known = self._labels.by_name.get(namespace)
        return known if known is not None and not self.watching.trouble else self._reads.lookup(namespace)

    async def close(self) -> None:
        """End the reads under way."""
        await self._reads.close()

    async def _read(self, name: str) -> Mapping[str, str] | None:
        try:
            body = await self._api.request("GET", f"{PATH}/{segment(name)}", seconds=5.0)
            return decode(body, _Namespace).metadata.labels or {}
        except NotFound:
            return {}
        except ClusterError:
            return None
