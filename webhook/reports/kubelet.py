"""What the kubelet says -> what it means (pure).

Texts of events (`Failed to pull image "X": …`, `Back-off pulling image …`), of container states, and of containerd,
CRI-O and dockerd alone. The rows are tried in order, so the narrower stand above the wider: a token service's 403 is
also a 403, and nearly everything ends in "not found". A number counts where a status stands, never in a name.
"""

import re
from dataclasses import dataclass
from typing import Final

from webhook.policy.finding import Code

_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row: what the text is known by, the code of the check that predicts it, and what it means."""

    pattern: re.Pattern[str]
    code: Code
    text: str


def _row(pattern: str, code: Code, text: str) -> Meaning:
    return Meaning(re.compile(pattern, re.IGNORECASE), code, text)


MEANINGS: Final = (
    _row(
        r"couldn't parse image name|invalid reference format|InvalidImageName",
        Code.INVALID_REFERENCE,
        "the image's name cannot be parsed; no registry was asked",
    ),
    _row(
        r"ErrImageNeverPull|not present with pull policy of Never",
        Code.NEVER_PULL_ABSENT,
        "imagePullPolicy is Never and the node does not have the image",
    ),
    _row(
        r"Unable to retrieve some image pull secrets|FailedToRetrieveImagePullSecret",
        Code.PULL_SECRET_MISSING,
        "a pull secret that the pod names does not exist in its namespace; the pull was tried without it",
    ),
    _row(
        r"illegal base64 data|unable to parse auth field|cannot unmarshal .{0,80}DockerConfig",
        Code.PULL_SECRET_MALFORMED,
        "a pull secret of the pod does not decode, which ends every pull of the pod, public images included",
    ),
    _row(
        r"too ?many ?requests|pull rate limit",
        Code.RATE_LIMITED,
        "the registry's rate limit for this node's address or login is used up",
    ),
    _row(
        r"no match for platform",
        Code.PLATFORM_MISMATCH,
        "the image was not built for this node's platform",
    ),
    _row(
        r"manifest\.v1\+prettyjws|no longer supported since containerd",
        Code.NOT_AN_IMAGE,
        "the image has the old schema 1 format, which containerd no longer pulls; build and push it anew",
    ),
    _row(
        r"server gave HTTP response to HTTPS client",
        Code.NOT_A_REGISTRY,
        "the registry speaks plain http and the node https; give it a certificate, or tell the node's hosts.toml",
    ),
    _row(
        r"\bx509: |\btls: ",
        Code.REGISTRY_UNREACHABLE,
        "the node does not trust the registry's certificate: unknown authority, another name, or expired",
    ),
    _row(
        r"dial tcp: lookup|no such host|server misbehaving",
        Code.REGISTRY_UNREACHABLE,
        "the node's name server does not know the registry (cluster DNS is for pods, not for nodes)",
    ),
    _row(
        r"connection refused|no route to host|network is unreachable|connection reset|broken pipe|: EOF\b"
        r"|i/o timeout|timeout awaiting|DeadlineExceeded|context deadline exceeded|context canceled|unexpected EOF"
        r"|proxyconnect",
        Code.REGISTRY_UNREACHABLE,
        "the node cannot reach the registry: firewall, proxy or a registry that is down; no NetworkPolicy rules this",
    ),
    _row(
        r"could not fetch content descriptor|number of layers and diffIDs|unexpected commit digest"
        r"|failed to copy: .{0,4096}: content at \S{1,4096} not found",
        Code.BROKEN_IMAGE,
        "the manifest is there and a part of the image is not; push the image again",
    ),
    _row(
        r"no basic auth credentials|no realm specified",
        Code.NO_PULL_SECRET,
        "the registry wants a login and none that fits was offered",
    ),
    _row(
        r"failed to fetch oauth token: .{0,4096}: (?:400|401|405)\b",
        Code.UNAUTHORIZED,
        "the registry's token service refused the pod's login: wrong, expired or revoked",
    ),
    _row(
        r"failed to fetch oauth token: .{0,4096}: 403\b",
        Code.FORBIDDEN,
        "the registry's token service knows the login and refuses it this repository (GitHub: an expired token too)",
    ),
    _row(
        r"failed to fetch anonymous token: .{0,4096}: 40[13]\b",
        Code.DENIED_OR_MISSING,
        "without a login the registry shows no such image: it is private, or not there",
    ),
    _row(
        r"failed to fetch (?:oauth|anonymous) token: .{0,4096}: (?:404|5\d\d)\b",
        Code.REGISTRY_ERROR,
        "the registry's token service does not work, or is not where the registry says",
    ),
    _row(
        r"unable to decode token response|did not include a token",
        Code.REGISTRY_ERROR,
        "the registry's token service gave a malformed answer",
    ),
    _row(
        r"pull access denied|insufficient_scope|access to the (?:requested )?resource is (?:denied|not authorized)",
        Code.DENIED_OR_MISSING,
        "the registry does not tell whether the image is private or not there",
    ),
    _row(
        r": 403\b|\b403 Forbidden|\bdenied: ",
        Code.FORBIDDEN,
        "the registry refuses this login this repository",
    ),
    _row(
        r": 401\b|\b401 Unauthorized|\bunauthorized: |authentication required",
        Code.UNAUTHORIZED,
        "the registry refused the login, or wants one (Quay and Harbor say so of absent images too)",
    ),
    _row(
        r"\b5\d\d (?:Internal|Not Impl|Bad Gate|Service|Gateway)|\b(?:400|408|412|451) [A-Z]|not a valid digest",
        Code.REGISTRY_ERROR,
        "the registry answered with an error that says nothing of the image",
    ),
    _row(
        r"not found|manifest unknown|name unknown|NAME_UNKNOWN|MANIFEST_UNKNOWN",
        Code.IMAGE_NOT_FOUND,
        "the registry does not have this repository, tag or digest",
    ),
)


def translate(message: str) -> Meaning | None:
    """Return the first row that fits a message of the kubelet or of a runtime, or None."""
    text = message[:_LONGEST]
    return next((row for row in MEANINGS if row.pattern.search(text)), None)
