"""One object of a live cluster, with the pod of it that tells most and what its kubelet said (I/O)."""

import re
from dataclasses import replace

import msgspec

from webhook.cluster.api import Api, decode, segment
from webhook.cluster.failure import ClusterError
from webhook.cluster.labels import LabelSelector, equal
from webhook.cluster.watching import raw_pages
from webhook.cluster.workloads import RESOURCES, Resource, read_workload
from webhook.workload.decoding import MalformedObject
from webhook.workload.kinds import POD
from webhook.workload.sighting import Saying, SeenContainer, SeenPod, Sighting

_PODS = next(each for each in RESOURCES if each.kind == "Pod")
_JOBS = next(each for each in RESOURCES if each.kind == "Job")
_MOST = 500
"""Pods of one object that are looked at."""

_CONTAINER = re.compile(r"\{(.+)\}$")


class _Named(msgspec.Struct):
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    name: str = ""
    uid: str = ""
    creation_timestamp: str = ""
    owner_references: list[_Named] | None = None


class _Waiting(msgspec.Struct):
    reason: str = ""
    message: str = ""


class _State(msgspec.Struct):
    waiting: _Waiting | None = None
    running: dict[str, object] | None = None


class _ContainerStatus(msgspec.Struct):
    name: str = ""
    state: _State = msgspec.field(default_factory=_State)


class _Condition(msgspec.Struct):
    type: str = ""
    status: str = ""
    message: str = ""


class _Status(msgspec.Struct, rename="camel"):
    container_statuses: list[_ContainerStatus] | None = None
    init_container_statuses: list[_ContainerStatus] | None = None
    ephemeral_container_statuses: list[_ContainerStatus] | None = None
    conditions: list[_Condition] | None = None


class _PodSpec(msgspec.Struct, rename="camel"):
    node_name: str = ""


class _Pod(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _PodSpec = msgspec.field(default_factory=_PodSpec)
    status: _Status = msgspec.field(default_factory=_Status)


class _Selecting(msgspec.Struct):
    selector: msgspec.Raw = msgspec.Raw(b"{}")


class _Owner(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Selecting = msgspec.field(default_factory=_Selecting)


class _Involved(msgspec.Struct, rename="camel"):
    field_path: str = ""


class _Event(msgspec.Struct, rename="camel"):
    reason: str = ""
    message: str = ""
    last_timestamp: str | None = None
    event_time: str | None = None
    involved_object: _Involved = msgspec.field(default_factory=_Involved)


class _Events(msgspec.Struct):
    items: list[_Event] | None = None


async def sight(api: Api, resource: Resource, namespace: str, name: str) -> Sighting:
    """Look at one object and its pods; raise `ClusterError` where the object itself cannot be read."""
    if resource == _PODS:
        data = await api.request("GET", _PODS.path(namespace, name))
        pod = await _with_events(api, _seen(data), namespace)
        return Sighting(workload=pod[0].workload, pod=pod[0], pods=1, stuck=int(pod[0].stuck), unread=pod[1])
    workload = await read_workload(api, resource, namespace, name)
    try:
        pods = await _pods_of(api, resource, namespace, name)
    except ClusterError as error:
        return Sighting(workload=workload, unread=(f"its pods: {error}",))
    if not pods:
        return Sighting(workload=workload)
    chosen, unread = await _with_events(api, max(pods, key=_tells), namespace)
    stuck = sum(each.stuck for each in pods)
    return Sighting(workload=workload, pod=chosen, pods=len(pods), stuck=stuck, unread=unread)


def _tells(pod: SeenPod) -> tuple[bool, bool, bool]:
    """Order pods by how much they tell of a pull; finished ones least."""
    waiting = any(each.waiting for each in pod.containers.values())
    return pod.stuck, waiting, pod.workload.skip is None


async def _pods_of(api: Api, resource: Resource, namespace: str, name: str) -> list[SeenPod]:
    owner = decode(await api.request("GET", resource.path(namespace, name)), _Owner)
    if resource.kind == "CronJob":
        return await _pods_of_jobs(api, namespace, owner.metadata.uid)
    selector = _selector(owner.spec.selector, plain=resource.kind == "ReplicationController")
    return await _selected(api, namespace, selector) if selector else []


async def _pods_of_jobs(api: Api, namespace: str, uid: str) -> list[SeenPod]:
    """Return the pods of the youngest Job that a CronJob has made."""
    jobs: list[_Owner] = []
    async for items, _ in raw_pages(api, _JOBS.path(namespace)):
        found = (decode(item, _Owner) for item in items)
        jobs += [job for job in found if any(each.uid == uid for each in job.metadata.owner_references or ())]
    if not jobs:
        return []
    youngest = max(jobs, key=lambda job: job.metadata.creation_timestamp)
    return await _selected(api, namespace, _selector(youngest.spec.selector, plain=False))


async def _selected(api: Api, namespace: str, selector: str) -> list[SeenPod]:
    query = {"labelSelector": selector, "limit": str(_MOST)}
    page = decode(await api.request("GET", _PODS.path(namespace), query=query), _Page)
    return [_seen(bytes(item)) for item in page.items or ()]


class _Page(msgspec.Struct):
    items: list[msgspec.Raw] | None = None


def _selector(raw: msgspec.Raw, *, plain: bool) -> str:
    """Write a selector as the API takes it in a query."""
    return equal(decode(raw, dict[str, str])) if plain else decode(raw, LabelSelector).query()


def _seen(data: bytes) -> SeenPod:
    pod = decode(data, _Pod)
    try:
        workload = POD.decode(data)
    except MalformedObject as error:
        raise ClusterError(f"malformed pod: {error}") from error
    status = pod.status
    statuses = (
        *(status.container_statuses or ()),
        *(status.init_container_statuses or ()),
        *(status.ephemeral_container_statuses or ()),
    )
    waits = (each for each in status.conditions or () if each.type == "PodScheduled" and each.status == "False")
    return SeenPod(
        workload=workload,
        node=pod.spec.node_name,
        unscheduled="" if pod.spec.node_name else next((each.message for each in waits), "") or "not scheduled yet",
        containers={each.name: _container(each.state) for each in statuses},
    )


def _container(state: _State) -> SeenContainer:
    waiting = state.waiting
    if waiting is not None:
        return SeenContainer(waiting=waiting.reason, message=waiting.message)
    return SeenContainer(running=state.running is not None)


async def _with_events(api: Api, pod: SeenPod, namespace: str) -> tuple[SeenPod, tuple[str, ...]]:
    """Return the pod with its Events, and why they could not be read."""
    path = f"/api/v1/namespaces/{segment(namespace)}/events"
    query = {"fieldSelector": f"involvedObject.uid={pod.workload.uid}"}
    try:
        events = decode(await api.request("GET", path, query=query), _Events).items or []
    except ClusterError as error:
        return pod, (f"its events: {error}",)
    events.sort(key=lambda each: each.last_timestamp or each.event_time or "")
    return replace(pod, said=tuple(map(_saying, events))), ()


def _saying(event: _Event) -> Saying:
    container = _CONTAINER.search(event.involved_object.field_path)
    return Saying(reason=event.reason, message=event.message, container=container[1] if container else "")
