"""What nobody can see from here makes a failure likely instead of certain."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from webhook.credentials.credential import Credential, Origin
from webhook.credentials.pullsecret import SecretState
from webhook.image.manifest import Descriptor, Index, Manifest
from webhook.image.platform import Platform
from webhook.image.reference import Digest
from webhook.policy.checks.catalogue import CHECKS
from webhook.policy.evidence import Evidence, Mutator, Runtime
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.registry.resolution import Attempt, Failure, Step
from webhook.settings.decoding import decode
from webhook.settings.schema import Settings
from webhook.workload.workload import PullPolicy, Role

Make = Callable[..., Evidence]
Find = Callable[..., Finding | None]

NO_LOGINS = decode("nodes: {logins: none}")
ISTIO = (Mutator(title="istio"),)
SOME_LOGINS = decode("nodes: {logins: {registries: ['*.corp.example']}}")
REGCRED = ("regcred", SecretState.USABLE, ("reg.example",), "", "pw")
MALFORMED = ("regcred", SecretState.MALFORMED, (), "bad base64", "")
INDEX = Index(
    media_type="application/vnd.oci.image.index.v1+json",
    manifests=(
        Descriptor(
            media_type="application/vnd.oci.image.manifest.v1+json",
            digest=Digest("sha256:" + "b" * 64),
            size=2,
            platform=Platform(os="linux", architecture="386"),
        ),
    ),
)
ARM64 = frozenset({Platform(os="linux", architecture="arm64")})
AMD64 = frozenset({Platform(os="linux", architecture="amd64")})

FAILURES: dict[Code, dict[str, Any]] = {
    Code.INVALID_REFERENCE: {"image": "Bad/Image:1"},
    Code.IMAGE_NOT_FOUND: {"failure": Failure.NOT_FOUND},
    Code.DENIED_OR_MISSING: {"failure": Failure.HIDDEN},
    Code.UNAUTHORIZED: {"failure": Failure.LOGIN_REFUSED, "secrets": [REGCRED]},
    Code.NO_PULL_SECRET: {"failure": Failure.LOGIN_WANTED},
    Code.FORBIDDEN: {"failure": Failure.FORBIDDEN, "secrets": [REGCRED]},
    Code.PLATFORM_MISMATCH: {"resolves": True, "content": INDEX, "nodes": {"platforms": ARM64}},
    Code.NOT_AN_IMAGE: {
        "resolves": True,
        "content": None,
        "media_type": "application/vnd.docker.distribution.manifest.v1+json",
    },
    Code.BROKEN_IMAGE: {"failure": Failure.NOT_FOUND, "found": True},
    Code.PULL_SECRET_MALFORMED: {"secrets": [MALFORMED]},
}
ALWAYS_LIKELY = {Code.NOT_AN_IMAGE, Code.BROKEN_IMAGE}
"""Schema 1 is taken by older nodes, and a layer may be on a node already."""

LOGINS = {Code.DENIED_OR_MISSING, Code.UNAUTHORIZED, Code.NO_PULL_SECRET, Code.FORBIDDEN}
ANSWERS = LOGINS | {Code.IMAGE_NOT_FOUND}
REGISTRY = ANSWERS | {Code.PLATFORM_MISMATCH, Code.NOT_AN_IMAGE, Code.BROKEN_IMAGE}
PARSED = REGISTRY | {Code.PULL_SECRET_MALFORMED}
ALL = PARSED | {Code.INVALID_REFERENCE}


def merged(code: Code, facts: dict[str, Any]) -> dict[str, Any]:
    """Add facts to those that make the failure; nodes and cluster are joined."""
    base = FAILURES[code]
    both = {key: {**base.get(key, {}), **facts.get(key, {})} for key in ("nodes", "cluster")}
    return {**base, **facts, **both}


def test_every_fail_is_here() -> None:
    assert set(FAILURES) == {check.code for check in CHECKS if check.cls is FindingClass.FAIL} == ALL


@pytest.mark.parametrize("code", sorted(ALL - ALWAYS_LIKELY))
def test_certain_where_nothing_is_unseen(code: Code, evidence: Make, find: Find) -> None:
    finding = find(code, evidence(**merged(code, {})), NO_LOGINS)
    assert finding is not None
    assert finding.certain
    assert finding.doubt == ""


def test_absent_is_certain_by_default(evidence: Make, find: Find) -> None:
    finding = find(Code.IMAGE_NOT_FOUND, evidence(failure=Failure.NOT_FOUND), Settings())
    assert finding is not None
    assert finding.certain


DOUBTS = [
    pytest.param(Settings(), {}, LOGINS, "nodes.logins: unknown", id="logins unknown"),
    pytest.param(SOME_LOGINS, {}, set(), "", id="logins stated for others"),
    pytest.param(
        NO_LOGINS,
        {"cluster": {"node_logins": "pod shop/api pulled without one"}},
        ANSWERS,
        "pod shop/api",
        id="a pod proved a login",
    ),
    pytest.param(NO_LOGINS, {"cluster": {"mirrors": "pod shop/api"}}, REGISTRY, "mirror", id="mirrors"),
    pytest.param(NO_LOGINS, {"cluster": {"mutators": ISTIO}, "template": True}, ALL, "istio", id="mutator, template"),
    pytest.param(NO_LOGINS, {"cluster": {"mutators": ISTIO}}, set(), "", id="mutator, pod: it has run"),
    pytest.param(
        decode("nodes: {logins: none, podMutators: present}"), {"template": True}, ALL, "podMutators", id="stated"
    ),
    pytest.param(
        decode("nodes: {logins: none, podMutators: none}"),
        {"template": True, "cluster": {"mutators": ISTIO}},
        set(),
        "",
        id="denied",
    ),
    pytest.param(NO_LOGINS, {"template": True}, set(), "", id="template without a known mutator"),
    pytest.param(NO_LOGINS, {"nodes": {"known": True, "eligible": 3, "holding": 1}}, PARSED, "already", id="on a node"),
    pytest.param(
        NO_LOGINS,
        {"nodes": {"known": True, "eligible": 3, "holding": 1}, "pull": PullPolicy.ALWAYS},
        set(),
        "",
        id="on a node, but Always asks",
    ),
    pytest.param(NO_LOGINS, {"nodes": {"awaited": True}}, PARSED, "not known yet", id="nodes not read yet"),
    pytest.param(
        NO_LOGINS, {"nodes": {"awaited": True}, "pull": PullPolicy.ALWAYS}, set(), "", id="not read yet, Always"
    ),
    pytest.param(NO_LOGINS, {"cluster": {"ran_before": True}}, PARSED, "earlier revision", id="rollback"),
    pytest.param(
        NO_LOGINS, {"cluster": {"ran_before": True}, "pull": PullPolicy.ALWAYS}, set(), "", id="rollback, Always"
    ),
    pytest.param(
        NO_LOGINS,
        {"nodes": {"runtimes": frozenset({Runtime.CONTAINERD, Runtime.CRI_O})}},
        REGISTRY,
        "another runtime",
        id="CRI-O",
    ),
    pytest.param(
        NO_LOGINS, {"nodes": {"runtimes": frozenset({Runtime.UNKNOWN})}}, REGISTRY, "another runtime", id="unknown"
    ),
    pytest.param(NO_LOGINS, {"nodes": {"runtimes": frozenset({Runtime.CONTAINERD})}}, set(), "", id="containerd"),
    pytest.param(
        decode("nodes: {logins: none, runtime: containerd}"),
        {"nodes": {"runtimes": frozenset({Runtime.UNKNOWN})}},
        set(),
        "",
        id="containerd by statement",
    ),
    pytest.param(
        decode("nodes: {logins: none, runtime: unknown}"), {}, REGISTRY, "another runtime", id="unknown by statement"
    ),
    pytest.param(
        decode("nodes: {logins: none, runtime: cri-o}"),
        {"nodes": {"runtimes": frozenset({Runtime.CONTAINERD})}},
        REGISTRY,
        "another runtime",
        id="CRI-O by statement",
    ),
    pytest.param(NO_LOGINS, {"nodes": {"mirrors": "GKE nodes ask"}}, REGISTRY, "GKE nodes ask", id="nodes' mirrors"),
    pytest.param(
        decode("nodes: {logins: none, mirrors: declared}"),
        {"nodes": {"mirrors": "k3s"}, "cluster": {"mirrors": "spegel"}},
        set(),
        "",
        id="mirrors are declared",
    ),
    pytest.param(
        decode("nodes: {logins: none, hostsDir: /etc/certs.d}"),
        {"nodes": {"mirrors": "k3s"}, "cluster": {"mirrors": "spegel"}},
        set(),
        "",
        id="mirrors are given",
    ),
    pytest.param(
        decode("{nodes: {logins: none}, registries: [{match: reg.example, mirrors: ['https://mirror.example']}]}"),
        {"cluster": {"mirrors": "spegel"}},
        set(),
        "",
        id="this registry's mirrors are given",
    ),
    pytest.param(
        decode("{nodes: {logins: none}, registries: [{match: other.example, mirrors: ['https://mirror.example']}]}"),
        {"cluster": {"mirrors": "spegel"}},
        REGISTRY,
        "spegel",
        id="another registry's mirrors are given",
    ),
    pytest.param(
        NO_LOGINS,
        {"runtime_class": "wasmtime"},
        {Code.PLATFORM_MISMATCH, Code.NOT_AN_IMAGE},
        "RuntimeClass 'wasmtime'",
        id="a RuntimeClass",
    ),
    pytest.param(
        NO_LOGINS, {"nodes": {"cut": True}, "cluster": {"ran_here": True}}, PARSED, "does not list all", id="cut, ran"
    ),
    pytest.param(NO_LOGINS, {"nodes": {"cut": True, "listed": True}}, PARSED, "does not list all", id="cut, elsewhere"),
    pytest.param(NO_LOGINS, {"nodes": {"cut": True}}, set(), "", id="a cut list, and nobody has had the image"),
    pytest.param(NO_LOGINS, {"cluster": {"ran_here": True}}, set(), "", id="ran here, and every list is whole"),
    pytest.param(
        NO_LOGINS,
        {"nodes": {"cut": True}, "cluster": {"ran_here": True}, "pull": PullPolicy.ALWAYS},
        set(),
        "",
        id="cut, Always",
    ),
    pytest.param(
        NO_LOGINS,
        {"cluster": {"contradicted": frozenset(Code)}},
        ALL,
        "in spite of this",
        id="contradicted by a node",
    ),
    pytest.param(
        NO_LOGINS, {"cluster": {"contradicted": frozenset({"latest-tag"})}}, set(), "", id="another code contradicted"
    ),
]


@pytest.mark.parametrize(("settings", "facts", "lowered", "words"), DOUBTS)
@pytest.mark.parametrize("code", sorted(ALL))
def test_doubts(
    code: Code, settings: Settings, facts: dict[str, Any], lowered: set[Code], words: str, evidence: Make, find: Find
) -> None:
    finding = find(code, evidence(**merged(code, facts)), settings)
    assert finding is not None
    expected = Certainty.LIKELY if code in lowered | ALWAYS_LIKELY else Certainty.CERTAIN
    assert finding.certainty is expected
    assert (words in finding.doubt) == (code in lowered) or not words


def attempt(endpoint: str, failure: Failure | None, *, credential: str = "anonymous", detail: str = "") -> Attempt:
    return Attempt(
        endpoint=endpoint,
        credential=credential,
        step=Step.MANIFEST,
        method="HEAD",
        status=404 if failure is Failure.NOT_FOUND else 401,
        failure=failure,
        detail=detail,
    )


OWN, MIRROR = "https://reg.example", "https://mirror.example"
PROVIDER = Credential(username="AWS", secret="t", source="provider ecr", origin=Origin.PROVIDER)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param({"confirmed": False}, "not confirmed", id="a portal's 404"),
        pytest.param(
            {"attempts": (attempt(MIRROR, Failure.CONNECT), attempt(OWN, Failure.NOT_FOUND))},
            "https://mirror.example gave no usable answer",
            id="mirror down",
        ),
        pytest.param(
            {"attempts": (attempt(MIRROR, Failure.NOT_FOUND), attempt(OWN, Failure.LOGIN_WANTED))},
            "https://reg.example refused to say",
            id="mirror has it not, registry refuses",
        ),
        pytest.param(
            {"attempts": (attempt(OWN, Failure.SERVER_ERROR), attempt(OWN, Failure.NOT_FOUND))},
            "",
            id="answered at the second try",
        ),
        pytest.param(
            {
                "attempts": (
                    attempt(OWN, Failure.TIMEOUT, credential='secret "a"'),
                    attempt(OWN, Failure.NOT_FOUND, credential='secret "b"'),
                )
            },
            "no usable answer",
            id="one login got no answer",
        ),
        pytest.param(
            {
                "attempts": (
                    attempt(OWN, Failure.LOGIN_REFUSED, credential='secret "a"'),
                    attempt(OWN, Failure.NOT_FOUND, credential='secret "b"'),
                )
            },
            "",
            id="one login refused, one saw that it is absent",
        ),
        pytest.param({"cluster": {"cloud_login": True}}, "not tried", id="cloud, anonymous"),
        pytest.param({"cluster": {"cloud_login": True}, "secrets": [REGCRED]}, "not tried", id="cloud, pod's login"),
        pytest.param({"cluster": {"cloud_login": True}, "candidates": [PROVIDER]}, "", id="cloud, the node's login"),
        pytest.param(
            {"secrets": [("a", SecretState.UNREADABLE, (), "", "")]}, "could not be read", id="a secret unread"
        ),
        pytest.param({"provider_failed": "exit status 1"}, "could not be asked", id="provider failed"),
    ],
)
def test_absence(facts: dict[str, Any], words: str, evidence: Make, find: Find) -> None:
    finding = find(Code.IMAGE_NOT_FOUND, evidence(failure=Failure.NOT_FOUND, **facts), NO_LOGINS)
    assert finding is not None
    assert finding.certain is (words == "")
    assert words in finding.doubt


@pytest.mark.parametrize("challenged", [True, False])
def test_a_401_that_asks_for_nothing(challenged: bool, evidence: Make, find: Find) -> None:
    told = replace(attempt(OWN, Failure.LOGIN_REFUSED, credential='secret "regcred"'), challenged=challenged)
    found = evidence(failure=Failure.LOGIN_REFUSED, secrets=[REGCRED], attempts=(told,))
    finding = find(Code.UNAUTHORIZED, found, NO_LOGINS)
    assert finding is not None
    assert finding.certain is challenged
    assert ("asks for no login" in finding.doubt) is not challenged


@pytest.mark.parametrize(
    "detail",
    [
        "denied: client with IP '192.0.2.1' is not allowed access. Refer https://aka.ms/acr/firewall",
        "denied: blocked by geo restrictions",
        "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: abc",
        "denied: network rules do not allow this client",
    ],
)
def test_refused_by_address(detail: str, evidence: Make, find: Find) -> None:
    found = evidence(failure=Failure.FORBIDDEN, secrets=[REGCRED], detail=detail)
    finding = find(Code.FORBIDDEN, found, NO_LOGINS)
    assert finding is not None
    assert "judge by address" in finding.doubt


def test_only_older_nodes_fall_back(evidence: Make, find: Find) -> None:
    found = evidence(resolves=True, content=INDEX, nodes={"platforms": AMD64})
    finding = find(Code.PLATFORM_MISMATCH, found, NO_LOGINS)
    assert finding is not None
    assert finding.certainty is Certainty.LIKELY
    assert "containerd before 2.1" in finding.doubt


def artifact(config: str, *layers: str) -> Manifest:
    first, *rest = (
        Descriptor(media_type=each, digest=Digest("sha256:" + "c" * 64), size=2) for each in (config, *layers)
    )
    return Manifest(media_type="application/vnd.oci.image.manifest.v1+json", config=first, layers=tuple(rest))


@pytest.mark.parametrize(
    ("content", "role", "certain"),
    [
        pytest.param(artifact("application/vnd.cncf.helm.config.v1+json"), Role.CONTAINER, True, id="chart"),
        pytest.param(artifact("application/vnd.wasm.config.v0+json"), Role.CONTAINER, False, id="runwasi may run it"),
        pytest.param(
            artifact("application/vnd.oci.image.config.v1+json", "application/vnd.dev.cosign.simplesigning.v1+json"),
            Role.VOLUME,
            False,
            id="a signature in a volume",
        ),
    ],
)
def test_artifacts(content: Manifest, role: Role, certain: bool, evidence: Make, find: Find) -> None:
    finding = find(Code.NOT_AN_IMAGE, evidence(resolves=True, content=content, role=role), NO_LOGINS)
    assert finding is not None
    assert finding.certain is certain


def test_an_index_may_list_what_does_not_say_its_platform(evidence: Make, find: Find) -> None:
    """A chart without a platform fails (no match for platform), an image does not: only its config tells."""
    silent = Index(
        media_type=INDEX.media_type,
        manifests=(Descriptor(media_type=INDEX.manifests[0].media_type, digest=Digest("sha256:" + "d" * 64), size=2),),
    )
    found = evidence(resolves=True, content=silent, nodes={"platforms": AMD64})
    assert find(Code.PLATFORM_MISMATCH, found, NO_LOGINS) is None
    assert find(Code.NOT_AN_IMAGE, found, NO_LOGINS) is None


@pytest.mark.parametrize(
    ("image", "certain"),
    [
        pytest.param("registry.kube-system.svc/app:1", False, id="a Service"),
        pytest.param("registry.kube-system.svc.corp.example:5000/app:1", False, id="by its full name"),
        pytest.param("registry:5000/app:1", False, id="a name for search domains"),
        pytest.param("svc.example/app:1", True, id="a zone of that name"),
        pytest.param("10.0.0.1:5000/app:1", True, id="an IPv4 address"),
        pytest.param("[2001:db8::1]:5000/app:1", True, id="an IPv6 address"),
        pytest.param("app:1", True, id="Docker Hub"),
    ],
)
def test_names_that_pods_resolve_otherwise(image: str, certain: bool, evidence: Make, find: Find) -> None:
    finding = find(Code.IMAGE_NOT_FOUND, evidence(image, failure=Failure.NOT_FOUND), NO_LOGINS)
    assert finding is not None
    assert finding.certain is certain


@pytest.mark.parametrize(
    ("tainted", "certain"),
    [
        pytest.param(frozenset(), True, id="none"),
        pytest.param(AMD64, True, id="which the image is not for"),
        pytest.param(frozenset({Platform(os="linux", architecture="386")}), False, id="which the image is for"),
    ],
)
def test_nodes_that_a_toleration_would_open(
    tainted: frozenset[Platform], certain: bool, evidence: Make, find: Find
) -> None:
    found = evidence(resolves=True, content=INDEX, template=True, nodes={"platforms": ARM64, "tainted": tainted})
    finding = find(Code.PLATFORM_MISMATCH, found, NO_LOGINS)
    assert finding is not None
    assert finding.certain is certain


@pytest.mark.parametrize(
    ("code", "failure", "secrets"),
    [
        pytest.param(Code.FORBIDDEN, Failure.FORBIDDEN, [REGCRED], id="a login"),
        pytest.param(Code.DENIED_OR_MISSING, Failure.FORBIDDEN, [], id="nobody"),
    ],
)
def test_a_403_that_is_nobodys(code: Code, failure: Failure, secrets: list[Any], evidence: Make, find: Find) -> None:
    """A firewall may judge by address or user agent, and let containerd pass."""
    for confirmed in (True, False):
        finding = find(code, evidence(failure=failure, secrets=secrets, confirmed=confirmed), NO_LOGINS)
        assert finding is not None
        assert finding.certain is confirmed


@pytest.mark.parametrize("failure", [Failure.FORBIDDEN, Failure.LOGIN_REFUSED, Failure.HIDDEN])
def test_a_provider_may_give_nodes_another_login(failure: Failure, evidence: Make, find: Find) -> None:
    code = {Failure.FORBIDDEN: Code.FORBIDDEN, Failure.LOGIN_REFUSED: Code.UNAUTHORIZED}.get(
        failure, Code.DENIED_OR_MISSING
    )
    for settings in (NO_LOGINS, SOME_LOGINS):
        finding = find(code, evidence(failure=failure, candidates=[PROVIDER]), settings)
        assert finding is not None
        assert not finding.certain
        assert "credential provider" in finding.doubt
