"""Parse image references exactly as a node does (pure).

    reference  := [domain "/"] path [":" tag] ["@" digest]
    path       := component *("/" component)          at most 255 characters
    component  := alnum *(separator alnum)            alnum is lower case; separator is "." "_" "__" or many "-"
    domain     := (label *("." label) | "[" ipv6 "]") [":" digits]

The kubelet calls `ParseNormalizedNamed`, containerd `ParseDockerRef`; the grammar is distribution/reference's
`regexp.go`, atom by atom, the shorthand `normalize.go`, digests go-digest's `Validate`. Texts of errors are theirs, to
the letter: people search for them.

Atoms are possessive: they never give back what they took, which changes no match (what may follow an atom can never be
part of it) and makes the time linear in the text, however hostile.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final, NewType, Self

Digest = NewType("Digest", str)

LONGEST_REGISTRY: Final = 320
"""Characters that a registry's name may have, its port included, however that is written."""

_LONGEST_KEPT: Final = 255
"""Characters of a host name that is remembered; whoever writes images chooses their length."""

_ALNUM = r"[a-z0-9]++"
_SEPARATOR = r"(?>\.|__|_|-++)"
_COMPONENT = rf"{_ALNUM}(?:{_SEPARATOR}{_ALNUM})*+"
_LABEL = r"[a-zA-Z0-9]++(?:-++[a-zA-Z0-9]++)*+"
_HOST = rf"(?>{_LABEL}(?:\.{_LABEL})*+|\[[a-fA-F0-9:]++\])"
_ALGORITHM = r"[A-Za-z][A-Za-z0-9]*+(?:[-_+.][A-Za-z][A-Za-z0-9]*+)*+"

_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*+", re.ASCII)
_DOMAIN = re.compile(rf"{_HOST}(?::[0-9]++)?+", re.ASCII)
_TAG = re.compile(r"\w[\w.-]{0,127}+", re.ASCII)
_DIGEST = re.compile(rf"{_ALGORITHM}:[0-9a-fA-F]{{32,}}+", re.ASCII)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}+", re.ASCII)
_ANY_ALGORITHM = re.compile(r"[a-z0-9]++(?:[.+_-][a-z0-9]++)*+", re.ASCII)
_ANY_ENCODED = re.compile(r"[a-zA-Z0-9=_-]++", re.ASCII)
_ENCODED = re.compile(r"[a-f0-9]++", re.ASCII)
_ENCODED_LENGTH: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_LONGEST_PATH = 255

_HUB = "docker.io"
_LATEST = "latest"
_FORMAT = "invalid reference format"


class InvalidReference(ValueError):
    """The text is not an image reference; the kubelet would report InvalidImageName with this message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A fully qualified image name. Build it with `parse`, never by hand.

    `tag` is None only beside a digest (the tag `latest` is filled in otherwise, as the kubelet does). With both,
    containerd drops the tag: `identifier` is the digest.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raise `InvalidReference` unless `text` names an image."""
        if is_identifier(text):
            raise InvalidReference(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
        domain, rest = _qualify(text)
        remote = rest.partition(":")[0]
        if remote.lower() != remote:
            raise InvalidReference(f"{_FORMAT}: repository name ({remote}) must be lowercase")
        repository, tag, digest = _split(domain, rest)
        return cls(
            registry=domain,
            repository=repository,
            tag=tag or (None if digest else _LATEST),
            digest=parse_digest(digest) if digest else None,
        )

    @property
    def name(self) -> str:
        """The normalised repository, as keyrings look it up: `docker.io/library/nginx`."""
        return f"{self.registry}/{self.repository}"

    @property
    def identifier(self) -> str:
        """What to ask the registry for: the digest wins over the tag."""
        return self.digest or self.tag or _LATEST

    @property
    def host(self) -> str:
        """The registry without its port and without the brackets of an IPv6 address."""
        if self.registry.startswith("["):
            return self.registry[1 : self.registry.index("]")]
        return self.registry.partition(":")[0]

    @property
    def loopback(self) -> bool:
        """True when every machine that asks this registry asks itself."""
        host = self.host.lower()
        return _is_loopback(host) if len(host) <= _LONGEST_KEPT else _is_loopback.__wrapped__(host)

    @property
    def connectable(self) -> bool:
        """True unless the registry is too long to be a host: 253 characters (RFC 1035), or an address, and a port.

        The grammar knows no bound. Nobody could connect to such a registry, and nothing is worth keeping by its name.
        """
        return len(self.registry) <= LONGEST_REGISTRY

    def without_digest(self) -> Self:
        """Return the same image by its tag alone, to learn where the tag points now."""
        return replace(self, tag=self.tag or _LATEST, digest=None)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


@lru_cache(maxsize=1024)
def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified  # Linux connects the unspecified address to itself


def default_pull_policy(image: str) -> str:
    """Return the imagePullPolicy that the API server fills in for this image text (pkg/apis/core/v1/defaults.go)."""
    try:
        reference = Reference.parse(image)
    except InvalidReference:
        return "IfNotPresent"
    return "Always" if reference.tag == _LATEST else "IfNotPresent"


def parse_digest(text: str) -> Digest:
    """Raise `InvalidReference` unless `text` is a digest that the kubelet and containerd can check."""
    algorithm, colon, encoded = text.partition(":")
    if not (algorithm and colon and encoded):
        raise InvalidReference("invalid checksum digest format")
    length = _ENCODED_LENGTH.get(algorithm)
    if length is None:
        shaped = _ANY_ALGORITHM.fullmatch(algorithm) and _ANY_ENCODED.fullmatch(encoded)
        raise InvalidReference("unsupported digest algorithm" if shaped else "invalid checksum digest format")
    if len(encoded) != length:
        raise InvalidReference("invalid checksum digest length")
    if not _ENCODED.fullmatch(encoded):
        raise InvalidReference("invalid checksum digest format")
    return Digest(text)


def is_domain(text: str) -> bool:
    """Tell whether `text` is a host name, an address, or either with a port."""
    return _DOMAIN.fullmatch(text) is not None


def is_identifier(text: str) -> bool:
    """Tell whether `text` is 64 lower-case hex digits, which the shorthand refuses as a name."""
    return len(text) == 64 and _IDENTIFIER.fullmatch(text) is not None


def _qualify(text: str) -> tuple[str, str]:
    """Tell a domain from a Docker Hub path (`splitDockerDomain`)."""
    first, slash, rest = text.partition("/")
    if not slash:
        return _HUB, f"library/{text}"
    if first == "index.docker.io":
        first = _HUB
    elif not (first == "localhost" or "." in first or ":" in first or first.lower() != first):
        first, rest = _HUB, text
    if first == _HUB and "/" not in rest:
        rest = f"library/{rest}"
    return first, rest


def _split(domain: str, rest: str) -> tuple[str, str, str]:
    """Split into repository, tag and digest, the latter two empty where absent (`Parse`)."""
    parts = _cut(domain, rest)
    if parts is None:
        lower = (_lower(domain), _lower(rest))
        only_case = lower != (domain, rest) and _cut(*lower) is not None
        raise InvalidReference("repository name must be lowercase" if only_case else _FORMAT)
    # A host with "_" in a label is no domain for the grammar: the whole name is then a path, and counted as one, though
    # containerd takes its first part for the host all the same (pkg/reference).
    counted = parts[0] if is_domain(domain) else f"{domain}/{parts[0]}"
    if len(counted) > _LONGEST_PATH:
        raise InvalidReference(f"repository name must not be more than {_LONGEST_PATH} characters")
    return parts


def _cut(domain: str, rest: str) -> tuple[str, str, str] | None:
    """Cut at the separators, None unless every part is grammatical. A path holds neither "@" nor ":"."""
    named, at, digest = rest.partition("@")
    path, colon, tag = named.partition(":")
    grammatical = (
        _PATH.fullmatch(path)
        and (not colon or _TAG.fullmatch(tag))
        and (not at or _DIGEST.fullmatch(digest))
        and (_DOMAIN.fullmatch(domain) or _PATH.fullmatch(domain))
    )
    return (path, tag, digest) if grammatical else None


def _lower(text: str) -> str:
    """Lower as Go does: rune by rune, so that a dotted capital I becomes one letter."""
    return text.replace("\u0130", "i").lower()
