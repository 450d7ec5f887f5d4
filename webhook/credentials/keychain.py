"""Which logins a node tries for an image, and in which order (pure).

The kubelet files each entry under its normalised key and walks the keys in reverse order of their bytes, so that longer
paths of one host come before shorter ones, and "*" after letters. Every key that fits gives all of its logins, in the
order of the secrets: one pull is made with each, and none without any, once something fitted. Only where nothing fitted
and the image is on Docker Hub, the key `index.docker.io` is taken. Source: kubernetes pkg/credentialprovider/keyring.go
(`BasicDockerKeyring`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from webhook.credentials.credential import Credential
from webhook.credentials.pattern import HUB_KEY, Pattern, misfit, on_docker_hub, parse_pattern, url_match
from webhook.credentials.pullsecret import Entry, PullSecret, SecretState
from webhook.image.reference import Reference

__all__ = ["Fit", "Keychain", "url_match"]

_HUB_NAMES: Final = frozenset({"registry-1.docker.io", "hub.docker.com", "registry.hub.docker.com", "docker.com"})

_LONGEST_KEPT: Final = 512
_MOST_KEPT: Final = 256
_parse_name = lru_cache(maxsize=4096)(parse_pattern)
"""For names of repositories, which are no secrets; those of usual length are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One entry of one secret, and whether it is tried for an image; `reason` says why or why not, in a few words."""

    secret: str
    entry: Entry
    fits: bool
    reason: str


class Keychain:
    """The logins of some pull secrets; only usable ones count."""

    def __init__(self, secrets: Sequence[PullSecret]) -> None:
        """`secrets`: in the pod's order."""
        self._entries = tuple(_usable(secrets))
        filed: dict[str, list[Credential]] = {}
        for _, entry in self._entries:
            if entry.key:
                filed.setdefault(entry.key, []).append(entry.credential)
        self._filed = {key: tuple(filed[key]) for key in sorted(filed, key=_bytes, reverse=True)}
        self._index: _Index | None = None
        self._found: dict[str, tuple[Credential, ...]] = {}

    def __bool__(self) -> bool:
        """Tell whether there is any entry at all."""
        return bool(self._entries)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that the secrets hold, as written, once each, in order."""
        return tuple(dict.fromkeys(entry.host for _, entry in self._entries))

    def lookup(self, reference: Reference) -> tuple[Credential, ...]:
        """Return every login that a node would try, in its order; none means one pull without a login."""
        return self.lookup_name(reference.name) if self._filed else ()

    def lookup_name(self, name: str) -> tuple[Credential, ...]:
        """Look up a repository's name, without tag or digest."""
        found = self._found.get(name)
        if found is None:
            found = tuple(credential for key in self._keys(name) for credential in self._filed[key])
            if len(name) <= _LONGEST_KEPT and len(self._found) < _MOST_KEPT:
                self._found[name] = found
        return found

    def explain(self, reference: Reference) -> tuple[Fit, ...]:
        """Tell of every entry whether it is tried for this image, and why, in the order of the secrets."""
        tried = set(self._keys(reference.name))
        target = parse_pattern(reference.name)
        return tuple(
            Fit(secret=secret, entry=entry, fits=entry.key in tried, reason=_reason(entry, target, tried, reference))
            for secret, entry in self._entries
        )

    def _keys(self, name: str) -> tuple[str, ...]:
        """Return the keys whose logins are tried, in order."""
        target = _parse_name(name) if len(name) <= _LONGEST_KEPT else parse_pattern(name)
        if self._index is None:
            self._index = _Index(self._filed)
        fitting = () if target is None else self._index.fitting(target)
        if not fitting and HUB_KEY in self._filed and on_docker_hub(name):
            return (HUB_KEY,)
        return fitting


def keychain_of(secrets: Sequence[PullSecret]) -> Keychain:
    """Return the keychain of a pod's secrets; that of a single secret is made once and ends with it."""
    if not secrets:
        return _NO_KEYCHAIN
    kept = secrets[0].keychain
    if len(secrets) > 1 or not isinstance(kept, Keychain):
        kept = Keychain(secrets)
        if len(secrets) == 1:
            object.__setattr__(secrets[0], "keychain", kept)
    return kept


class _Index:
    """Keys by their host, so that many keys and many images do not multiply; those with "*" are tried one by one."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._plain: dict[tuple[tuple[str, ...], str], list[tuple[int, str, Pattern]]] = {}
        self._globs: list[tuple[int, str, Pattern]] = []
        for place, key in enumerate(keys):
            pattern = parse_pattern(key)
            if pattern is None:
                continue  # filed, but what was unescaped is no URL any more: it fits nothing
            kind = self._globs if any("*" in label for label in pattern.labels) else self._same(pattern)
            kind.append((place, key, pattern))

    def fitting(self, target: Pattern) -> tuple[str, ...]:
        candidates = self._globs + self._plain.get((target.labels, target.port), [])
        return tuple(key for _, key, pattern in sorted(candidates, key=_place) if not misfit(pattern, target))

    def _same(self, pattern: Pattern) -> list[tuple[int, str, Pattern]]:
        return self._plain.setdefault((pattern.labels, pattern.port), [])


def _place(candidate: tuple[int, str, Pattern]) -> int:
    return candidate[0]


def _usable(secrets: Sequence[PullSecret]) -> Iterator[tuple[str, Entry]]:
    for secret in secrets:
        if secret.state is SecretState.USABLE:
            for entry in secret.entries:
                yield secret.name, entry


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def _reason(entry: Entry, target: Pattern | None, tried: set[str], reference: Reference) -> str:
    """Say why an entry is tried or not."""
    pattern = parse_pattern(entry.key) if entry.key else None
    if pattern is None:
        return "it is no host name that nodes can read"
    if target is None:
        return "the image's registry is no host name that nodes can look up"
    why_not = misfit(pattern, target)
    if entry.key in tried:
        return "nothing else fits an image on Docker Hub" if why_not else "it fits"
    if entry.key == HUB_KEY and on_docker_hub(reference.name):
        return "another entry fits this Docker Hub image, which hides it"
    if on_docker_hub(reference.name) and _is_hub_name(entry.key):
        return "nodes never look there for Docker Hub images: write https://index.docker.io/v1/"
    return why_not


def _is_hub_name(key: str) -> bool:
    host = key.partition("/")[0]
    return host in _HUB_NAMES or host == HUB_KEY


_NO_KEYCHAIN: Final = Keychain(())
