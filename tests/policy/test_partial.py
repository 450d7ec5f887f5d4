"""Workloads of which only images were told: what was not told never denies."""

from datetime import date

import pytest

from webhook.image.manifest import Descriptor, Index
from webhook.image.platform import Platform
from webhook.image.reference import Digest
from webhook.policy.decision import Judged
from webhook.policy.finding import Certainty, Code, FindingClass
from webhook.registry.resolution import Failure
from webhook.settings.decoding import decode
from webhook.settings.policy import policy_of
from webhook.settings.schema import Settings
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Subject, Workload

INDEX = Index(
    media_type="application/vnd.oci.image.index.v1+json",
    manifests=(
        Descriptor(
            media_type="application/vnd.oci.image.manifest.v1+json",
            digest=Digest("sha256:" + "b" * 64),
            size=1,
            platform=Platform.parse("linux/amd64"),
        ),
    ),
)
SURE = {"cluster": {"node_logins": ""}}


@pytest.mark.parametrize(
    ("failure", "code", "cls"),
    [
        (Failure.NOT_FOUND, Code.IMAGE_NOT_FOUND, FindingClass.FAIL),
        (Failure.NOT_AN_IMAGE, Code.NOT_AN_IMAGE, FindingClass.FAIL),
        (Failure.HIDDEN, Code.CREDENTIALS_UNAVAILABLE, FindingClass.ERROR),
        (Failure.LOGIN_WANTED, Code.CREDENTIALS_UNAVAILABLE, FindingClass.ERROR),
        (Failure.LOGIN_REFUSED, Code.CREDENTIALS_UNAVAILABLE, FindingClass.ERROR),
        (Failure.FORBIDDEN, Code.CREDENTIALS_UNAVAILABLE, FindingClass.ERROR),
        (Failure.DNS, Code.REGISTRY_UNREACHABLE, FindingClass.ERROR),
    ],
)
def test_no_answer_of_a_registry_is_certain(evidence, judge, failure, code, cls) -> None:
    found = judge(evidence(failure=failure, partial=True, **SURE), Settings()).findings
    assert [(each.code, each.cls) for each in found] == [(code, cls)]
    assert all(each.certainty is not Certainty.CERTAIN for each in found)


@pytest.mark.parametrize("partial", [False, True])
def test_what_the_registry_shows_is_certain_only_of_a_pod_that_is_seen(evidence, find, partial: bool) -> None:
    """The image is for no platform that was demanded: true, and a pull policy of Never would not care."""
    settings = decode(
        "checks: {platform-mismatch: {platforms: [linux/s390x]}}\nnodes: {logins: none, podMutators: none}"
    )
    found = find(Code.PLATFORM_MISMATCH, evidence(resolves=True, content=INDEX, partial=partial, **SURE), settings)
    assert found.certain is not partial
    assert ("only its images were told" in found.doubt) is partial


def test_a_text_that_is_no_reference_is(evidence, judge) -> None:
    (finding,) = judge(evidence("A//b", partial=True, **SURE), Settings()).findings
    assert finding.certain


def test_the_fix_names_the_door_that_sees_pull_secrets(evidence, find) -> None:
    told = find(Code.CREDENTIALS_UNAVAILABLE, evidence(failure=Failure.FORBIDDEN, partial=True))
    assert "pull secrets were not told" in told.message
    assert "/validate" in told.fix


def workload(**more) -> Workload:
    return Workload(kind="ImageReview", namespace="shop", name="", subject=Subject.OWNED_PODS, partial=True, **more)


STRICT = """
defaults: {enforce: strict}
enforceOn: [ownedPods]
exemptions: [{reason: r, %s}]
"""


@pytest.mark.parametrize(
    ("exemption", "denied"),
    [
        ("usernames: [ci]", False),
        ("workloads: [Deployment/web]", False),
        ("usernames: [ci], namespaces: [shop], checks: [latest-tag]", False),
        ("usernames: [ci], namespaces: [other]", True),
        ("usernames: [ci], images: ['redis:*']", True),
        ("usernames: [ci], checks: [unpinned-digest]", True),
        ("usernames: [ci], expires: 2026-01-01", True),
    ],
)
def test_an_exemption_that_may_hold_keeps_from_denying(exemption: str, denied: bool, evidence, judge) -> None:
    policy = policy_of(decode(STRICT % exemption), today=lambda: date(2026, 11, 30))
    image = ContainerImage(
        role=Role.CONTAINER, name="", image="nginx:latest", pull_policy=PullPolicy.IF_NOT_PRESENT, field="f"
    )
    found = judge(evidence("nginx:latest", resolves=True, partial=True), Settings()).findings
    verdict = policy.decide(workload(images=(image,)), (Judged(image=image, findings=found),), labels={})
    assert bool(verdict.denied) is denied
    assert Code.LATEST_TAG in {finding.code for _, finding in verdict.audited}
