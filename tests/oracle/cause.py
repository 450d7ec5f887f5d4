"""What the node's words name as the cause of a failure, and which codes stand for it (pure)."""

import re
from enum import StrEnum

from fate import Fate, Observation


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
    (r"did not include a token|decode token response", Cause.PROTOCOL),
    (r"illegal base64|unable to parse auth|cannot unmarshal|invalid character|unexpected end of JSON", Cause.MALFORMED),
    (r"no such host|server misbehaving|lookup \S+ on ", Cause.DNS),
    (r"server gave HTTP response", Cause.PLAIN_HTTP),
    (r"x509:|tls: ", Cause.TLS),
    (r"connection refused|connection reset|no route to host|: EOF|invalid port|unexpected EOF", Cause.CONNECT),
    (r"timeout|deadline|context canceled", Cause.TIMEOUT),
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


def cause_of(observation: Observation) -> Cause | None:
    """Return what the node's message names, None where it runs."""
    if observation.fate is Fate.RUNS:
        return None
    if observation.fate in _FATES:
        return _FATES[observation.fate]
    text = observation.message
    return next((cause for pattern, cause in _MESSAGES if re.search(pattern, text)), Cause.UNKNOWN)


def names(code: str, cause: Cause) -> bool:
    """Tell whether a code stands for a cause."""
    return cause in NAMES.get(code, set())
