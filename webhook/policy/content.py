"""What a resolved image is, and whom it fits (pure): `image.artifact` and `image.selection`, asked what is at hand.

Node status tells neither a processor's variant of 32-bit arm nor what features its operating system has: a node takes
whatever it would take with any of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Final

from webhook.image.artifact import artifact
from webhook.image.manifest import Index, Kind, Manifest, kind_of, parse_media_type
from webhook.image.matching import only
from webhook.image.platform import Platform
from webhook.image.selection import Puller, platforms, select
from webhook.policy.evidence import Evidence
from webhook.registry.resolution import Resolved
from webhook.workload.workload import Role

_ARM_VARIANTS: Final = ("v5", "v6", "v7", "v8")


class Unrunnable(StrEnum):
    """Why a descriptor is no image that a container can be made of."""

    SCHEMA_1 = "schema 1"
    ARTIFACT = "artifact"
    UNKNOWN_CONFIG = "unknown config"
    UNKNOWN_TYPE = "unknown type"
    UNMOUNTABLE = "unmountable"
    """an artifact that not even an image volume can be made of"""


def not_runnable(resolved: Resolved, role: Role) -> tuple[Unrunnable, str] | None:
    """Say why no container can be made of it, and what it is; an image volume may hold most artifacts."""
    kind = kind_of(parse_media_type(resolved.media_type))
    if kind is Kind.SCHEMA1:
        return Unrunnable.SCHEMA_1, "an image of schema 1"
    if isinstance(resolved.content, Manifest):
        return _not_runnable_manifest(resolved.content, role)
    if role is Role.VOLUME or kind is not Kind.OTHER or resolved.content is not None:
        return None
    return Unrunnable.UNKNOWN_TYPE, resolved.media_type or "content of no declared type"


def _not_runnable_manifest(manifest: Manifest, role: Role) -> tuple[Unrunnable, str] | None:
    found = artifact(manifest)
    if found is None:
        return None
    if role is Role.VOLUME:
        return None if found.mounts else (Unrunnable.UNMOUNTABLE, found.name)
    return Unrunnable.ARTIFACT if found.known else Unrunnable.UNKNOWN_CONFIG, found.name


def wanted(evidence: Evidence) -> frozenset[Platform]:
    """Return the platforms that the image is needed for; empty when they are not known."""
    return frozenset(evidence.workload.platforms) or evidence.nodes.platforms


def platforms_of(content: Index | Manifest | None) -> tuple[Platform, ...]:
    """Return the platforms that an image is built for, as far as it says."""
    match content:
        case None:
            return ()
        case Manifest():
            return () if content.platform is None else (content.platform,)
        case Index():
            return platforms(content)


def lacking(content: Index | Manifest, nodes: Iterable[Platform], *, strictly: bool) -> frozenset[Platform]:
    """Return the node platforms that an image has nothing for; none where it does not say.

    `strictly`: as containerd's transfer service takes it from an index (since 2.1), otherwise as `client.Pull` does.
    """
    if isinstance(content, Manifest):
        return frozenset() if content.platform is None else frozenset(_cannot_run(content.platform, nodes))
    puller = Puller.TRANSFER if strictly else Puller.CLIENT
    views = _views(content)
    return frozenset(
        node
        for node in nodes
        if all(select(view, each, puller).pulls is False for view in views for each in _variants(node))
    )


def lacks_every_platform(evidence: Evidence, content: Index | Manifest) -> bool:
    """Tell whether no node the pod may land on finds its platform in the index; a single manifest is no index."""
    nodes = wanted(evidence)
    return isinstance(content, Index) and bool(nodes) and lacking(content, nodes, strictly=True) == nodes


def offers_any(content: Index | Manifest, nodes: Iterable[Platform]) -> bool:
    """Tell whether a node's processor runs a platform that is offered anywhere, however containerd chooses."""
    offered = [replace(platform, os_features=()) for platform in platforms_of(content)]
    takers = [only(each) for node in nodes for each in _variants(node)]
    return any(taker.match(platform) for taker in takers for platform in offered)


def _cannot_run(built_for: Platform, nodes: Iterable[Platform]) -> Iterator[Platform]:
    bare = replace(built_for, os_features=())
    return (node for node in nodes if not any(only(each).match(bare) for each in _variants(node)))


def _variants(node: Platform) -> Iterator[Platform]:
    """Yield what a node may be, as far as its status tells."""
    if node.normalised().architecture == "arm":
        return (replace(node, variant=variant) for variant in _ARM_VARIANTS)
    return iter((node,))


def _views(index: Index) -> tuple[Index, ...]:
    """Return the index as nodes without any feature see it, and as those see it that have all."""
    featured = any(each.platform is not None and each.platform.os_features for each in index.manifests)
    nested = [(digest, _views(inner)) for digest, inner in index.nested]
    if not featured and all(len(views) == 1 for _, views in nested):
        return (index,)
    all_features = replace(
        index,
        manifests=tuple(
            each if each.platform is None else replace(each, platform=replace(each.platform, os_features=()))
            for each in index.manifests
        ),
        nested=tuple((digest, views[-1]) for digest, views in nested),
    )
    return index, all_features
