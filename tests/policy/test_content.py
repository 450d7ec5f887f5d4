"""What fits which node: containerd's own choices, and nothing said where the image does not say."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from webhook.image.manifest import Descriptor, Index, Manifest
from webhook.image.platform import Platform
from webhook.image.reference import Digest
from webhook.policy.content import Unrunnable, built_otherwise, flaw, lacking, not_runnable, offers_any, platforms_of
from webhook.policy.evidence import Evidence
from webhook.registry.resolution import Resolved
from webhook.workload.workload import Role

Make = Callable[..., Evidence]

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
HELM = "application/vnd.cncf.helm.config.v1+json"
COSIGN = "application/vnd.dev.cosign.simplesigning.v1+json"


def platform(spec: dict[str, Any] | None) -> Platform | None:
    if spec is None:
        return None
    return Platform(
        os=spec.get("os", ""),
        architecture=spec.get("architecture", ""),
        variant=spec.get("variant", ""),
        os_version=spec.get("os.version", ""),
        os_features=tuple(spec.get("os.features", ())),
    )


def digest(number: int) -> Digest:
    return Digest(f"sha256:{number:064x}")


def index(*platforms: Platform | None, nested: tuple[tuple[Digest, Index], ...] = (), unread: bool = False) -> Index:
    listed = [Descriptor(media_type=IMAGE, digest=digest(0), size=1, platform=each) for each in platforms]
    inner = [Descriptor(media_type=INDEX, digest=name, size=1) for name, _ in nested]
    unknown = [Descriptor(media_type=INDEX, digest=digest(99), size=1)] if unread else []
    return Index(media_type=INDEX, manifests=(*listed, *inner, *unknown), nested=nested)


@pytest.mark.vectors("platforms", "index_selection")
def test_as_containerd_selects(case: dict[str, Any]) -> None:
    """Never say that an index lacks what a node would take; say what it lacks unless node status cannot tell."""
    node = platform(case["node"])
    assert node is not None
    content = index(*(platform(each) for each in case["manifests"]))
    lenient, strict = (node in lacking(content, [node], strictly=strictly) for strictly in (False, True))
    taken_by_older = "error" not in case["client_pull"]
    taken_by_newer = case["transfer_service"]["pull_ok"] is not False
    untold = node.architecture == "arm" or any((each or {}).get("os.features") for each in case["manifests"])
    assert not (lenient and taken_by_older)
    assert not (strict and taken_by_newer)
    assert untold or lenient is not taken_by_older
    if node.os != "windows" and not node.os_features:
        plain = node in lacking(content, [node], strictly=True, plainly=True)
        assert not (plain and taken_by_newer)
    assert untold or strict is not taken_by_newer


AMD64, ARM64 = Platform(os="linux", architecture="amd64"), Platform(os="linux", architecture="arm64")
UNKNOWN = Platform(os="unknown", architecture="unknown")


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        pytest.param(index(AMD64), {ARM64}, id="one platform"),
        pytest.param(index(AMD64, ARM64), set(), id="both platforms"),
        pytest.param(index(AMD64, UNKNOWN), {ARM64}, id="attestations are no images"),
        pytest.param(index(UNKNOWN), {AMD64, ARM64}, id="nothing but attestations"),
        pytest.param(index(AMD64, None), set(), id="an entry that does not say"),
        pytest.param(index(nested=((digest(1), index(AMD64)),)), {ARM64}, id="nested"),
        pytest.param(index(AMD64, unread=True), set(), id="a nested index that was not read"),
        pytest.param(index(nested=((digest(1), index(unread=True)),)), set(), id="nested twice, not read"),
        pytest.param(
            index(Platform(os="linux", architecture="amd64", os_features=("erofs",))),
            {ARM64},
            id="features do not count",
        ),
    ],
)
def test_lacking(content: Index, missing: set[Platform]) -> None:
    assert lacking(content, [AMD64, ARM64], strictly=True) == missing


I386 = Platform(os="linux", architecture="386")
EROFS = Platform(os="linux", architecture="amd64", os_features=("erofs",))
ARM = Platform(os="linux", architecture="arm")


def arm(variant: str) -> Platform:
    return Platform(os="linux", architecture="arm", variant=variant)


@pytest.mark.parametrize(
    ("content", "node", "lacks"),
    [
        pytest.param(index(arm("v6")), ARM, False, id="an arm node may be a v6"),
        pytest.param(index(arm("v8")), ARM, False, id="or a v8"),
        pytest.param(index(ARM64), ARM, True, id="but not a 64-bit one"),
        pytest.param(index(I386), AMD64, True, id="386, which the transfer service does not take"),
        pytest.param(index(EROFS), AMD64, False, id="a node may have the feature"),
        pytest.param(index(nested=((digest(1), index(EROFS)),)), AMD64, False, id="nested, a node may have it"),
        pytest.param(
            index(nested=((digest(1), index(ARM64)), (digest(2), index(AMD64)))),
            AMD64,
            True,
            id="only the first of equals is looked into",
        ),
    ],
)
def test_lacking_on_one_node(content: Index, node: Platform, lacks: bool) -> None:
    assert (node in lacking(content, [node], strictly=True)) is lacks


@pytest.mark.parametrize(
    ("content", "offers"),
    [
        pytest.param(index(ARM64), False, id="another processor"),
        pytest.param(index(I386), True, id="what the processor also runs"),
        pytest.param(index(EROFS), True, id="with a feature"),
        pytest.param(index(nested=((digest(1), index(ARM64)), (digest(2), index(AMD64)))), True, id="out of sight"),
    ],
)
def test_offers_any(content: Index, offers: bool) -> None:
    """What is offered somewhere may be found by another containerd, so its lack is never certain."""
    assert offers_any(content, [AMD64]) is offers


def test_platforms_of_says_each_once() -> None:
    assert platforms_of(index(AMD64, AMD64, UNKNOWN, None, ARM64)) == (AMD64, ARM64)
    assert platforms_of(None) == ()


def manifest(config: str, *layers: str, artifact_type: str = "") -> Manifest:
    return Manifest(
        media_type=IMAGE,
        config=Descriptor(media_type=config, digest=digest(1), size=1),
        layers=tuple(Descriptor(media_type=layer, digest=digest(2), size=1) for layer in layers),
        artifact_type=artifact_type,
    )


@pytest.mark.parametrize(
    ("media_type", "content", "role", "found"),
    [
        pytest.param(IMAGE, None, Role.CONTAINER, None, id="manifest unread"),
        pytest.param(INDEX, None, Role.CONTAINER, None, id="index unread"),
        pytest.param(INDEX, index(AMD64), Role.CONTAINER, None, id="index"),
        pytest.param(IMAGE, manifest(CONFIG), Role.CONTAINER, None, id="image without layers"),
        pytest.param("text/plain", None, Role.CONTAINER, Unrunnable.SCHEMA_1, id="text/plain counts as schema 1"),
        pytest.param("text/html", None, Role.CONTAINER, Unrunnable.UNKNOWN_TYPE, id="HTML"),
        pytest.param("", None, Role.CONTAINER, Unrunnable.UNKNOWN_TYPE, id="no type"),
        pytest.param("text/plain", None, Role.VOLUME, Unrunnable.SCHEMA_1, id="schema 1 in a volume"),
        pytest.param("", None, Role.VOLUME, None, id="no type in a volume"),
        pytest.param(
            IMAGE,
            manifest("application/vnd.oci.empty.v1+json", artifact_type="application/vnd.cncf.notary.signature"),
            Role.CONTAINER,
            Unrunnable.ARTIFACT,
            id="signature by artifactType",
        ),
        pytest.param(
            IMAGE, manifest("application/vnd.wasm.config.v0+json"), Role.CONTAINER, Unrunnable.UNKNOWN_CONFIG, id="wasm"
        ),
        pytest.param(IMAGE, manifest("application/octet-stream"), Role.CONTAINER, None, id="an image of Docker 1.9"),
        pytest.param(IMAGE, manifest(HELM), Role.CONTAINER, Unrunnable.ARTIFACT, id="chart"),
        pytest.param(IMAGE, manifest(HELM), Role.VOLUME, None, id="chart in a volume"),
        pytest.param(IMAGE, manifest(CONFIG, COSIGN), Role.CONTAINER, Unrunnable.ARTIFACT, id="signature"),
        pytest.param(IMAGE, manifest(CONFIG, COSIGN), Role.VOLUME, Unrunnable.UNMOUNTABLE, id="signature in a volume"),
        pytest.param(INDEX, index(None), Role.CONTAINER, None, id="an index may list an artifact that says nothing"),
    ],
)
def test_not_runnable(
    media_type: str, content: Index | Manifest | None, role: Role, found: Unrunnable | None, evidence: Make
) -> None:
    resolution = evidence(resolves=True, media_type=media_type, content=content).resolution
    assert isinstance(resolution, Resolved)
    why = not_runnable(resolution, role)
    assert (why[0] if why else None) is found


FEATURED = index(Platform(os="linux", architecture="amd64", os_features=("erofs",)))


def test_a_linux_node_has_no_features_unless_it_is_configured_to() -> None:
    assert lacking(FEATURED, [AMD64], strictly=True) == frozenset()
    assert lacking(FEATURED, [AMD64], strictly=True, plainly=True) == {AMD64}
    windows = Platform(os="windows", architecture="amd64", os_version="10.0.20348.1")
    wanting = index(replace(windows, os_features=("win32k",)))
    assert lacking(wanting, [windows], strictly=True, plainly=True) == frozenset(), "a Windows node may have some"


def image(number: int, architecture: str = "amd64", *, gone: tuple[Digest, ...] = ()) -> Manifest:
    config = Descriptor(media_type=CONFIG, digest=digest(number), size=1)
    platform = Platform(os="linux", architecture=architecture)
    return Manifest(media_type=IMAGE, config=config, layers=(), platform=platform, gone=gone)


def both(**fields: Any) -> Index:
    """An index with an image for amd64 (1) and one for arm64 (2)."""
    entries = [
        Descriptor(media_type=IMAGE, digest=digest(number), size=1, platform=each)
        for number, each in ((1, AMD64), (2, ARM64))
    ]
    return Index(media_type=INDEX, manifests=tuple(entries), **fields)


WHOLE, LAYER_GONE, CONFIG_GONE = image(7), image(7, gone=(digest(8),)), image(7, gone=(digest(7),))


@pytest.mark.parametrize(
    ("content", "nodes", "said"),
    [
        pytest.param(WHOLE, {AMD64}, "", id="whole"),
        pytest.param(LAYER_GONE, {AMD64}, "a layer is gone", id="a layer"),
        pytest.param(CONFIG_GONE, set(), "its config is gone", id="the config"),
        pytest.param(both(), {AMD64}, "", id="an index that was not looked into"),
        pytest.param(
            both(gone=(digest(1),)), {AMD64}, "the manifest for linux/amd64 is gone", id="the node's manifest"
        ),
        pytest.param(both(gone=(digest(2),)), {AMD64}, "", id="another node's manifest"),
        pytest.param(both(gone=(digest(2),)), {AMD64, ARM64}, "", id="one of two nodes' manifests"),
        pytest.param(both(gone=(digest(2),)), set(), "one of its manifests is gone", id="a manifest, no node known"),
        pytest.param(both(images=((digest(1), LAYER_GONE),)), {AMD64}, "a layer is gone", id="a layer of the node's"),
        pytest.param(both(images=((digest(2), LAYER_GONE),)), {AMD64}, "", id="a layer of another's"),
        pytest.param(both(images=((digest(2), LAYER_GONE),)), set(), "a layer is gone", id="a layer, no node known"),
    ],
)
def test_flaw(content: Index | Manifest, nodes: set[Platform], said: str, evidence: Make) -> None:
    known = evidence("app:1", resolves=True, content=content, nodes={"platforms": frozenset(nodes)})
    assert flaw(known, content) == said


def test_an_index_may_say_what_its_images_are_not() -> None:
    arm = both(images=((digest(1), image(7, "arm64")), (digest(2), image(8, "arm64"))))
    assert built_otherwise(arm, [AMD64]) == ARM64
    assert built_otherwise(arm, [ARM64]) is None
    assert built_otherwise(arm, [AMD64, ARM64]) is None, "one of them can run it"
    assert built_otherwise(both(), [AMD64]) is None, "nobody has looked"
