"""What a check leaves alone."""

from collections.abc import Callable
from typing import Any

import pytest

from webhook.credentials.pullsecret import SecretState
from webhook.image.manifest import Descriptor, Manifest
from webhook.image.platform import Platform
from webhook.image.reference import Digest
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code, Finding
from webhook.registry.resolution import Failure, Quota
from webhook.settings.decoding import decode
from webhook.workload.workload import PullPolicy, Role

Make = Callable[..., Evidence]
Find = Callable[..., Finding | None]

A = Digest("sha256:" + "a" * 64)
USABLE, MISSING, IGNORED = SecretState.USABLE, SecretState.MISSING, SecretState.IGNORED
NODES = {"known": True, "eligible": 2}
AMD64, ARM64 = Platform(os="linux", architecture="amd64"), Platform(os="linux", architecture="arm64")
I386 = Platform(os="linux", architecture="386")


def single(platform: Platform | None) -> Manifest:
    config = Descriptor(media_type="application/vnd.oci.image.config.v1+json", digest=A, size=1)
    media_type = "application/vnd.oci.image.manifest.v1+json"
    return Manifest(media_type=media_type, config=config, layers=(), platform=platform)


@pytest.mark.parametrize(
    ("code", "image", "facts"),
    [
        pytest.param(Code.LATEST_TAG, "nginx:1", {}, id="a version"),
        pytest.param(Code.LATEST_TAG, f"nginx:latest@{A}", {}, id="latest, pinned: the tag is dropped"),
        pytest.param(Code.LATEST_TAG, f"nginx@{A}", {}, id="a digest alone implies no latest"),
        pytest.param(Code.LATEST_TAG, "nginx:latest-alpine", {}, id="a tag that begins with latest"),
        pytest.param(Code.LATEST_TAG, "Bad/Image", {}, id="no reference"),
        pytest.param(Code.UNPINNED_DIGEST, f"nginx@{A}", {}, id="pinned"),
        pytest.param(Code.TAG_MOVED, f"nginx:1@{A}", {"tag_digest": A}, id="still there"),
        pytest.param(Code.TAG_MOVED, f"nginx:1@{A}", {}, id="not asked"),
        pytest.param(Code.TAG_MOVED, f"nginx@{A}", {"tag_digest": A}, id="no tag"),
        pytest.param(Code.CLUSTER_DNS_NAME, "svc.example/app", {}, id="svc is not the zone"),
        pytest.param(Code.CLUSTER_DNS_NAME, "registry.example.svcs/app", {}, id="another zone"),
        pytest.param(Code.NEVER_PULL_ABSENT, "a", {"nodes": NODES}, id="not Never"),
        pytest.param(Code.NEVER_PULL_ABSENT, "a", {"pull": PullPolicy.NEVER}, id="no node known"),
        pytest.param(
            Code.NEVER_PULL_ABSENT, "a", {"pull": PullPolicy.NEVER, "nodes": {"known": True}}, id="no node eligible"
        ),
        pytest.param(
            Code.NEVER_PULL_ABSENT,
            "a",
            {"pull": PullPolicy.NEVER, "nodes": {**NODES, "holding": 1}},
            id="a node has it",
        ),
        pytest.param(
            Code.DOCKER_HUB_QUOTA_LOW,
            "a",
            {"resolves": True, "quota": Quota(limit=100, remaining=11, window=21600)},
            id="enough left",
        ),
        pytest.param(Code.DOCKER_HUB_QUOTA_LOW, "a", {"resolves": True}, id="no limit told"),
        pytest.param(
            Code.DOCKER_HUB_QUOTA_LOW,
            "a",
            {"resolves": True, "quota": Quota(limit=100, remaining=0, window=21600)},
            id="nothing left is another code",
        ),
        pytest.param(
            Code.PULL_SECRET_MISSING,
            "a",
            {"pull": PullPolicy.NEVER, "secrets": [("r", MISSING, (), "", "")]},
            id="missing, nobody pulls",
        ),
        pytest.param(
            Code.PULL_SECRET_MISSING, "a", {"resolves": True, "account_missing": True}, id="account missing, not needed"
        ),
        pytest.param(
            Code.PULL_SECRET_IGNORED,
            "a",
            {"pull": PullPolicy.NEVER, "secrets": [("r", IGNORED, (), "", "")]},
            id="ignored, nobody pulls",
        ),
        pytest.param(
            Code.PULL_SECRET_IGNORED, "a", {"secrets": [("r", USABLE, ("quay.io",), "", "pw")]}, id="another host's"
        ),
        pytest.param(
            Code.PULL_SECRET_NO_MATCH,
            "quay.io/a/b",
            {"resolves": True, "offered": False, "secrets": [("r", USABLE, ("ghcr.io",), "", "pw")]},
            id="no entry, none needed",
        ),
        pytest.param(
            Code.PULL_SECRET_NO_MATCH,
            "quay.io/a/b",
            {"failure": Failure.LOGIN_REFUSED, "secrets": [("r", USABLE, ("quay.io",), "", "pw")]},
            id="an entry, refused",
        ),
        pytest.param(Code.PULL_SECRET_NO_MATCH, "quay.io/a/b", {"failure": Failure.LOGIN_WANTED}, id="no secrets"),
        pytest.param(
            Code.WRONG_ARCHITECTURE, "a", {"resolves": True, "content": single(ARM64)}, id="no node to compare with"
        ),
        pytest.param(
            Code.WRONG_ARCHITECTURE,
            "a",
            {"resolves": True, "content": single(None), "nodes": {"platforms": frozenset({ARM64})}},
            id="config not read",
        ),
        pytest.param(
            Code.WRONG_ARCHITECTURE,
            "a",
            {"resolves": True, "content": single(I386), "nodes": {"platforms": frozenset({AMD64})}},
            id="amd64 runs 386",
        ),
        pytest.param(
            Code.PLATFORM_MISMATCH,
            "a",
            {"resolves": True, "content": single(ARM64), "nodes": {"platforms": frozenset({AMD64})}},
            id="a single manifest is pulled everywhere",
        ),
        pytest.param(
            Code.PLATFORM_PARTIAL,
            "a",
            {"resolves": True, "content": single(ARM64), "nodes": {"platforms": frozenset({AMD64})}},
            id="none fits: that is wrong-architecture",
        ),
        pytest.param(
            Code.WRONG_ARCHITECTURE,
            "a",
            {
                "resolves": True,
                "content": single(ARM64),
                "nodes": {"platforms": frozenset({AMD64})},
                "role": Role.VOLUME,
            },
            id="nothing of an image volume is executed",
        ),
        pytest.param(
            Code.PLATFORM_PARTIAL,
            "a",
            {
                "resolves": True,
                "content": single(ARM64),
                "nodes": {"platforms": frozenset({AMD64, ARM64})},
                "role": Role.VOLUME,
            },
            id="nor cares on which node it is mounted",
        ),
    ],
)
def test_passes(code: Code, image: str, facts: dict[str, Any], evidence: Make, find: Find) -> None:
    assert find(code, evidence(image, **facts)) is None


@pytest.mark.parametrize(
    ("config", "code", "image", "facts", "found"),
    [
        ("checks: {latest-tag: {tags: [stable, 1.0]}}", Code.LATEST_TAG, "nginx:1.0", {}, True),
        ("checks: {latest-tag: {tags: [stable, 1.0]}}", Code.LATEST_TAG, "nginx:latest", {}, False),
        ("checks: {cluster-dns-name: {domains: [k8s.corp]}}", Code.CLUSTER_DNS_NAME, "reg.svc.k8s.corp/a", {}, True),
        ("checks: {cluster-dns-name: {domains: [k8s.corp]}}", Code.CLUSTER_DNS_NAME, "reg.ns.svc/a", {}, False),
        (
            "checks: {docker-hub-quota-low: {percent: 50}}",
            Code.DOCKER_HUB_QUOTA_LOW,
            "a",
            {"resolves": True, "quota": Quota(limit=100, remaining=50, window=1)},
            True,
        ),
        ("", Code.UNPINNED_DIGEST, "nginx:1", {}, False),
        ("checks: {unpinned-digest: {level: strict}}", Code.UNPINNED_DIGEST, "nginx:1", {}, True),
        ("checks: {latest-tag: {level: off}}", Code.LATEST_TAG, "nginx", {}, False),
    ],
)
def test_options(
    config: str, code: Code, image: str, facts: dict[str, Any], found: bool, evidence: Make, find: Find
) -> None:
    assert (find(code, evidence(image, **facts), decode(config)) is not None) is found


def test_stated_platforms_are_demanded(evidence: Make, find: Find) -> None:
    stated = decode("checks: {platform-mismatch: {platforms: [linux/arm64]}}")
    finding = find(Code.WRONG_ARCHITECTURE, evidence("a", resolves=True, content=single(AMD64)), stated)
    assert finding is not None
    assert "nodes are linux/arm64" in finding.message
