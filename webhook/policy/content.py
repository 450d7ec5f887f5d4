"""What a resolved image is, and whom it fits (pure): `image.artifact` and `image.selection`, asked what is at hand.

Node status tells neither a processor's variant of 32-bit arm nor what features its operating system has: a node takes
whatever it would take with any of them. Linux has none unless containerd's configuration gives it some (`unpack_config`
of the transfer service), so there an image that wants one is likely not taken.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Final

from webhook.image.artifact import artifact, miscounted
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


def lacking(
    content: Index | Manifest, nodes: Iterable[Platform], *, strictly: bool, plainly: bool = False
) -> frozenset[Platform]:
    """Return the node platforms that an image has nothing for; none where it does not say.

    `strictly`: as containerd's transfer service takes it from an index (since 2.1), otherwise as `client.Pull` does.
    `plainly`: as a node takes it whose operating system has no features; a Windows node may have some all the same.
    """
    if isinstance(content, Manifest):
        return frozenset() if content.platform is None else frozenset(_cannot_run(content.platform, nodes))
    puller = Puller.TRANSFER if strictly else Puller.CLIENT
    views = _views(content)
    return frozenset(
        node
        for node in nodes
        if all(
            select(view, each, puller).pulls is False
            for view in (views[:1] if plainly and node.os != "windows" else views)
            for each in _variants(node)
        )
    )


def lacks_every_platform(evidence: Evidence, content: Index | Manifest) -> bool:
    """Tell whether no node the pod may land on finds its platform in the index; a single manifest is no index."""
    nodes = wanted(evidence)
    return isinstance(content, Index) and bool(nodes) and lacking(content, nodes, strictly=True, plainly=True) == nodes


def flaw(evidence: Evidence, content: Index | Manifest) -> str:
    """Say what of an image is gone from the registry or does not fit together, or ""; as far as it was looked for.

    Of an index only where that is so of the images of all nodes that the pod may land on, or of any where no node is
    known.
    """
    if isinstance(content, Manifest):
        return _flaw(content)
    nodes = wanted(evidence)
    if not nodes:
        inside = (_flaw(image) for _, image in content.images)
        return "one of its manifests is gone" if content.gone else next(filter(None, inside), "")
    flaws = [_flaw_for(node, content) for node in nodes]
    return flaws[0] if all(flaws) else ""


def _flaw(manifest: Manifest) -> str:
    if manifest.gone:
        return "its config is gone" if manifest.config.digest in manifest.gone else "a layer is gone"
    return "its config counts other layers than its manifest names" if miscounted(manifest) else ""


def _flaw_for(node: Platform, index: Index) -> str:
    chosen = select(index, node, Puller.TRANSFER).chosen
    if chosen is None:
        return ""
    if chosen.digest in index.gone:
        return f"the manifest for {node} is gone"
    image = dict(index.images).get(chosen.digest)
    return _flaw(image) if image is not None else ""


def built_otherwise(index: Index, nodes: Iterable[Platform]) -> Platform | None:
    """Return what an index's image for these nodes was built for, where it was read and none of them can run it."""
    images = dict(index.images)
    chosen = [(node, select(index, node, Puller.TRANSFER).chosen) for node in nodes]
    read = [(node, images[each.digest]) for node, each in chosen if each is not None and each.digest in images]
    wrong = [image.platform for node, image in read if image.platform and lacking(image, (node,), strictly=False)]
    return wrong[0] if wrong and len(wrong) == len(chosen) else None


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
