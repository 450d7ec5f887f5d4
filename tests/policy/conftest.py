"""Evidence in one line: every keyword is a fact, everything else is as harmless as can be."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from webhook.credentials.credential import Credential, Origin
from webhook.credentials.pullsecret import Entry, PullSecret, PullSecrets, SecretState
from webhook.image.reference import Digest, InvalidReference, Reference
from webhook.policy.checks.catalogue import CHECKS
from webhook.policy.decision import Judged
from webhook.policy.evidence import ClusterFacts, Evidence, NodeFacts
from webhook.policy.finding import Code, Finding
from webhook.registry.resolution import Absent, Attempt, Failure, Resolution, Resolved, Step, Unresolved
from webhook.settings.policy import policy_of
from webhook.settings.schema import Settings
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload

DIGEST = Digest("sha256:" + "a" * 64)
_STATUS = {Failure.NOT_FOUND: 404, Failure.FORBIDDEN: 403, Failure.RATE_LIMITED: 429}


def _credential(source: str, *, origin: Origin = Origin.POD, secret: str = "pw") -> Credential:  # noqa: S107
    return Credential(username="user", secret=secret, source=source, origin=origin)


def _secret(name: str, state: SecretState, hosts: Sequence[str], reason: str, password: str) -> PullSecret:
    login = _credential(f'secret "{name}"', secret=password)
    entries = tuple(Entry(host=host, key=host, credential=login) for host in hosts)
    return PullSecret(name=name, state=state, reason=reason, entries=entries)


def _resolution(reference: Reference, facts: dict[str, Any]) -> Resolution | None:
    failure = facts.get("failure")
    attempts = facts.get("attempts")
    if failure is None and not facts.get("resolves"):
        return None
    if failure is None:
        return Resolved(
            reference=reference,
            digest=DIGEST,
            media_type=facts.get("media_type", "application/vnd.oci.image.manifest.v1+json"),
            endpoint="https://reg.example",
            content=facts.get("content"),
            quota=facts.get("quota"),
            attempts=attempts or (),
        )
    told = Attempt(
        endpoint="https://reg.example",
        credential="anonymous",
        step=Step.MANIFEST,
        method="HEAD",
        status=_STATUS.get(failure, 401),
        failure=failure,
        detail=facts.get("detail", ""),
    )
    return Unresolved(
        reference=reference,
        found=facts.get("found", False),
        failure=failure,
        message=facts.get("message", ""),
        absent=facts.get("absent", Absent.TAG),
        nearest_tags=facts.get("nearest", ()),
        confirmed=facts.get("confirmed", True),
        retry_after=facts.get("retry_after"),
        quota=facts.get("quota"),
        attempts=attempts if attempts is not None else (told,),
    )


def _evidence(image: str = "reg.example/team/app:1", **facts: Any) -> Evidence:
    try:
        reference, invalid = Reference.parse(image), ""
    except InvalidReference as error:
        reference, invalid = None, str(error)
    secrets = tuple(_secret(*given) for given in facts.get("secrets", ()))
    offered = [entry.credential for secret in secrets for entry in secret.entries]
    return Evidence(
        image=ContainerImage(
            role=facts.get("role", Role.CONTAINER),
            name="app",
            image=image,
            pull_policy=facts.get("pull", PullPolicy.IF_NOT_PRESENT),
            field="spec.containers[0].image",
            judged=facts.get("judged", True),
        ),
        workload=Workload(
            kind="Pod",
            namespace="shop",
            name="api",
            template=facts.get("template", False),
            platforms=facts.get("demanded", ()),
            partial=facts.get("partial", False),
            runtime_class=facts.get("runtime_class", ""),
        ),
        reference=reference,
        invalid=invalid,
        pull_secrets=PullSecrets(
            secrets=secrets,
            account=facts.get("account"),
            account_missing=facts.get("account_missing", False),
            account_unreadable=facts.get("account_unreadable", ""),
        ),
        candidates=tuple(facts.get("candidates", offered if facts.get("offered", True) else ())),
        provider_failed=facts.get("provider_failed", ""),
        resolution=_resolution(reference, facts) if reference is not None else None,
        unasked=facts.get("unasked", ""),
        nodes=NodeFacts(**facts.get("nodes", {})),
        cluster=ClusterFacts(**facts.get("cluster", {})),
        tag_digest=facts.get("tag_digest"),
    )


@pytest.fixture(scope="session")
def evidence() -> Callable[..., Evidence]:
    """Make Evidence of an image and facts; secrets are (name, state, hosts, reason, password)."""
    return _evidence


@pytest.fixture(scope="session")
def judge() -> Callable[..., Judged]:
    """Judge evidence under given settings, by default under none, with every check on."""

    def run(found: Evidence, settings: Settings | None = None) -> Judged:
        policy = policy_of(settings or Settings())
        if settings is None:
            policy = replace(policy, checks=tuple(check.activate(check.options()) for check in CHECKS))
        return policy.judge(found)

    return run


@pytest.fixture(scope="session")
def find(judge: Callable[..., Judged]) -> Callable[..., Finding | None]:
    """Return the finding of one code, or None."""

    def run(code: Code, found: Evidence, settings: Settings | None = None) -> Finding | None:
        return next((each for each in judge(found, settings).findings if each.code is code), None)

    return run


@pytest.fixture(scope="session")
def credential() -> Callable[..., Credential]:
    """Make a login."""
    return _credential
