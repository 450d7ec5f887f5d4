"""Verdict against fate: who was right, and did both name the same cause (pure).

| | the node runs it | it does not |
|---|---|---|
| denied | **wrong denial** | right |
| warned | false alarm | right |
| not verified | | not found out |
| allowed | right | **missed**, where it was knowable |

An image that is pushed after it was asked for is rightly denied as long as it is not there; it is asked for again when
it is, and must then be allowed.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from case import Case
from fate import Fate, Observation
from verdict import Said, Verdict


class Cause(StrEnum):
    """What the node's message names."""

    INVALID = "invalid reference"
    NEVER = "never pulled"
    EXEC = "wrong program"
    MALFORMED = "malformed secret"
    DNS = "dns"
    CONNECT = "connect"
    TIMEOUT = "timeout"
    PLAIN_HTTP = "plain http"
    TLS = "tls"
    PLATFORM = "platform"
    HIDDEN = "denied or missing"
    NO_LOGIN = "no login"
    REFUSED = "login refused"
    FORBIDDEN = "forbidden"
    LIMITED = "rate limited"
    SERVER = "server error"
    STATUS = "another status"
    PROTOCOL = "malformed answer"
    NO_IMAGE = "no image"
    BROKEN = "broken image"
    MISSING = "not found"
    UNKNOWN = "unknown"


_FATES = {
    Fate.INVALID_NAME: Cause.INVALID,
    Fate.REJECTED: Cause.INVALID,
    Fate.NEVER_PULL: Cause.NEVER,
    Fate.CANNOT_EXECUTE: Cause.EXEC,
    Fate.CREATE_FAILED: Cause.NO_IMAGE,
}

_MESSAGES = (
    (r"did not include a token", Cause.REFUSED),
    (r"decode token response", Cause.PROTOCOL),
    (r"illegal base64|unable to parse auth|cannot unmarshal|invalid character|unexpected end of JSON", Cause.MALFORMED),
    (r"no such host|server misbehaving|lookup \S+ on ", Cause.DNS),
    (r"server gave HTTP response", Cause.PLAIN_HTTP),
    (r"x509:|tls: ", Cause.TLS),
    (r"connection refused|connection reset|no route to host|: EOF|invalid port|unexpected EOF", Cause.CONNECT),
    (r"timeout|deadline", Cause.TIMEOUT),
    (r"no match for platform|get image config descriptor", Cause.PLATFORM),
    (r"insufficient_scope|fetch anonymous token: unexpected status.* 40[13] ", Cause.HIDDEN),
    (r"no basic auth credentials", Cause.NO_LOGIN),
    (r" 401 ", Cause.REFUSED),
    (r" 403 ", Cause.FORBIDDEN),
    (r" 429 ", Cause.LIMITED),
    (r": 5\d\d ", Cause.SERVER),
    (r"unexpected status", Cause.STATUS),
    (r"no longer supported|media.?type", Cause.NO_IMAGE),
    (
        r"failed to copy|unexpected commit digest|short read|content descriptor|number of layers|failed to extract",
        Cause.BROKEN,
    ),
    (r": not found$", Cause.MISSING),
    (r"token|realm|digest|redirect|unsupported protocol", Cause.PROTOCOL),
    (r": not found", Cause.MISSING),
)

_LOGIN = {Cause.HIDDEN, Cause.NO_LOGIN, Cause.REFUSED, Cause.FORBIDDEN}
_NETWORK = {Cause.DNS, Cause.CONNECT, Cause.TIMEOUT, Cause.TLS, Cause.PLAIN_HTTP}
_ANSWER = {Cause.SERVER, Cause.STATUS, Cause.PROTOCOL, Cause.LIMITED}

NAMES: dict[str, set[Cause]] = {
    "invalid-reference": {Cause.INVALID},
    "image-not-found": {Cause.MISSING},
    "denied-or-missing": {*_LOGIN, Cause.MISSING},
    "unauthorized": _LOGIN | {Cause.PROTOCOL},
    "no-pull-secret": _LOGIN,
    "forbidden": _LOGIN,
    "platform-mismatch": {Cause.PLATFORM},
    "platform-partial": {Cause.PLATFORM},
    "wrong-architecture": {Cause.EXEC},
    "not-an-image": {Cause.NO_IMAGE, Cause.BROKEN, Cause.PLATFORM, Cause.MISSING},
    "broken-image": {Cause.BROKEN, Cause.MISSING, *_ANSWER},
    "never-pull-absent": {Cause.NEVER},
    "cluster-dns-name": {Cause.DNS},
    "pull-secret-missing": {*_LOGIN, Cause.MISSING},
    "pull-secret-malformed": {Cause.MALFORMED},
    "pull-secret-ignored": _LOGIN,
    "pull-secret-no-match": _LOGIN,
    "rate-limited": {Cause.LIMITED},
    "registry-unreachable": _NETWORK | {Cause.STATUS},
    "registry-error": _ANSWER | {Cause.TIMEOUT, Cause.FORBIDDEN, Cause.BROKEN},
    "not-a-registry": {Cause.PLAIN_HTTP, Cause.NO_IMAGE, Cause.BROKEN, Cause.MISSING, *_LOGIN, *_ANSWER},
    "credentials-unavailable": {*_LOGIN, Cause.MISSING},
    "not-verified": _NETWORK | _ANSWER,
}
"""The causes that a code may stand for."""


class Judgement(StrEnum):
    """How verdict and fate go together."""

    AGREE = "agree"
    NO_ANSWER = "no answer"
    WRONG_DENIAL = "wrong denial"
    EARLY = "denied before it was there"
    MISSED = "missed"
    UNKNOWABLE = "missed, and not to be known"
    FALSE_ALARM = "false alarm"
    NOT_FOUND_OUT = "not found out"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One case with all that is known of it."""

    case: Case
    image: str
    observation: Observation
    verdict: Verdict
    later_verdict: Verdict | None = None
    """what was said once all that comes later was there"""

    @property
    def runs(self) -> bool:
        return self.observation.fate is Fate.RUNS

    @property
    def judgement(self) -> Judgement:
        if Fate.NO_ANSWER is self.observation.fate or self.verdict.said is Said.NO_ANSWER:
            return Judgement.NO_ANSWER
        if self.observation.fate is Fate.REJECTED:
            return Judgement.AGREE  # the API server itself refuses it
        match self.verdict.said, self.runs:
            case Said.DENIED, True if self.later_verdict and self.later_verdict.said is Said.ALLOWED:
                return Judgement.EARLY
            case Said.DENIED, True:
                return Judgement.WRONG_DENIAL
            case Said.WARNED, True if "fail" in {cls for _, cls in self.verdict.findings}:
                return Judgement.FALSE_ALARM
            case Said.UNVERIFIED, _:
                return Judgement.NOT_FOUND_OUT
            case Said.ALLOWED, False:
                return Judgement.UNKNOWABLE if self.case.unknowable else Judgement.MISSED
            case _:
                return Judgement.AGREE

    @property
    def cause(self) -> Cause | None:
        """Return what the node's message names, None where it runs."""
        if self.runs:
            return None
        if self.observation.fate in _FATES:
            return _FATES[self.observation.fate]
        text = self.observation.message
        return next((cause for pattern, cause in _MESSAGES if re.search(pattern, text)), Cause.UNKNOWN)

    @property
    def other_cause(self) -> bool:
        """True where both say that it fails, and no code stands for the cause that the node names (if knowable)."""
        if self.cause is None or not self.verdict.codes or self.case.unknowable:
            return False
        return not any(self.cause in NAMES.get(code, set()) for code in self.verdict.codes)

    @property
    def not_as_expected(self) -> bool:
        """True where the case is not what it claims to be: its author expected another fate."""
        return self.observation.fate is Fate.UNSETTLED or self.runs is not self.case.runs


def matrix(results: Iterable[Result]) -> Counter[tuple[bool, Said]]:
    """Count by (would run, what was said)."""
    return Counter((result.runs, result.verdict.said) for result in results)


def by_code(results: Iterable[Result]) -> Counter[tuple[str, str, bool]]:
    """Count findings by (code, class, would run)."""
    return Counter((code, cls, result.runs) for result in results for code, cls in set(result.verdict.findings))
