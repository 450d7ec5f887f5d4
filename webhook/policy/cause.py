"""Which one code tells why an image would not be pulled, or could not be verified (pure).

The checks that speak of a registry's answer all ask this one function, so that an image has at most one of their codes,
by construction. The rules, first that fits:

    the text is no reference                            invalid-reference
    imagePullPolicy Never                               none: nobody pulls
    a malformed secret, and a node needs a pull         pull-secret-malformed
    nobody was asked                                    none
    found, and what is behind it is gone                broken-image
    401, 403, 404 or hidden while a Secret or the
      ServiceAccount is missing                         pull-secret-missing: it may arrive, and the kubelet retries
    401, 403 or hidden where nodes hold a login, or a
      login that the node has could not be read         credentials-unavailable
    else                                                by the registry's answer
"""

from typing import Final, assert_never

from webhook.credentials.pullsecret import SecretState
from webhook.image.reference import Reference
from webhook.policy.content import flaw, lacks_every_platform, not_runnable
from webhook.policy.evidence import Evidence
from webhook.policy.finding import Code
from webhook.registry.resolution import INCONCLUSIVE, Failure, Resolved, Unresolved
from webhook.workload.workload import PullPolicy

REFUSALS: Final = frozenset({Failure.HIDDEN, Failure.LOGIN_WANTED, Failure.LOGIN_REFUSED, Failure.FORBIDDEN})
"""Answers that another login could change."""

_INCONCLUSIVE: Final = {
    Failure.RATE_LIMITED: Code.RATE_LIMITED,
    Failure.DNS: Code.REGISTRY_UNREACHABLE,
    Failure.CONNECT: Code.REGISTRY_UNREACHABLE,
    Failure.TLS: Code.REGISTRY_UNREACHABLE,
    Failure.TIMEOUT: Code.REGISTRY_UNREACHABLE,
    Failure.PROXY: Code.REGISTRY_UNREACHABLE,
    Failure.SERVER_ERROR: Code.REGISTRY_ERROR,
    Failure.NOT_A_REGISTRY: Code.NOT_A_REGISTRY,
    Failure.ADDRESS_REFUSED: Code.NOT_VERIFIED,
    Failure.OUT_OF_TIME: Code.NOT_VERIFIED,
}


def cause(evidence: Evidence) -> Code | None:
    """Return the code of the one finding about the pull itself, or None when nothing speaks against it."""
    if evidence.reference is None:
        return Code.INVALID_REFERENCE
    if evidence.image.pull_policy is PullPolicy.NEVER:
        return None
    if evidence.pull_secrets.in_state(SecretState.MALFORMED) and not everywhere_present(evidence):
        return Code.PULL_SECRET_MALFORMED
    match evidence.resolution:
        case None:
            return None
        case Resolved() as resolved:
            return _of_resolved(evidence, resolved)
        case Unresolved() as unresolved:
            return _of_unresolved(evidence, unresolved)
        case other:
            assert_never(other)


def caused_by(evidence: Evidence, code: Code) -> Reference | None:
    """Return the reference if `code` is the cause, to make the finding of."""
    return evidence.reference if cause(evidence) is code else None


def everywhere_present(evidence: Evidence) -> bool:
    """Tell whether every node the pod may land on lists the image and none would ask a registry all the same."""
    nodes = evidence.nodes
    return (
        evidence.image.pull_policy is PullPolicy.IF_NOT_PRESENT
        and nodes.known
        and 0 < nodes.eligible <= nodes.holding
        and not nodes.rechecks_credentials
    )


def awaits_login(evidence: Evidence) -> bool:
    """Tell whether a Secret that the pod names, or the ServiceAccount that would name some, does not exist yet."""
    return evidence.pull_secrets.account_missing or bool(evidence.pull_secrets.in_state(SecretState.MISSING))


def login_unreadable(evidence: Evidence) -> str:
    """Say which login the node has and we could not read, or ""."""
    if evidence.workload.partial:
        return "the pod's pull secrets were not told"
    secrets = evidence.pull_secrets
    unreadable = secrets.in_state(SecretState.UNREADABLE)
    if unreadable:
        return f'secret "{unreadable[0].name}" could not be read'
    if secrets.account_unreadable:
        return f'service account "{secrets.account or evidence.workload.service_account}" could not be read'
    return "a credential provider could not be asked" if evidence.provider_failed else ""


def _of_resolved(evidence: Evidence, resolved: Resolved) -> Code | None:
    if not_runnable(resolved, evidence.image.role):
        return Code.NOT_AN_IMAGE
    if resolved.content is not None and lacks_every_platform(evidence, resolved.content):
        return Code.PLATFORM_MISMATCH
    if resolved.content is not None and flaw(evidence, resolved.content):
        return Code.BROKEN_IMAGE
    if resolved.quota is not None and resolved.quota.remaining <= 0:
        return Code.RATE_LIMITED
    return None


def _of_unresolved(evidence: Evidence, unresolved: Unresolved) -> Code:
    failure = unresolved.failure
    if unresolved.found and failure is Failure.NOT_FOUND:
        return Code.BROKEN_IMAGE
    if failure in INCONCLUSIVE:
        return _INCONCLUSIVE[failure]
    if failure is Failure.NOT_AN_IMAGE:
        return Code.NOT_AN_IMAGE
    if awaits_login(evidence):
        return Code.PULL_SECRET_MISSING
    if failure in REFUSALS and (evidence.cluster.cloud_login or login_unreadable(evidence)):
        return Code.CREDENTIALS_UNAVAILABLE
    return _of_answer(failure, evidence)


def _of_answer(failure: Failure, evidence: Evidence) -> Code:
    """Without a login a 403 tells no more than "hidden" does (GHCR, GCR); a 401 without one wants one."""
    if failure is Failure.NOT_FOUND:
        return Code.IMAGE_NOT_FOUND
    known = any(not candidate.anonymous for candidate in evidence.candidates)
    if failure is Failure.HIDDEN or (failure is Failure.FORBIDDEN and not known):
        return Code.DENIED_OR_MISSING
    if failure is Failure.FORBIDDEN:
        return Code.FORBIDDEN
    return Code.UNAUTHORIZED if evidence.candidates else Code.NO_PULL_SECRET
