"""What several logins were told, as one resolution (pure).

The kubelet makes one whole pull per login, in its order; the first success wins, and when all failed the pod shows all
errors (pkg/kubelet/kuberuntime/kuberuntime_image.go). We name one cause, the most telling one:

- could any of them not be found out, then nothing was found out: never "missing";
- a "not found" says more than a refused login, which says nothing of the image;
- but it only counts as confirmed if no other login was told of something that it may not see.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from webhook.credentials.credential import ANONYMOUS, Credential
from webhook.image.reference import Reference
from webhook.registry.cache import Answer
from webhook.registry.failure import RegistryError
from webhook.registry.limits import Held
from webhook.registry.resolution import Attempt, Failure, Resolution, Resolved, Unresolved

_TELLING = {
    failure: rank
    for rank, failure in enumerate(
        (
            Failure.RATE_LIMITED,
            Failure.SERVER_ERROR,
            Failure.NOT_A_REGISTRY,
            Failure.TLS,
            Failure.PROXY,
            Failure.TIMEOUT,
            Failure.CONNECT,
            Failure.DNS,
            Failure.ADDRESS_REFUSED,
            Failure.OUT_OF_TIME,
            Failure.NOT_AN_IMAGE,
            Failure.NOT_FOUND,
            Failure.FORBIDDEN,
            Failure.HIDDEN,
            Failure.LOGIN_REFUSED,
            Failure.LOGIN_WANTED,
        )
    )
}
"""Inconclusive before conclusive; among each, what tells more first."""

_MAY_EXIST = (Failure.FORBIDDEN, Failure.HIDDEN)


def candidates(credentials: Sequence[Credential]) -> dict[str, Credential]:
    """Return the distinct logins to try by their ids, in order; without any, one anonymous pull.

    A login without a secret is one that containerd treats as anonymous.
    """
    distinct: dict[str, Credential] = {}
    for credential in credentials or (ANONYMOUS,):
        distinct.setdefault(ANONYMOUS.id if credential.anonymous else credential.id, credential)
    return distinct


def unresolved(reference: Reference, error: RegistryError | Held) -> Unresolved:
    """Return the value for what a look raised."""
    if isinstance(error, Held):
        return Unresolved(
            reference=reference, failure=error.failure, message=error.message, retry_after=error.retry_after
        )
    return Unresolved(
        reference=reference,
        failure=error.failure,
        message=error.message,
        absent=error.absent,
        confirmed=error.confirmed,
        found=error.found,
        retry_after=error.retry_after,
        quota=error.quota,
        node_error=error.node_error,
        attempts=error.attempts,
    )


def out_of_time(reference: Reference) -> Unresolved:
    """Return the value for a caller whose deadline came first."""
    message = f"{reference.registry} did not answer in the time there was"
    return Unresolved(reference=reference, failure=Failure.OUT_OF_TIME, message=message)


def too_busy(reference: Reference) -> Unresolved:
    """Return the value for a caller who came when there was no room for another look-up."""
    message = f"{reference.registry} was not asked: too many look-ups are under way"
    return Unresolved(reference=reference, failure=Failure.OUT_OF_TIME, message=message)


def no_such_host(reference: Reference) -> Unresolved:
    """Return the value for a registry whose name is longer than any that a name server knows."""
    return Unresolved(reference=reference, failure=Failure.DNS, message="no such host: the name is too long to be one")


def too_many(told: Unresolved, tried: int) -> Unresolved:
    """Return the value for one whose further logins were not tried."""
    message = f"more than {tried} logins match {told.reference.registry}, and none of the first {tried} worked"
    return replace(told, failure=Failure.OUT_OF_TIME, message=message, confirmed=False, node_error="")


def combine(reference: Reference, logins: Sequence[Credential], answers: Sequence[Answer | None]) -> Resolution:
    """Return what `answers` to the first of `logins` mean for `reference`; None: not known, and not needed.

    One is positive and the last, or none is and all are known.
    """
    first = answers[0]
    if first is not None and first.positive and _as_is(reference, logins[0], first):
        return first.resolution
    known = [(login, answer) for login, answer in zip(logins, answers, strict=False) if answer is not None]
    parts = [_renamed(answer, login.source) for login, answer in known]
    attempts = parts[0] if len(parts) == 1 else tuple(chain.from_iterable(parts))
    resolution = known[-1][1].resolution
    if isinstance(resolution, Resolved):
        if attempts is resolution.attempts and reference == resolution.reference:
            return resolution
        return replace(resolution, reference=reference, attempts=attempts)
    refusals = [answer.resolution for _, answer in known if isinstance(answer.resolution, Unresolved)]
    return replace(_told(refusals), reference=reference, attempts=attempts)


def _as_is(reference: Reference, login: Credential, answer: Answer) -> bool:
    """Tell whether an answer is already told as this caller would have it."""
    told = answer.resolution.reference
    return answer.source == login.source and (told is reference or told == reference)


def _told(refusals: Sequence[Unresolved]) -> Unresolved:
    """Return the refusal that tells most, less sure if another login may see more."""
    told = telling(refusals)
    may_exist = any(refusal.failure in _MAY_EXIST for refusal in refusals if refusal is not told)
    quota = next((refusal.quota for refusal in (told, *refusals) if refusal.quota), None)
    return replace(told, quota=quota, confirmed=told.confirmed and not may_exist)


def telling(refusals: Sequence[Unresolved]) -> Unresolved:
    """Return the refusal that tells most; the first of equals."""
    return min(refusals, key=lambda refusal: _TELLING[refusal.failure])


def _renamed(answer: Answer, source: str) -> tuple[Attempt, ...]:
    """Return the attempts under the name that this caller has for the login."""
    attempts = answer.resolution.attempts
    if answer.source == source:
        return attempts
    return tuple(
        replace(attempt, credential=source) if attempt.credential == answer.source else attempt for attempt in attempts
    )
