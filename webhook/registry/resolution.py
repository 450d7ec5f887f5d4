"""What a registry said of one reference, as plain, cacheable values (pure).

Resolution = Resolved | Unresolved. Both carry the ordered Attempts from which `explain` and "secrets tried" are told.
"""

from dataclasses import dataclass
from enum import StrEnum

from webhook.image.manifest import Index, Manifest
from webhook.image.reference import Digest, Reference


class Failure(StrEnum):
    """Why a reference did not resolve. Each is one row of the code table in policy/checks."""

    NOT_FOUND = "not-found"
    """404 from a registry that did not ask for more, or after it accepted the login"""
    HIDDEN = "hidden"
    """the registry does not tell private from absent (insufficient_scope, anonymous token 401/403, Quay's 401, …)"""
    LOGIN_WANTED = "login-wanted"
    """a login is wanted and none was given (Basic challenge without a login)"""
    LOGIN_REFUSED = "login-refused"
    """a login was given and refused (401 at registry or token service)"""
    FORBIDDEN = "forbidden"
    """403 or DENIED with a known login, or 403 by an anonymous request at the manifest"""
    RATE_LIMITED = "rate-limited"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROXY = "proxy"
    SERVER_ERROR = "server-error"
    """5xx, or other answers that say nothing of the image (400, 408, 412, 451, malformed)"""
    NOT_A_REGISTRY = "not-a-registry"
    """something answers that is no registry: HTML, plain HTTP on the https port, a portal"""
    NOT_AN_IMAGE = "not-an-image"
    """it resolves to something containerd refuses: schema 1, a chart, a signature, too large a manifest"""
    ADDRESS_REFUSED = "address-refused"
    """our own address rules refused to connect"""
    OUT_OF_TIME = "out-of-time"
    """our own deadline"""


INCONCLUSIVE = frozenset(
    {
        Failure.RATE_LIMITED,
        Failure.DNS,
        Failure.CONNECT,
        Failure.TLS,
        Failure.TIMEOUT,
        Failure.PROXY,
        Failure.SERVER_ERROR,
        Failure.NOT_A_REGISTRY,
        Failure.ADDRESS_REFUSED,
        Failure.OUT_OF_TIME,
    }
)
"""Failures that say nothing of the image: class `error`, never `fail`."""


class Step(StrEnum):
    """Which part of a look-up an attempt belongs to."""

    MANIFEST = "manifest"
    TOKEN = "token"
    BLOB = "blob"
    TAGS = "tags"


class Absent(StrEnum):
    """What exactly is not there, when the registry told."""

    REPOSITORY = "repository"
    TAG = "tag"
    DIGEST = "digest"
    UNKNOWN = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request and its outcome. `endpoint` is scheme://host[:port] only; `status` None means no answer.

    `credential` is `Credential.source`; `detail` is the registry's own text (OCI error codes and messages), cleaned of
    control characters, at most 200 characters, or the network error in kubelet-like words. `challenged`: False for a
    401 that asks for nothing, which no registry sends (RFC 9110 section 15.5.2), and no token service as a page.
    """

    endpoint: str
    credential: str
    step: Step
    method: str
    status: int | None = None
    failure: Failure | None = None
    detail: str = ""
    challenged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Docker Hub's `ratelimit-*` headers: pulls left of `limit` in `window` seconds."""

    limit: int
    remaining: int
    window: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The registry has it. `content` is None unless it was asked for and could be fetched.

    `media_type` is the descriptor's, parameters cut; `""` when the registry named none.
    `endpoint` is the base URL that answered, `mirrored` true when it is not the registry's own.
    """

    reference: Reference
    digest: Digest
    media_type: str
    endpoint: str = ""
    mirrored: bool = False
    content: Index | Manifest | None = None
    quota: Quota | None = None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """The registry does not give it, or we could not find out (`failure in INCONCLUSIVE`).

    `message`: the cause in a few words, lower case, no secret, no body.
    `confirmed`: for NOT_FOUND, a GET returned the registry's own OCI error body (not HTML, not a portal's page); only
    such an answer may ever deny.
    `found`: the name resolved, and it is the manifest behind it that a node would fetch next and not get.
    `retry_after`: seconds until a rate limit resets, as told at the time of the answer.
    `node_error`: the text that containerd would put after "failed to resolve image: ", as far as it is known.
    """

    reference: Reference
    failure: Failure
    message: str
    absent: Absent = Absent.UNKNOWN
    nearest_tags: tuple[str, ...] = ()
    confirmed: bool = False
    found: bool = False
    retry_after: float | None = None
    quota: Quota | None = None
    node_error: str = ""
    attempts: tuple[Attempt, ...] = ()

    @property
    def inconclusive(self) -> bool:
        """True when the answer says nothing of the image itself."""
        return self.failure in INCONCLUSIVE


Resolution = Resolved | Unresolved
