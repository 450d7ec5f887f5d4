"""Every answer of a registry has one code, and who reads BEHAVIOUR's table finds each row here."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from webhook.credentials.credential import Credential, Origin
from webhook.credentials.pullsecret import SecretState
from webhook.image.manifest import Descriptor, Index, Manifest
from webhook.image.platform import Platform
from webhook.image.reference import Digest
from webhook.policy.cause import cause
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code
from webhook.registry.resolution import Failure, Quota
from webhook.workload.workload import PullPolicy, Role

Make = Callable[..., Evidence]

USABLE = ("regcred", SecretState.USABLE, ("reg.example",), "", "pw")
EMPTY = ("regcred", SecretState.USABLE, ("reg.example",), "", "")
MISSING = ("regcred", SecretState.MISSING, (), "", "")
UNREADABLE = ("regcred", SecretState.UNREADABLE, (), "forbidden", "")
MALFORMED = ("regcred", SecretState.MALFORMED, (), "bad base64", "")
PROVIDER = Credential(username="AWS", secret="t", source="provider ecr", origin=Origin.PROVIDER)
CLOUD = {"cloud_login": True}
DIGEST = Digest("sha256:" + "b" * 64)
AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64")


def manifest(config: str, *layers: str, artifact_type: str = "") -> Manifest:
    return Manifest(
        media_type="application/vnd.oci.image.manifest.v1+json",
        config=Descriptor(media_type=config, digest=DIGEST, size=2),
        layers=tuple(Descriptor(media_type=layer, digest=DIGEST, size=2) for layer in layers),
        artifact_type=artifact_type,
    )


def index(*platforms: Platform | None) -> Index:
    return Index(
        media_type="application/vnd.oci.image.index.v1+json",
        manifests=tuple(
            Descriptor(
                media_type="application/vnd.oci.image.manifest.v1+json", digest=DIGEST, size=2, platform=platform
            )
            for platform in platforms
        ),
    )


IMAGE = manifest("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip")
CHART = manifest("application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
MISCOUNTED = replace(IMAGE, counted=2)
CONFIG_GONE = replace(IMAGE, gone=(IMAGE.config.digest,))
SIGNATURE = manifest("application/vnd.oci.image.config.v1+json", "application/vnd.dev.cosign.simplesigning.v1+json")


@pytest.mark.parametrize(
    ("image", "facts", "code"),
    [
        pytest.param("reg.example/app:1", {"resolves": True}, None, id="resolves"),
        pytest.param("Reg/App:1", {}, Code.INVALID_REFERENCE, id="upper case in the path"),
        pytest.param("app:1 ", {"pull": PullPolicy.NEVER}, Code.INVALID_REFERENCE, id="parsed before the pull policy"),
        pytest.param("app:1", {"failure": Failure.NOT_FOUND}, Code.IMAGE_NOT_FOUND, id="404"),
        pytest.param("app:1", {"failure": Failure.NOT_FOUND, "confirmed": False}, Code.IMAGE_NOT_FOUND, id="404, page"),
        pytest.param("app:1", {"failure": Failure.HIDDEN}, Code.DENIED_OR_MISSING, id="hidden, anonymous"),
        pytest.param(
            "app:1", {"failure": Failure.HIDDEN, "secrets": [USABLE]}, Code.DENIED_OR_MISSING, id="hidden from a login"
        ),
        pytest.param("app:1", {"failure": Failure.FORBIDDEN}, Code.DENIED_OR_MISSING, id="403, anonymous"),
        pytest.param(
            "app:1", {"failure": Failure.FORBIDDEN, "secrets": [EMPTY]}, Code.DENIED_OR_MISSING, id="403, no password"
        ),
        pytest.param("app:1", {"failure": Failure.FORBIDDEN, "secrets": [USABLE]}, Code.FORBIDDEN, id="403, login"),
        pytest.param(
            "app:1", {"failure": Failure.LOGIN_REFUSED, "secrets": [USABLE]}, Code.UNAUTHORIZED, id="login refused"
        ),
        pytest.param(
            "app:1", {"failure": Failure.LOGIN_WANTED, "secrets": [EMPTY]}, Code.UNAUTHORIZED, id="login, no password"
        ),
        pytest.param("app:1", {"failure": Failure.LOGIN_WANTED}, Code.NO_PULL_SECRET, id="login wanted"),
        pytest.param("app:1", {"failure": Failure.LOGIN_REFUSED}, Code.NO_PULL_SECRET, id="401 without a challenge"),
        *(
            pytest.param(
                "app:1", {"failure": failure, **missing}, Code.PULL_SECRET_MISSING, id=f"{failure}, {who} missing"
            )
            for who, missing in (
                ("secret", {"secrets": [MISSING]}),
                ("one of two secrets", {"secrets": [USABLE, MISSING]}),
                ("account", {"account_missing": True}),
                ("secret, and nodes hold a login", {"secrets": [MISSING], "cluster": CLOUD}),
            )
            for failure in (
                Failure.NOT_FOUND,
                Failure.HIDDEN,
                Failure.LOGIN_WANTED,
                Failure.LOGIN_REFUSED,
                Failure.FORBIDDEN,
            )
        ),
        *(
            pytest.param("app:1", {"failure": failure, **unknown}, Code.CREDENTIALS_UNAVAILABLE, id=f"{failure}, {who}")
            for who, unknown in (
                ("secret unreadable", {"secrets": [UNREADABLE]}),
                ("account unreadable", {"account_unreadable": "forbidden"}),
                ("provider failed", {"provider_failed": "exit status 1"}),
                ("nodes hold a login", {"cluster": CLOUD}),
                ("nodes hold a login beside the pod's", {"cluster": CLOUD, "secrets": [USABLE]}),
                ("nodes hold a login, provider's refused", {"cluster": CLOUD, "candidates": [PROVIDER]}),
            )
            for failure in (Failure.HIDDEN, Failure.LOGIN_WANTED, Failure.LOGIN_REFUSED, Failure.FORBIDDEN)
        ),
        pytest.param(
            "app:1", {"failure": Failure.NOT_FOUND, "cluster": CLOUD}, Code.IMAGE_NOT_FOUND, id="404 in the cloud"
        ),
        pytest.param("app:1", {"resolves": True, "secrets": [MALFORMED]}, Code.PULL_SECRET_MALFORMED, id="malformed"),
        pytest.param(
            "app:1", {"unasked": "malformed", "secrets": [USABLE, MALFORMED]}, Code.PULL_SECRET_MALFORMED, id="unasked"
        ),
        pytest.param(
            "app:1", {"secrets": [MALFORMED], "pull": PullPolicy.NEVER}, None, id="malformed, but nobody pulls"
        ),
        pytest.param(
            "app:1",
            {"secrets": [MALFORMED], "nodes": {"known": True, "eligible": 2, "holding": 2}},
            None,
            id="malformed, but all nodes have it",
        ),
        pytest.param(
            "app:1",
            {
                "secrets": [MALFORMED],
                "nodes": {"known": True, "eligible": 2, "holding": 2, "rechecks_credentials": True},
            },
            Code.PULL_SECRET_MALFORMED,
            id="malformed, all nodes have it and ask again",
        ),
        pytest.param(
            "app:1",
            {"secrets": [MALFORMED], "pull": PullPolicy.ALWAYS, "nodes": {"known": True, "eligible": 2, "holding": 2}},
            Code.PULL_SECRET_MALFORMED,
            id="malformed, all nodes have it, Always",
        ),
        pytest.param("app:1", {"failure": Failure.RATE_LIMITED}, Code.RATE_LIMITED, id="429"),
        pytest.param(
            "app:1",
            {"resolves": True, "quota": Quota(limit=100, remaining=0, window=21600)},
            Code.RATE_LIMITED,
            id="200 and no pulls left",
        ),
        *(
            pytest.param("app:1", {"failure": failure}, Code.REGISTRY_UNREACHABLE, id=f"unreachable by {failure}")
            for failure in (Failure.DNS, Failure.CONNECT, Failure.TLS, Failure.TIMEOUT, Failure.PROXY)
        ),
        pytest.param("app:1", {"failure": Failure.SERVER_ERROR}, Code.REGISTRY_ERROR, id="503"),
        pytest.param("app:1", {"failure": Failure.NOT_A_REGISTRY}, Code.NOT_A_REGISTRY, id="HTML"),
        pytest.param("app:1", {"failure": Failure.ADDRESS_REFUSED}, Code.NOT_VERIFIED, id="address rules"),
        pytest.param("app:1", {"failure": Failure.OUT_OF_TIME}, Code.NOT_VERIFIED, id="out of time"),
        pytest.param(
            "app:1", {"failure": Failure.OUT_OF_TIME, "secrets": [MISSING]}, Code.NOT_VERIFIED, id="late, not missing"
        ),
        pytest.param("app:1", {"failure": Failure.NOT_AN_IMAGE}, Code.NOT_AN_IMAGE, id="schema 1 by GET"),
        pytest.param(
            "app:1",
            {"resolves": True, "media_type": "application/vnd.docker.distribution.manifest.v1+prettyjws"},
            Code.NOT_AN_IMAGE,
            id="schema 1 by HEAD",
        ),
        pytest.param("app:1", {"resolves": True, "media_type": "application/json"}, Code.NOT_AN_IMAGE, id="JSON"),
        pytest.param("app:1", {"resolves": True, "content": CHART}, Code.NOT_AN_IMAGE, id="chart"),
        pytest.param("app:1", {"resolves": True, "content": SIGNATURE}, Code.NOT_AN_IMAGE, id="signature"),
        pytest.param(
            "app:1", {"resolves": True, "content": CHART, "role": Role.VOLUME}, None, id="artifact in an image volume"
        ),
        pytest.param("app:1", {"resolves": True, "content": IMAGE}, None, id="image"),
        pytest.param(
            "app:1",
            {"resolves": True, "content": index(AMD64), "nodes": {"platforms": frozenset({ARM64})}},
            Code.PLATFORM_MISMATCH,
            id="no image for the nodes",
        ),
        pytest.param(
            "app:1",
            {"resolves": True, "content": index(AMD64), "nodes": {"platforms": frozenset({ARM64, AMD64})}},
            None,
            id="an image for some nodes",
        ),
        pytest.param("app:1", {"resolves": True, "content": index(AMD64)}, None, id="no node known"),
        pytest.param(
            "app:1",
            {"resolves": True, "content": index(None), "nodes": {"platforms": frozenset({ARM64})}},
            None,
            id="index without platforms",
        ),
        pytest.param("app:1", {"resolves": True, "content": CONFIG_GONE}, Code.BROKEN_IMAGE, id="config gone"),
        pytest.param("app:1", {"failure": Failure.NOT_FOUND, "found": True}, Code.BROKEN_IMAGE, id="manifest gone"),
        pytest.param("app:1", {"failure": Failure.FORBIDDEN, "found": True}, Code.DENIED_OR_MISSING, id="GET refused"),
        pytest.param("app:1", {"failure": Failure.RATE_LIMITED, "found": True}, Code.RATE_LIMITED, id="GET limited"),
        pytest.param("app:1", {"resolves": True, "content": MISCOUNTED}, Code.BROKEN_IMAGE, id="layers not counted"),
        pytest.param(
            "app:1",
            {"failure": Failure.NOT_FOUND},
            Code.IMAGE_NOT_FOUND,
            id="a digest, not among the blobs either",
        ),
        pytest.param("app:1", {"unasked": "offline"}, None, id="nobody asked"),
        pytest.param("app:1", {"pull": PullPolicy.NEVER, "failure": Failure.NOT_FOUND}, None, id="policy Never"),
        pytest.param("localhost:5000/app", {"unasked": "loopback"}, None, id="each node's own registry"),
    ],
)
def test_cause(evidence: Make, image: str, facts: dict[str, Any], code: Code | None) -> None:
    assert cause(evidence(image, **facts)) is code
