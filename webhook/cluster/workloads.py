"""What runs and what would run again: pods and pod-bearing objects, listed in pages or read one by one (I/O)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.failure import ClusterError, Expired, Unavailable
from webhook.cluster.watching import Metadata, raw_pages
from webhook.workload.decoding import MalformedObject
from webhook.workload.kinds import PodBearingKind, pod_bearing
from webhook.workload.workload import Workload

_BREATH = 50
"""Objects between two turns of the loop: decoding one takes some 20 microseconds."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Where objects of a kind are found."""

    group: str
    kind: str
    plural: str

    def path(self, namespace: str | None, name: str = "") -> str:
        """Return the path of one object, of a namespace's, or (namespace None) of all."""
        root = f"/apis/{self.group}/v1" if self.group else "/api/v1"
        within = "" if namespace is None else f"/namespaces/{segment(namespace)}"
        return f"{root}{within}/{self.plural}" + (f"/{segment(name)}" if name else "")


RESOURCES = (
    Resource("apps", "Deployment", "deployments"),
    Resource("apps", "StatefulSet", "statefulsets"),
    Resource("apps", "DaemonSet", "daemonsets"),
    Resource("batch", "CronJob", "cronjobs"),
    Resource("batch", "Job", "jobs"),
    Resource("apps", "ReplicaSet", "replicasets"),
    Resource("", "ReplicationController", "replicationcontrollers"),
    Resource("", "Pod", "pods"),
)
"""Owners before what they own."""


_VERSIONS = {each.kind: f"{each.group}/v1" if each.group else "v1" for each in RESOURCES}


def api_version(kind: str) -> str:
    """Return the apiVersion of a built-in pod-bearing kind."""
    return _VERSIONS.get(kind, "v1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """A kind that could not be listed to its end, and why."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """An object that was listed and that no decoder of ours takes (say, 3,000 tolerations), and why."""

    kind: str
    namespace: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"cannot read {self.kind} {f'{self.namespace}/{self.name}'!r}: {self.reason}"


class _Named(msgspec.Struct):
    metadata: Metadata = msgspec.field(default_factory=Metadata)


async def list_workloads(
    api: Api,
    namespace: str | None,
    *,
    selector: str = "",
    resources: Sequence[Resource] = RESOURCES,
    size: int = 500,
) -> AsyncIterator[Workload | Unlisted | Unread]:
    """Yield every pod-bearing object of `namespace` (None: of all), also those with a reason to skip; never raises.

    `selector` is a label selector. A kind that we may not list is told and the others go on; so is a single object that
    cannot be read: whoever may make one could else keep us from seeing all the rest.
    """
    query = {"labelSelector": selector} if selector else {}
    for resource in resources:
        try:
            async for workload in _listed(api, resource, namespace, query, size):
                yield workload
        except ClusterError as error:
            reason = "the list took longer than the API server keeps it" if isinstance(error, Expired) else str(error)
            yield Unlisted(kind=resource.kind, reason=reason)


async def read_workload(api: Api, resource: Resource, namespace: str, name: str) -> Workload:
    """Read one object; raise `ClusterError`."""
    data = await api.request("GET", resource.path(namespace, name))
    try:
        return _reader(resource).decode(data)
    except MalformedObject as error:
        raise Unavailable(f"malformed {resource.kind}: {error}") from error


async def _listed(
    api: Api, resource: Resource, namespace: str | None, query: dict[str, str], size: int
) -> AsyncIterator[Workload | Unread]:
    reader = _reader(resource)
    count = 0
    async for items, _ in raw_pages(api, resource.path(namespace), size=size, query=query):
        for item in items:
            try:
                yield reader.decode(item)
            except MalformedObject as error:
                yield _unread(resource, item, error)
            count += 1
            if count % _BREATH == 0:
                await asyncio.sleep(0)


def _reader(resource: Resource) -> PodBearingKind:
    reader = pod_bearing(resource.group, resource.kind)
    if reader is None:
        raise Unavailable(f"{resource.kind} bears no pod")
    return reader


def _unread(resource: Resource, data: msgspec.Raw, error: MalformedObject) -> Unread:
    metadata = decode(data, _Named).metadata
    return Unread(kind=resource.kind, namespace=metadata.namespace, name=metadata.name, reason=str(error))
