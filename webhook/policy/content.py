"""What a resolved image is, and whom it fits (pure).

A node takes from an index what is for its platform. Which that is depends on containerd: since 2.1 its own platform
alone (`transfer service`), before that also what its processor can run (`client.Pull`). `strictly` is the former.

Node status tells neither a processor's variant of 32-bit arm nor features of the operating system: they decide nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Final

from webhook.image.manifest import Descriptor, Index, Manifest
from webhook.image.matching import Matcher, only, only_strict
from webhook.image.platform import Platform
from webhook.policy.evidence import Evidence
from webhook.registry.resolution import Resolved
from webhook.workload.workload import Role

_INDEXES: Final = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)
_MANIFESTS: Final = frozenset(
    {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    }
)
_SCHEMA_1: Final = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "text/plain",
    }
)
_CONFIGS: Final = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)
_ARTIFACTS: Final = {
    "application/vnd.cncf.helm.config.v1+json": "a Helm chart",
    "application/vnd.dev.cosign.artifact.sig.v1+json": "a signature",
    "application/vnd.cncf.notary.signature": "a signature",
    "application/vnd.dev.sigstore.bundle.v0.3+json": "a signature",
    "application/vnd.cncf.flux.config.v1+json": "a Flux artifact",
    "application/vnd.cncf.openpolicyagent.config.v1+json": "an OPA bundle",
    "application/vnd.docker.plugin.v1+json": "a Docker plugin",
    "application/vnd.docker.ai.model.config.v0.1+json": "an AI model",
    "application/vnd.cncf.model.config.v1+json": "an AI model",
    "application/vnd.devcontainers": "a dev container feature",
}
_SIGNATURE_LAYER: Final = "application/vnd.dev.cosign.simplesigning.v1+json"


class Unrunnable(StrEnum):
    """Why a descriptor is no image that a container can be made of."""

    SCHEMA_1 = "schema 1"
    ARTIFACT = "artifact"
    UNKNOWN_CONFIG = "unknown config"
    UNKNOWN_TYPE = "unknown type"


def not_runnable(resolved: Resolved, role: Role) -> tuple[Unrunnable, str] | None:
    """Say why no container can be made of it, and what it is; an image volume may hold any artifact."""
    if resolved.media_type in _SCHEMA_1:
        return Unrunnable.SCHEMA_1, "an image of schema 1"
    if role is Role.VOLUME:
        return None
    if isinstance(resolved.content, Manifest):
        return _not_runnable_manifest(resolved.content)
    if resolved.media_type in _INDEXES | _MANIFESTS or isinstance(resolved.content, Index):
        return None
    return Unrunnable.UNKNOWN_TYPE, resolved.media_type or "content of no declared type"


def _not_runnable_manifest(manifest: Manifest) -> tuple[Unrunnable, str] | None:
    config = manifest.config.media_type
    if config in _CONFIGS:
        signed = manifest.layers and all(layer.media_type == _SIGNATURE_LAYER for layer in manifest.layers)
        return (Unrunnable.ARTIFACT, "a signature") if signed else None
    kind = _ARTIFACTS.get(manifest.artifact_type) or _ARTIFACTS.get(config)
    if kind is not None:
        return Unrunnable.ARTIFACT, kind
    return Unrunnable.UNKNOWN_CONFIG, manifest.artifact_type or config


def wanted(evidence: Evidence) -> frozenset[Platform]:
    """Return the platforms that the image is needed for; empty when they are not known."""
    return frozenset(evidence.workload.platforms) or evidence.nodes.platforms


def platforms_of(content: Index | Manifest | None) -> tuple[Platform, ...]:
    """Return the platforms that an image is built for, as far as it says."""
    if isinstance(content, Manifest):
        return (content.platform,) if content.platform is not None else ()
    if content is None:
        return ()
    listed = (entry.platform for entry in _entries(content) if entry.platform is not None)
    return tuple(dict.fromkeys(platform for platform in listed if not platform.unknown))


def lacking(content: Index | Manifest, nodes: Iterable[Platform], *, strictly: bool) -> frozenset[Platform]:
    """Return the node platforms that an image has nothing for; none where it does not say."""
    offered = platforms_of(content)
    if _unsaid(content):
        return frozenset()
    return frozenset(node for node in nodes if not _takes_any(_matcher(node, strictly=strictly), offered))


def lacks_every_platform(evidence: Evidence, content: Index | Manifest) -> bool:
    """Tell whether no node the pod may land on finds its platform in the index; a single manifest is no index."""
    nodes = wanted(evidence)
    return isinstance(content, Index) and bool(nodes) and lacking(content, nodes, strictly=True) == nodes


def _unsaid(content: Index | Manifest) -> bool:
    """Tell whether some of the content has no platform, or was not read: it may fit anyone."""
    if isinstance(content, Manifest):
        return content.platform is None
    fetched = {digest for digest, _ in content.nested}
    unread = (entry for entry in content.manifests if entry.media_type in _INDEXES and entry.digest not in fetched)
    return (
        any(entry.platform is None and entry.media_type not in _INDEXES for entry in content.manifests)
        or any(unread)
        or any(_unsaid(nested) for _, nested in content.nested)
    )


def _entries(index: Index) -> Iterator[Descriptor]:
    yield from (entry for entry in index.manifests if entry.media_type not in _INDEXES)
    for _, nested in index.nested:
        yield from _entries(nested)


def _takes_any(matcher: Matcher, offered: Iterable[Platform]) -> bool:
    return any(matcher.match(replace(platform, os_features=())) for platform in offered)


def _matcher(node: Platform, *, strictly: bool) -> Matcher:
    if node.normalised().architecture == "arm":
        return only(replace(node, variant="v8"))
    return only_strict(node) if strictly else only(node)
