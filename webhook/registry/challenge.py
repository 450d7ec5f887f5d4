"""WWW-Authenticate -> Challenges, read and chosen as containerd does it (pure).

    line    := token [1*blank parameter *("," parameter)]
    parameter := token "=" (token | quoted)          no blank around "=", quoted-pair with a backslash

Of each header line only the first challenge counts, reading stops without complaint at the first thing that does not
fit, names are case-insensitive, the last of two equal names wins. Known schemes are sorted bearer > digest > basic;
the first bearer or basic is answered. Nothing here raises.

Source: containerd core/remotes/docker/auth/parse.go and authorizer.go (AddResponses), scope.go.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from types import MappingProxyType
from urllib.parse import quote

_TOKEN = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z|~]*+", re.ASCII)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BLANK = re.compile(r"[ \t\r\n]*+", re.ASCII)
_LONGEST = 8192
_MOST_LINES = 10
_KEPT_IN_REALM = "!#$%&'()*+,/:;=?@[]~"


class Scheme(IntEnum):
    """A scheme that containerd knows, the preferred one last. Digest is known and never usable."""

    BASIC = 1
    DIGEST = 2
    BEARER = 3


_SCHEMES = {"basic": Scheme.BASIC, "digest": Scheme.DIGEST, "bearer": Scheme.BEARER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One challenge. Parameter names are in lower case; a missing realm is None, an empty one is not."""

    scheme: Scheme
    parameters: Mapping[str, str]

    @property
    def realm(self) -> str | None:
        """Where to ask for a token, as Go's `url.Parse` and `String` would write it."""
        realm = self.parameters.get("realm")
        return None if realm is None else quote(realm, safe=_KEPT_IN_REALM)

    @property
    def service(self) -> str:
        """The service to name to the token endpoint."""
        return self.parameters.get("service", "")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that the registry asks for; split at single blanks, as containerd does."""
        scope = self.parameters.get("scope")
        return () if scope is None else tuple(scope.split(" "))

    @property
    def error(self) -> str:
        """Why a token was refused (`insufficient_scope`, `invalid_token`), "" when the registry does not say."""
        return self.parameters.get("error", "")


def parse(lines: Iterable[str]) -> tuple[Challenge, ...]:
    """Read every WWW-Authenticate line; the preferred challenge comes first."""
    found = (_parse_line(line[:_LONGEST]) for line in islice(lines, _MOST_LINES))
    return tuple(sorted((each for each in found if each is not None), key=lambda each: -each.scheme))


def pick(challenges: Iterable[Challenge]) -> Challenge | None:
    """Return the challenge that containerd answers: the first that is bearer or basic."""
    return next((each for each in challenges if each.scheme is not Scheme.DIGEST), None)


def repository_scope(repository: str) -> str:
    """Return the scope that containerd adds to every token request of a pull."""
    return f"repository:{repository}:pull"


def merge_scopes(*groups: Iterable[str]) -> tuple[str, ...]:
    """Return the sorted, distinct union; actions are not looked into, so `a:pull` stays beside `a:pull,push`."""
    return tuple(sorted({scope for group in groups for scope in group}))


def _parse_line(line: str) -> Challenge | None:
    name = _token(line, 0)
    scheme = _SCHEMES.get(name.lower())
    return None if scheme is None else Challenge(scheme=scheme, parameters=_parameters(line, len(name)))


def _parameters(line: str, at: int) -> Mapping[str, str]:
    found: dict[str, str] = {}
    while True:
        at = _skip(line, at)
        name = _token(line, at)
        at += len(name)
        if not name or line[at : at + 1] != "=":
            break
        value, at = _value(line, at + 1)
        found[name.lower()] = value
        at = _skip(line, at)
        if line[at : at + 1] != ",":
            break
        at += 1
    return MappingProxyType(found)


def _value(line: str, at: int) -> tuple[str, int]:
    """Read a token or a quoted string; an unclosed quote is an empty value at the end of the line."""
    if line[at : at + 1] != '"':
        value = _token(line, at)
        return value, at + len(value)
    match = _QUOTED.match(line, at)
    return ("", len(line)) if match is None else (_ESCAPED.sub(r"\1", match[1]), match.end())


def _token(line: str, at: int) -> str:
    match = _TOKEN.match(line, at)
    return "" if match is None else match[0]


def _skip(line: str, at: int) -> int:
    match = _BLANK.match(line, at)
    return at if match is None else match.end()
