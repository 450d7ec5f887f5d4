"""One look over all running pods: what they prove of nodes and mutators (I/O).

| a running pod that | proves |
|---|---|
| differs from its ReplicaSet's template in an image or pull secret | that something changes pods |
| belongs to a DaemonSet and writes where nodes read their mirrors, or is a known mirror | that nodes may use mirrors |
| has an image that its own logins cannot pull | that nodes hold a login (or a mirror) for its registry |

For the last, a few pods a registry are tried with one look-up each, few registries at a time and each registry again
only after a day. Its answer must be a refusal: an image that is simply gone proves nothing.
"""

import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from webhook.cluster.api import Api, decode
from webhook.cluster.failure import ClusterError
from webhook.cluster.revisions import OwnedMetadata, PodSpec, Revisions
from webhook.cluster.watching import raw_pages
from webhook.image.reference import InvalidReference, Reference
from webhook.workload.decoding import MalformedObject
from webhook.workload.kinds import POD
from webhook.workload.workload import Workload

PODS = "/api/v1/pods"
_PAGE = 100
_REGISTRIES = 256
_SAMPLES = 3

_MIRROR_PATHS = re.compile(r"/certs\.d(?:/|$)|/registries\.(?:yaml|conf)|^/etc/rancher/(?:k3s|rke2)/?$")
_MIRROR_IMAGES = re.compile(
    r"(?:^|/)(?:spegel|dfdaemon|dragonfly-client|kraken-agent|kraken|peerd)(?:[:@]|$)|(?:^|/)dragonflyoss/(?:client|dfdaemon)"
)

PullsAs = Callable[[Workload, Reference], Awaitable[str]]
"""Workload and reference -> why the pod's own logins cannot pull it, or "" (they can, or nobody can tell)."""

AccountNames = Callable[[str, str], Awaitable[frozenset[str] | None]]
"""Namespace and ServiceAccount -> the pull secrets that it names, or None where that cannot be told."""


class _HostPath(msgspec.Struct):
    path: str = ""


class _Volume(msgspec.Struct, rename="camel"):
    host_path: _HostPath | None = None


class _Spec(PodSpec, rename="camel"):
    volumes: list[_Volume] | None = None


class _ContainerStatus(msgspec.Struct):
    name: str = ""
    image_id: str = msgspec.field(default="", name="imageID")


class _Status(msgspec.Struct, rename="camel"):
    container_statuses: list[_ContainerStatus] | None = None


class _Pod(msgspec.Struct):
    metadata: OwnedMetadata
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)

    @property
    def title(self) -> str:
        """The pod, for people."""
        return f"pod {self.metadata.key}"


@dataclass(slots=True)
class Seen:
    """What one look has shown: who mutates or mirrors, with the proof, and pods to try by registry."""

    mutators: dict[str, str] = field(default_factory=dict)
    mirrors: dict[str, str] = field(default_factory=dict)
    samples: dict[str, list[tuple[Workload, Reference]]] = field(default_factory=dict)
    pods: int = 0


class Survey:
    """Looks over the pods; keeps nothing between two looks."""

    def __init__(self, api: Api, revisions: Revisions, account_names: AccountNames) -> None:
        self._api = api
        self._revisions = revisions
        self._account_names = account_names

    async def look(self) -> Seen:
        """Look at every running pod once; raise `ClusterError`."""
        seen = Seen()
        query = {"fieldSelector": "status.phase=Running"}
        async for items, _ in raw_pages(self._api, PODS, size=_PAGE, query=query):
            for item in items:
                await self._look_at(bytes(item), seen)
        return seen

    async def _look_at(self, data: bytes, seen: Seen) -> None:
        pod = decode(data, _Pod)
        owner = pod.metadata.controller
        seen.pods += 1
        if owner is not None and owner.kind == "ReplicaSet":
            proof = await self._changed(pod, owner.name)
            if proof:
                seen.mutators.setdefault("a pod mutator", proof)
        if owner is not None and owner.kind == "DaemonSet":
            _see_mirrors(pod, seen)
        _sample(pod, data, seen)

    async def _changed(self, pod: _Pod, replica_set: str) -> str:
        key = f"{pod.metadata.namespace}/{replica_set}"
        difference = self._revisions.difference(key, pod.spec)
        if difference is not None:
            return f"{pod.title} differs from its ReplicaSet in {difference.value}"
        extra = await self._unexplained_secrets(pod, key)
        return (
            f"{pod.title} has pull secret {extra!r} from neither its ReplicaSet nor its ServiceAccount" if extra else ""
        )

    async def _unexplained_secrets(self, pod: _Pod, replica_set: str) -> str:
        secrets = pod.spec.secrets()
        if not secrets or self._revisions.names_secrets(replica_set):
            return ""
        names = await self._account_names(pod.metadata.namespace, pod.spec.service_account_name or "default")
        return "" if names is None else next((name for name in secrets if name not in names), "")


def _see_mirrors(pod: _Pod, seen: Seen) -> None:
    for volume in pod.spec.volumes or ():
        if volume.host_path is not None and _MIRROR_PATHS.search(volume.host_path.path):
            name = f"{volume.host_path.path} is written by a DaemonSet"
            seen.mirrors.setdefault(name, f"{pod.title} mounts it from its node")
    for _, image in pod.spec.images():
        found = _MIRROR_IMAGES.search(image)
        if found:
            seen.mirrors.setdefault(found[0].strip("/:@"), f"{pod.title} runs {image}")


def _sample(pod: _Pod, data: bytes, seen: Seen) -> None:
    """Keep a few pods a registry, by chance, and decode as values only those; the image must be there on the node."""
    there = {status.name for status in pod.status.container_statuses or () if status.image_id}
    for name, image in pod.spec.images():
        if name not in there:
            continue
        try:
            reference = Reference.parse(image)
        except InvalidReference:
            continue
        if reference.loopback:
            continue
        kept = seen.samples.get(reference.registry)
        if kept is None:
            if len(seen.samples) >= _REGISTRIES:
                continue
            kept = seen.samples[reference.registry] = []
        at = len(kept) if len(kept) < _SAMPLES else random.randrange(seen.pods)  # noqa: S311 - a sample
        if at >= _SAMPLES:
            continue
        try:
            kept[at : at + 1] = [(POD.decode(data), reference)]
        except MalformedObject:
            continue


async def prove_logins(
    seen: Seen, proved: Mapping[str, float], pulls_as: PullsAs, *, now: float, most: int = 10, again: float = 86_400.0
) -> Mapping[str, str]:
    """Try samples of up to `most` registries and return those that nodes hold logins for, with the proof.

    `proved`: registries with the time of their last proof; they are tried again `again` seconds later.
    """
    open_ones = [name for name in seen.samples if now - proved.get(name, float("-inf")) >= again]
    random.shuffle(open_ones)
    found: dict[str, str] = {}
    for registry in open_ones[:most]:
        for workload, reference in seen.samples[registry]:
            refusal = await _refusal(pulls_as, workload, reference)
            if refusal:
                pod = f"pod {workload.namespace}/{workload.name}"
                found[registry] = f"{pod} runs {reference}, which its own logins cannot pull: {refusal}"
                break
    return found


async def _refusal(pulls_as: PullsAs, workload: Workload, reference: Reference) -> str:
    try:
        return await pulls_as(workload, reference)
    except ClusterError:
        return ""
