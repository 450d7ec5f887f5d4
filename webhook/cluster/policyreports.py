"""PolicyReports of the policy working group, written to the cluster (I/O).

Ours are found by a label, so nobody else's is touched. Only what changed is written, and what nothing speaks for any
more is removed. They belong to our registration, a cluster-wide object: when that is uninstalled, they go with it.
"""

import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.failure import ClusterError, NotFound
from webhook.cluster.watching import Metadata, pages

log = logging.getLogger(__name__)

GROUP = "/apis/wgpolicyk8s.io/v1alpha2"
_PAGE = 20
"""Reports a page: each may have a quarter of a MiB."""


class _Metadata(Metadata, rename="camel"):
    annotations: dict[str, str] | None = None


class _Kept(msgspec.Struct):
    metadata: _Metadata


@dataclass(frozen=True, slots=True)
class Written:
    """How many reports were written, removed, and could not be."""

    written: int = 0
    removed: int = 0
    failed: int = 0


class PolicyReports:
    """The reports that carry one label."""

    def __init__(self, api: Api, *, label: str, name: str, content: str) -> None:
        """Know ours by `label`, whose value is `name`, and a report that did not change by the annotation `content`."""
        self._api = api
        self._selector = {"labelSelector": f"{label}={name}"}
        self._content = content

    async def write(self, wanted: Mapping[str, Mapping[str, object]], *, remove: bool = True) -> Written:
        """Have exactly the `wanted` reports, by namespace; raise `ClusterError` where not even a list can be had.

        Not `remove`: leave those alone that are not wanted.
        """
        kept = await self._kept()
        written = removed = failed = 0
        for namespace, report in wanted.items():
            before = kept.pop(namespace, None)
            if before is not None and self._same(before, report):
                continue
            done = await self._attempt(self._put(namespace, report, before))
            written, failed = written + done, failed + (not done)
        for namespace, old in kept.items() if remove else ():
            done = await self._attempt(self._delete(namespace, old.name))
            removed, failed = removed + done, failed + (not done)
        return Written(written=written, removed=removed, failed=failed)

    async def _kept(self) -> dict[str, _Metadata]:
        found: dict[str, _Metadata] = {}
        async for items, _ in pages(self._api, f"{GROUP}/policyreports", _Kept, size=_PAGE, query=self._selector):
            found |= {item.metadata.namespace: item.metadata for item in items}
        return found

    def _same(self, before: _Metadata, report: Mapping[str, object]) -> bool:
        metadata = report.get("metadata")
        told = metadata.get("annotations") if isinstance(metadata, Mapping) else None
        content = told.get(self._content) if isinstance(told, Mapping) else None
        return content is not None and (before.annotations or {}).get(self._content) == content

    async def _put(self, namespace: str, report: Mapping[str, object], before: _Metadata | None) -> None:
        path = f"{GROUP}/namespaces/{segment(namespace)}/policyreports"
        if before is None:
            await self._api.request("POST", path, body=report)
            return
        given = report.get("metadata")
        metadata = {**(given if isinstance(given, Mapping) else {}), "resourceVersion": before.resource_version}
        await self._api.request("PUT", f"{path}/{segment(before.name)}", body={**report, "metadata": metadata})

    async def _delete(self, namespace: str, name: str) -> None:
        path = f"{GROUP}/namespaces/{segment(namespace)}/policyreports/{segment(name)}"
        await self._api.request("DELETE", path)

    async def _attempt(self, work: Awaitable[None]) -> bool:
        """Do it; what is in the way of one report (a namespace that ends, another writer) holds up no other."""
        try:
            await work
        except NotFound:
            return True
        except ClusterError as error:
            log.warning("policy report not written: %s", error)
            return False
        return True


async def owner_of(api: Api, path: str, *, api_version: str, kind: str) -> dict[str, str] | None:
    """Return the reference to an object of the cluster for its dependents, None where it cannot be read."""
    try:
        found = decode(await api.request("GET", path), _Kept).metadata
    except ClusterError:
        return None
    return {"apiVersion": api_version, "kind": kind, "name": found.name, "uid": found.uid}
