"""The cluster's nodes, watched (I/O): node status in, a small `NodeTable` kept up to date."""

import re
from collections.abc import Mapping

import msgspec

from webhook.cluster.api import Api
from webhook.cluster.nodetable import Node, NodeTable, Taint
from webhook.cluster.watching import Metadata, Watching, pages
from webhook.image.platform import Platform
from webhook.image.reference import Reference
from webhook.policy.evidence import NodeFacts, Runtime
from webhook.workload.workload import ContainerImage, Workload

PATH = "/api/v1/nodes"
_PAGE = 50
"""Nodes a page: each is some 15 kB, most of it image names."""

_MOST_LISTED = 50
"""Images that a node lists at most, the largest first (kubelet configuration `nodeStatusMaxImages`); -1 lists all."""
_MOST_NAMES = 5
"""Names of one image that are listed at most (pkg/kubelet/nodestatus, `MaxNamesPerImageInNodeStatus`)."""

_MIRRORING = (
    (re.compile(r"\+(?:k3s|rke2r)\d"), "*", "k3s and RKE2 nodes take mirrors from registries.yaml, and share images"),
    (re.compile(r"-gke\.\d"), "docker.io", "GKE nodes ask mirror.gcr.io first"),
)
"""What a kubelet's version tells of its maker's habits: registry (`*` for all) and why a mirror may be asked for it.

Sources: docs.k3s.io/installation/private-registry and registry-mirror, docs.rke2.io/install/private_registry;
cloud.google.com/container-registry/docs/pulling-cached-images.
"""

_RECHECKS_FROM = (1, 35)
_VERSION = re.compile(r"v?(\d+)\.(\d+)", re.ASCII)
_RUNTIMES = {"containerd": Runtime.CONTAINERD, "cri-o": Runtime.CRI_O}


_AWAITED = NodeFacts(awaited=True, runtimes=frozenset({Runtime.UNKNOWN}))


class _Metadata(Metadata):
    labels: dict[str, str] | None = None


class _Taint(msgspec.Struct):
    key: str = ""
    value: str = ""
    effect: str = ""


class _Spec(msgspec.Struct):
    taints: list[_Taint] | None = None


class _System(msgspec.Struct, rename="camel"):
    operating_system: str = ""
    architecture: str = ""
    kernel_version: str = ""
    container_runtime_version: str = ""
    kubelet_version: str = ""


class _Image(msgspec.Struct):
    names: list[str] | None = None


class _Status(msgspec.Struct, rename="camel"):
    node_info: _System = msgspec.field(default_factory=_System)
    images: list[_Image] | None = None


class WireNode(msgspec.Struct):
    """A Node as the API server sends it, as far as pulls depend on it."""

    metadata: _Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


class ClusterNodes:
    """The pipeline's `Nodes`; `watching.run()` is to be run beside it. Until its first list nothing is known."""

    def __init__(self, api: Api) -> None:
        self._table = NodeTable()
        self.watching: Watching[WireNode] = Watching(api, PATH, WireNode, self, size=_PAGE)

    def facts(self, workload: Workload, image: ContainerImage, reference: Reference) -> NodeFacts:
        """Tell what is known of the nodes that this pod may land on, from memory."""
        del image
        if not self.watching.synced.is_set():
            return _AWAITED
        return self._table.facts(workload.placement, reference, template=workload.template)

    def epoch(self) -> object:
        """Return how often what is known of the nodes has changed."""
        return self.watching.synced.is_set(), self._table.changes

    def put(self, obj: WireNode) -> None:
        """Take in a node that is new or has changed; one whose kubelet has not reported yet is not known."""
        system = obj.status.node_info
        if not (system.operating_system and system.architecture):
            return
        self._table.put(_node(obj), (name for image in obj.status.images or () for name in image.names or ()))

    def delete(self, key: str) -> None:
        """Forget a node."""
        self._table.delete(key)

    def keep_only(self, keys: set[str]) -> None:
        """Forget all others."""
        self._table.keep_only(keys)


def _node(obj: WireNode) -> Node:
    system = obj.status.node_info
    taints = obj.spec.taints or ()
    return Node(
        name=obj.metadata.name,
        platform=_platform(system),
        runtime=_RUNTIMES.get(system.container_runtime_version.partition("://")[0], Runtime.UNKNOWN),
        rechecks=_rechecks(system.kubelet_version),
        cut=_cut(obj.status.images or []),
        mirrors=_mirrors(system.kubelet_version),
        labels=obj.metadata.labels or {},
        taints=tuple(Taint(key=taint.key, value=taint.value, effect=taint.effect) for taint in taints),
    )


def _platform(system: _System) -> Platform:
    """Read what the kubelet tells: a Windows build is its kernel's version, an arm variant is not told (mostly v7)."""
    version = system.kernel_version if system.operating_system == "windows" else ""
    return Platform(os=system.operating_system, architecture=system.architecture, os_version=version).normalised()


async def node_mirrors(api: Api) -> Mapping[tuple[str, str], str]:
    """List once what nodes' makers tell of mirrors: registry (`*` for all) and why -> a node; raise `ClusterError`."""
    found: dict[tuple[str, str], str] = {}
    async for items, _ in pages(api, PATH, WireNode, size=_PAGE):
        for item in items:
            for mirror in _mirrors(item.status.node_info.kubelet_version):
                found.setdefault(mirror, item.metadata.name)
    return found


def _cut(images: list[_Image]) -> bool:
    return len(images) >= _MOST_LISTED or any(len(image.names or ()) >= _MOST_NAMES for image in images)


def _mirrors(version: str) -> tuple[tuple[str, str], ...]:
    return tuple((registry, reason) for pattern, registry, reason in _MIRRORING if pattern.search(version))


def _rechecks(version: str) -> bool:
    """Tell whether KubeletEnsureSecretPulledImages is on: from 1.35 (pkg/features/kube_features.go), and if unknown."""
    match = _VERSION.match(version)
    return match is None or (int(match[1]), int(match[2])) >= _RECHECKS_FROM
