"""Every step of one pull, told from what was found out on the way (pure).

The steps are those that a person goes through by hand: the name, the pull policy, the pull secrets and why each fits or
not, the way to each server, every request with the login that it carried, the platforms, the quota. The cause is one:

| among the findings | the cause |
|---|---|
| a predicted failure | the first of them |
| else something that could not be found out | the first of these |
| else a warning, and the registry does not have the image, or was not asked | the first of these |
| else | none: it would be pulled, whatever there is to warn of |
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from webhook.credentials.keychain import Fit, Keychain
from webhook.credentials.pullsecret import PullSecret, PullSecrets, SecretState
from webhook.image.platform import Platform
from webhook.image.reference import InvalidReference, Reference
from webhook.policy.decision import Judged, Outcome
from webhook.policy.finding import Finding, FindingClass
from webhook.registry.endpoint import default_endpoint
from webhook.registry.reach import Reach
from webhook.registry.resolution import Attempt, Failure, Resolution, Resolved, Unresolved
from webhook.registry.resolution import Step as Request
from webhook.reports.advice import advised
from webhook.reports.escape import clean
from webhook.reports.report import ReportedImage
from webhook.reports.ways import State, Step, way
from webhook.workload.workload import PullPolicy, Workload

_UNREACHED = frozenset({Failure.DNS, Failure.CONNECT, Failure.TLS, Failure.TIMEOUT, Failure.PROXY})
WORST_FIRST = (FindingClass.FAIL, FindingClass.ERROR, FindingClass.WARN)
WOULD_SAY = "kubelet would say"
ABOUT_HERE = "note"
_ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All steps of one image. `cause`: the finding that decides, None when it would be pulled.

    `secrets`: the pod's pull secrets, for advice on what is learnt later.
    """

    image: ReportedImage
    steps: tuple[Step, ...]
    cause: Finding | None
    secrets: PullSecrets = field(default_factory=PullSecrets, repr=False)

    @property
    def outcome(self) -> Outcome:
        """What becomes of the pull; an image with nothing but warnings is pulled."""
        if self.cause is not None:
            return Outcome(self.cause.cls.value)
        return Outcome.SKIP if self.image.skip else Outcome.PASS

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What else there is to say; it keeps no node from pulling."""
        return tuple(each for each in self.image.findings if each.cls is FindingClass.WARN and each is not self.cause)


def explain(
    image: ReportedImage,
    judged: Judged,
    workload: Workload,
    secrets: PullSecrets,
    *,
    wanted: Sequence[Platform] = (),
    reaches: Sequence[Reach] = (),
) -> Explanation:
    """Tell the steps of one judged image.

    `wanted`: the platforms that were asked for. `reaches`: how far the ways to the servers led that were asked.
    """
    try:
        reference = Reference.parse(judged.image.image)
    except InvalidReference as error:
        return Explanation(image=image, steps=(Step("name", State.BAD, (clean(str(error)),)),), cause=_cause(image))
    steps = (
        _name(reference, judged.image.image),
        _policy(judged.image.pull_policy),
        *_secrets(reference, workload, secrets),
        *(() if workload.kind else _logins(reference, judged.resolution)),
        *_look(judged.resolution, wanted, reaches),
    )
    cause = _cause(image)
    advice = cause and advised(cause, reference, workload, secrets)
    return Explanation(image=image, steps=steps, cause=advice, secrets=secrets)


def _cause(image: ReportedImage) -> Finding | None:
    found = next((each for cls in WORST_FIRST for each in image.findings if each.cls is cls), None)
    return None if found is not None and found.cls is FindingClass.WARN and image.resolved is not None else found


def _name(reference: Reference, written: str) -> Step:
    lines = [f"registry {reference.registry}, asked at {default_endpoint(reference.registry).base}"]
    lines.append(f"repository {reference.repository}")
    if reference.digest is None:
        implied = "" if written.endswith(f":{reference.tag}") else " (none is given)"
        lines.append(f"tag {reference.tag}{implied}")
    else:
        beside = f"; the tag {reference.tag} beside it is never looked at" if reference.tag else ""
        lines.append(f"digest {reference.digest}{beside}")
    return Step("name", State.GOOD, tuple(map(clean, lines)))


def _policy(policy: PullPolicy) -> Step:
    text = {
        PullPolicy.ALWAYS: "the registry is asked at every start, even where the image is on the node",
        PullPolicy.IF_NOT_PRESENT: "a node that has the image does not ask (from 1.35 on: unless the login is new)",
        PullPolicy.NEVER: "nodes never ask: the image must be there",
    }[policy]
    return Step("pull policy", State.NOTE, (f"{policy}: {text}",))


def _secrets(reference: Reference, workload: Workload, secrets: PullSecrets) -> Iterator[Step]:
    """Tell of every secret which hosts it holds, and why each fits or not."""
    if secrets.account_missing:
        yield Step("account", State.BAD, (clean(f'service account "{secrets.account}" does not exist'),))
    if secrets.account_unreadable:
        text = f'service account "{secrets.account}": {secrets.account_unreadable}'
        yield Step("account", State.UNSURE, (clean(text),))
    if not secrets.secrets and workload.kind:
        owner = "its service account" if secrets.account else "the pod"
        yield Step("pull secrets", State.NOTE, (f"none: {owner} names none",))
    fits = Keychain(secrets.secrets).explain(reference)
    for secret in secrets.secrets:
        yield _secret(secret, [fit for fit in fits if fit.secret == secret.name])


def _secret(secret: PullSecret, fits: Sequence[Fit]) -> Step:
    name = clean(f'secret "{secret.name}"')
    match secret.state:
        case SecretState.USABLE:
            state = State.GOOD if any(fit.fits for fit in fits) else State.NOTE
            lines = [f"{'tried' if fit.fits else 'not tried'}: {fit.entry.host}, {fit.reason}" for fit in fits]
            return Step(name, state, tuple(map(clean, lines)) or (clean(secret.reason) or "holds no host",))
        case SecretState.UNREADABLE:
            return Step(name, State.UNSURE, (clean(f"could not be read: {secret.reason}"),))
        case SecretState.MISSING:
            return Step(name, State.BAD, ("does not exist in the pod's namespace",))
        case SecretState.IGNORED | SecretState.MALFORMED:
            return Step(name, State.BAD, (clean(f"{secret.state}: {secret.reason}"),))


def _logins(reference: Reference, resolution: Resolution | None) -> Iterator[Step]:
    """Say of a bare reference, which no pod brings a login for, that it was asked for without one."""
    attempts = resolution.attempts if resolution else ()
    if attempts and all(attempt.credential == _ANONYMOUS for attempt in attempts):
        yield Step("logins", State.NOTE, (clean(f"none that was given is for {reference.registry}"),))


def _look(resolution: Resolution | None, wanted: Sequence[Platform], reaches: Sequence[Reach] = ()) -> Iterator[Step]:
    if resolution is None:
        yield Step("registry", State.NOTE, ("not asked",))
        return
    yield from _requests(resolution.attempts, reaches, found=isinstance(resolution, Resolved))
    match resolution:
        case Resolved():
            yield from _content(resolution, wanted)
        case Unresolved():
            yield from _said(resolution)
    quota = resolution.quota
    if quota is not None:
        state = State.GOOD if quota.remaining else State.BAD
        hours = f"{quota.window / 3600:g} h"
        yield Step(
            "quota", state, (f"{quota.remaining} of {quota.limit} pulls left in {hours}, for this address or login",)
        )


def _requests(attempts: Sequence[Attempt], reaches: Sequence[Reach], *, found: bool) -> Iterator[Step]:
    """Yield a step for each request, and before the first to a server the way to it.

    The last request decides unless it `found` the image.
    """
    ways = {reach.origin: reach for reach in reaches}
    names = {Request.TOKEN: "token", Request.MANIFEST: "manifest", Request.BLOB: "content", Request.TAGS: "tags"}
    for attempt, following in zip_longest(attempts, attempts[1:]):
        if reach := ways.pop(attempt.endpoint, None):
            yield from way(reach, attempts)
        name = "network" if attempt.failure in _UNREACHED else names[attempt.step]
        state = State.BAD if following is None and not found else _state(attempt, following)
        yield Step(name, state, (clean(_request(attempt)),))


def _state(attempt: Attempt, following: Attempt | None) -> State:
    """Tell how a request went; one that only leads to the next (HEAD to GET, https to http, a challenge) is a note."""
    if attempt.failure is None:
        return State.NOTE if attempt.status is not None and attempt.status >= 400 else State.GOOD
    led_on = following is not None and (_host(following), following.step) == (_host(attempt), attempt.step)
    return State.NOTE if led_on and following is not None and following.credential == attempt.credential else State.BAD


def _host(attempt: Attempt) -> str:
    return attempt.endpoint.rpartition("://")[2]


def _request(attempt: Attempt) -> str:
    answer = str(attempt.status) if attempt.status is not None else (attempt.failure or "no answer")
    detail = f": {attempt.detail}" if attempt.detail else ""
    login = "without a login" if attempt.credential == _ANONYMOUS else f"with {attempt.credential}"
    return f"{attempt.method} {attempt.endpoint} {login}: {answer}{detail}"


def _content(resolved: Resolved, wanted: Sequence[Platform]) -> Iterator[Step]:
    mirrored = f", from the mirror {resolved.endpoint}" if resolved.mirrored else ""
    yield Step("found", State.GOOD, (clean(f"{resolved.digest} ({resolved.media_type or 'no type'}{mirrored})"),))
    shown = ReportedImage(image="", resolution=resolved).platforms
    if shown:
        asked = f"; wanted {', '.join(map(str, wanted))}" if wanted else ""
        yield Step("platforms", State.NOTE, (f"built for {', '.join(shown)}{asked}",))


def _said(unresolved: Unresolved) -> Iterator[Step]:
    if unresolved.node_error:
        yield Step(WOULD_SAY, State.NOTE, (clean(f"Failed to pull image: {unresolved.node_error}"),))
    if unresolved.failure in _UNREACHED:
        text = "asked from here, not from a node; a NetworkPolicy never rules a node's pulls, only what pods do"
        yield Step(ABOUT_HERE, State.NOTE, (text,))
