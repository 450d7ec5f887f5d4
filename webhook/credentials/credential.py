"""One registry login, with its secret kept out of every text (pure)."""

import hashlib
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

_PROCESS_KEY = secrets.token_bytes(32)


class Origin(StrEnum):
    """Who brought a login; only the pod's own may be used to list a repository's tags."""

    NONE = "none"
    POD = "pod"
    NODE = "node"
    PROVIDER = "provider"
    DOCKER_CONFIG = "docker-config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A login as containerd takes it from the kubelet (`ParseAuth`).

    `username` and `secret` are a pair. An empty username with a secret is an identity (refresh) token. Both empty is a
    login that containerd treats as anonymous, which still counts as a candidate: after it there is no anonymous try.
    `source` names where it came from for a person (`secret "regcred"`) and never holds a secret.
    `id`: an opaque name for cache keys; the same login has the same id in this process, and it reveals nothing.
    """

    username: str
    secret: str = field(repr=False)
    source: str
    origin: Origin = Origin.POD
    id: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Name it once: it is asked for its name with every image."""
        object.__setattr__(self, "id", _id(self.username, self.secret))

    @property
    def anonymous(self) -> bool:
        """True when a registry will see no login at all (no secret, or neither part)."""
        return not self.secret

    @property
    def pair(self) -> bytes:
        """User and secret with a colon between, as the bytes that they were read from: a login need not be UTF-8.

        Text that is no text is kept as Python keeps file names ("surrogateescape", see authfield.py).
        """
        return f"{self.username}:{self.secret}".encode("utf-8", "surrogateescape")


def _id(username: str, secret: str) -> str:
    if not (username or secret):
        return ""
    text = f"{username}\0{secret}".encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, key=_PROCESS_KEY, digest_size=16).hexdigest()


ANONYMOUS = Credential(username="", secret="", source="anonymous", origin=Origin.NONE)
