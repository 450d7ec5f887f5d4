"""What a registry can refuse, and which refusal an answer is (pure).

RegistryError
  + NotFound            not there, or hidden
  + AccessDenied        a login is wanted, refused, or may not
  + NotAnImage          it resolves to something that containerd refuses
  + ProtocolViolation   the answer is not a registry's
  + Transient           the same question may be answered later
      - RateLimited
      - Unreachable     no answer: DNS, TCP, TLS, time, proxy, our own address rules
      - OutOfTime

They live inside `registry/` only; resolver.py turns them into `Unresolved`.

The law of `classify` is one table by status, and five exceptions by content that go first:

- TOOMANYREQUESTS is a rate limit whatever the status (Quay and proxies send it with 403 and 503);
- a page for people (HTML, XML) with 400, 403 or 404 is a firewall, a portal or a web server: not about the image;
- "authorization token has expired" with a login is a refused login (ECR: 403, ECR Public: 400);
- "(or it may not exist)" hides missing from forbidden (GCR and Artifact Registry, 403);
- Artifactory's 404 hides forbidden behind missing (hideUnauthorizedResources).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from webhook.registry import ocierror
from webhook.registry.answer import Answer
from webhook.registry.challenge import Challenge, Scheme
from webhook.registry.ocierror import OciError
from webhook.registry.ratelimit import parse_quota, parse_retry_after
from webhook.registry.resolution import Absent, Attempt, Failure, Quota, Step


@dataclass(eq=False, kw_only=True)
class RegistryError(Exception):
    """A registry's refusal, or the lack of an answer. The fields are those of `Unresolved`.

    `confirmed`: the registry itself said so in a body of its own; only then may NOT_FOUND ever deny. `found`: the name
    resolved before.
    """

    failure: Failure
    message: str
    absent: Absent = Absent.UNKNOWN
    confirmed: bool = False
    found: bool = False
    retry_after: float | None = None
    quota: Quota | None = None
    node_error: str = ""
    attempts: tuple[Attempt, ...] = ()

    def __str__(self) -> str:
        return self.message


class NotFound(RegistryError):
    """It is not there, or the registry does not tell whether it is."""


class AccessDenied(RegistryError):
    """A login is wanted, refused, or may not."""


class NotAnImage(RegistryError):
    """It resolves to something that containerd refuses."""


class ProtocolViolation(RegistryError):
    """The answer is not one that a registry gives."""


class Transient(RegistryError):
    """The same question may be answered later."""


class RateLimited(Transient):
    """Too many requests."""


class Unreachable(Transient):
    """No answer."""


class OutOfTime(Transient):
    """Our own deadline came first."""


_TREE: dict[Failure, type[RegistryError]] = {
    Failure.NOT_FOUND: NotFound,
    Failure.HIDDEN: NotFound,
    Failure.LOGIN_WANTED: AccessDenied,
    Failure.LOGIN_REFUSED: AccessDenied,
    Failure.FORBIDDEN: AccessDenied,
    Failure.NOT_AN_IMAGE: NotAnImage,
    Failure.NOT_A_REGISTRY: ProtocolViolation,
    Failure.SERVER_ERROR: Transient,
    Failure.RATE_LIMITED: RateLimited,
    Failure.OUT_OF_TIME: OutOfTime,
}


def error_of(failure: Failure, message: str, *, node_error: str = "") -> RegistryError:
    """Return the error that stands for `failure`."""
    return _TREE.get(failure, Unreachable)(failure=failure, message=message, node_error=node_error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What was asked, and with what, when an answer came that ends the asking.

    `login`: a login with a secret was on offer. `sent`: an authorization went with the question. `challenge`: what the
    answer itself asks for, as containerd would pick it. `what`: what is absent if it is: a tag, a digest. `now`: Unix
    time.
    """

    step: Step
    login: bool
    now: float
    sent: bool = False
    challenge: Challenge | None = None
    what: Absent = Absent.UNKNOWN


def classify(answer: Answer, situation: Situation) -> RegistryError:
    """Tell which refusal an answer of 300 or more is; never raises."""
    errors = ocierror.decode(answer.body)
    failure = _failure(answer, errors, situation)
    absent = _absent(errors, situation) if failure is Failure.NOT_FOUND else Absent.UNKNOWN
    error = error_of(failure, _message(failure, answer, absent))
    error.absent = absent
    error.confirmed = _in_own_words(failure, answer, errors)
    error.quota = parse_quota(answer)
    if failure is Failure.RATE_LIMITED or answer.status >= 500:
        error.retry_after = parse_retry_after(answer, now=situation.now)
    return error


def _failure(answer: Answer, errors: tuple[OciError, ...], situation: Situation) -> Failure:
    by_content = _by_content(answer, errors, situation)
    if by_content is not None:
        return by_content
    judge = _BY_STATUS[situation.step is Step.TOKEN].get(answer.status)
    if judge is not None:
        return judge(situation)
    return Failure.SERVER_ERROR


def _by_content(answer: Answer, errors: tuple[OciError, ...], situation: Situation) -> Failure | None:
    if answer.status >= 400 and any(error.code == "TOOMANYREQUESTS" for error in errors):
        return Failure.RATE_LIMITED
    if _is_foreign_page(answer, errors, situation):
        return Failure.NOT_A_REGISTRY
    text = " ".join(error.message for error in errors)
    if situation.login and answer.status in (400, 401, 403) and _EXPIRED.search(text):
        return Failure.LOGIN_REFUSED
    if answer.status == 403 and _MAY_NOT_EXIST.search(text):
        return Failure.HIDDEN
    if answer.status == 404 and situation.step is not Step.TOKEN and _hides(answer, errors):
        return Failure.HIDDEN
    return Failure.SERVER_ERROR if _was_not_told(answer) else None


def _was_not_told(answer: Answer) -> bool:
    """Tell a refusal by a redirect target that was not given what a node might have given it."""
    return (answer.status == 401 and answer.redirected) or (answer.status == 403 and answer.withheld)


def _is_foreign_page(answer: Answer, errors: tuple[OciError, ...], situation: Situation) -> bool:
    """Tell a page for people from a registry's answer; what has spoken the protocol before is a registry."""
    if errors or not answer.is_page:
        return False
    if answer.status in (400, 403) or situation.step is Step.TOKEN:
        return answer.status < 500 and answer.status not in (401, 429)
    speaks = situation.sent or situation.challenge is not None or answer.header("docker-distribution-api-version")
    return answer.status in (401, 404) and not speaks


def _in_own_words(failure: Failure, answer: Answer, errors: tuple[OciError, ...]) -> bool:
    """Tell whether the registry itself says so.

    Of an absence that takes its own code for it: gateways and web frameworks answer `{"errors": [{"message": "Not
    Found"}]}` as well. And one that was redirected without the login may be absent to strangers alone.
    """
    if failure is Failure.NOT_FOUND:
        return not answer.withheld and any(error.code in _ABSENT_CODES for error in errors)
    return bool(errors)


def _hides(answer: Answer, errors: tuple[OciError, ...]) -> bool:
    if any(error.code in ("UNAUTHORIZED", "DENIED") for error in errors):
        return True
    server = answer.header("server").lower()
    return server.startswith("artifactory") or any(name.startswith(_ARTIFACTORY) for name, _ in answer.headers)


def _absent(errors: tuple[OciError, ...], situation: Situation) -> Absent:
    """Tell a missing repository from a missing tag; Harbor has one code for both and tells by the first word."""
    for error in errors:
        first = error.message.lower().partition(" ")[0]
        if error.code == "NAME_UNKNOWN" or (error.code == "NOT_FOUND" and first in ("repository", "project")):
            return Absent.REPOSITORY
        if error.code in ("MANIFEST_UNKNOWN", "BLOB_UNKNOWN") or (error.code == "NOT_FOUND" and first == "artifact"):
            return situation.what
    return Absent.UNKNOWN


def _manifest_401(situation: Situation) -> Failure:
    challenge = situation.challenge
    if not situation.sent or (challenge is not None and challenge.scheme is Scheme.BASIC):
        return Failure.LOGIN_REFUSED if situation.login else Failure.LOGIN_WANTED
    if challenge is not None and challenge.error == "invalid_token":
        # RFC 6750 section 3.1: expired, revoked, malformed. It is fresh from their own token service: they are at odds
        return Failure.SERVER_ERROR
    if challenge is not None and challenge.error == "insufficient_scope":
        return Failure.HIDDEN
    return Failure.LOGIN_REFUSED if situation.login else Failure.HIDDEN


def _token_401(situation: Situation) -> Failure:
    return Failure.LOGIN_REFUSED if situation.login else Failure.HIDDEN


def _token_403(situation: Situation) -> Failure:
    return Failure.FORBIDDEN if situation.login else Failure.HIDDEN


def _always(failure: Failure) -> Callable[[Situation], Failure]:
    def judge(_: Situation) -> Failure:
        return failure

    return judge


_Judges = dict[int, Callable[[Situation], Failure]]

_MANIFEST: _Judges = {
    401: _manifest_401,
    403: _always(Failure.FORBIDDEN),
    404: _always(Failure.NOT_FOUND),
    407: _always(Failure.PROXY),
    408: _always(Failure.TIMEOUT),
    429: _always(Failure.RATE_LIMITED),
}
_TOKEN: _Judges = {
    401: _token_401,
    403: _token_403,
    405: _token_401,  # an identity token at a service that knows no POST: containerd has no other way to offer it
    407: _always(Failure.PROXY),
    408: _always(Failure.TIMEOUT),
    429: _always(Failure.RATE_LIMITED),
}
_BY_STATUS: dict[bool, _Judges] = {False: _MANIFEST, True: _TOKEN}

_EXPIRED = re.compile(r"authorization token has expired", re.IGNORECASE)
_MAY_NOT_EXIST = re.compile(r"\(or it may not exist\)", re.IGNORECASE)
_ABSENT_CODES = frozenset({"NAME_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN", "NOT_FOUND"})
"""The distribution-spec's, and Harbor's one for all."""
_ARTIFACTORY = ("x-jfrog", "x-artifactory")


def _message(failure: Failure, answer: Answer, absent: Absent) -> str:
    words = answer.status_line
    match failure:
        case Failure.NOT_FOUND:
            return f"{absent} not found"
        case Failure.HIDDEN:
            return "not found or no access"
        case Failure.LOGIN_WANTED:
            return f"the registry wants a login ({answer.status})"
        case Failure.LOGIN_REFUSED:
            return f"the registry refused the login ({answer.status})"
        case Failure.FORBIDDEN:
            return f"no access ({answer.status})"
        case Failure.RATE_LIMITED:
            return f"rate-limited ({answer.status})"
        case Failure.NOT_A_REGISTRY:
            return f"{answer.url.origin} answers {words} with a web page, not as a registry"
    if _was_not_told(answer):
        return f"the registry redirects to {answer.url.origin}, which wants a login that is not passed on ({words})"
    said = ocierror.explain(answer.body) if answer.status < 500 else ""
    return f"{answer.url.origin} answers {words}" + (f": {said}" if said else "")
