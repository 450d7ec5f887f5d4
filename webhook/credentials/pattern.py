"""Registry patterns: the keys of docker configs and the matchImages of credential providers (pure).

    pattern := host [":" port] ["/" path]        labels of the host may hold "*"; port and path are plain

A pattern fits an image's name (`docker.io/library/nginx`, no tag) when the ports are the same text, there are as many
labels and each fits, and the path is a prefix of the image's, by characters. Everything is told apart by case. What
the URL parser cuts off (`?…`, `#…`, `user@`) does not count, and what it refuses fits nothing. Source: kubernetes
pkg/credentialprovider/keyring.go (`URLsMatchStr`, `Add`), net/url and path/filepath of Go 1.26.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

HUB_KEY: Final = "index.docker.io"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PORT = re.compile(r"(?::[0-9]*+)?+", re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})", re.ASCII)
_ESCAPE = re.compile(rb"%([0-9a-fA-F]{2})")
_HOST = r"""-!"$&'()*+,.0-9:;<=>A-Z\[\]_a-z~"""
# Of a host only bytes beyond ASCII may be escaped, and the percent sign; of an IPv6 zone, what may stand there anyway.
_BAD_HOST = re.compile(rf"[^{_HOST}%\u0080-\U0010ffff]|%(?!25|[89a-fA-F][0-9a-fA-F])")
_BAD_ZONE = re.compile(rf"[^{_HOST}%\u0080-\U0010ffff]")
_ZONE_BYTE = re.compile(rf"[{_HOST}% ]")
_BAD_USER = re.compile(r"[^-._:~!$&'()*+,;=%@A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed pattern, or an image's name parsed the same way."""

    labels: tuple[str, ...]
    port: str
    path: str


def url_match(glob: str, target: str) -> bool:
    """Tell whether a pattern fits an image's name, as the kubelet does it."""
    pattern, name = parse_pattern(glob), parse_pattern(target)
    return pattern is not None and name is not None and not misfit(pattern, name)


def misfit(pattern: Pattern, name: Pattern) -> str:
    """Say in a few words why a pattern does not fit an image's name, or ""."""
    if len(pattern.labels) != len(name.labels):
        starred = any("*" in label for label in pattern.labels)
        parts = f"{len(pattern.labels)} parts, the image's {len(name.labels)}"
        return f"a * stands for one part of a name, and its host has {parts}" if starred else "its host is another"
    if not all(map(_label_fits, pattern.labels, name.labels)):
        return "its host is another"
    if pattern.port != name.port:
        return f"its port is {pattern.port or 'not given'!s}, the image's {name.port or 'not given'!s}"
    if not name.path.startswith(pattern.path):
        return f"its path {pattern.path!r} does not begin the image's"
    return ""


def normalise_key(host: str) -> str | None:
    """Return a docker config's key as the kubelet files it, None for one that it ignores (no URL)."""
    parts = split_url(host if host.startswith(("https://", "http://")) else f"https://{host}")
    if parts is None:
        return None
    authority, path = parts
    if path.startswith(("/v1/", "/v2/")):
        path = path[3:]
    return authority if path == "/" else authority + path


def on_docker_hub(name: str) -> bool:
    """Tell whether the key `index.docker.io` is this image's last resort (`isDefaultRegistryMatch`)."""
    first, slash, _ = name.partition("/")
    if not slash or first in ("docker.io", HUB_KEY):
        return bool(first)
    return bool(first) and not ("." in first or ":" in first)


def parse_pattern(text: str) -> Pattern | None:
    """Parse a pattern or an image's name, None for what is no URL without its scheme."""
    parts = split_url(f"https://{text}")
    if parts is None:
        return None
    host, port = _split_port(parts[0])
    return Pattern(tuple(host.split(".")), port, parts[1])


def without_user(host: str) -> str:
    """Return a key as it was written, without a login that may stand before its host.

    A password may hold a slash, which ends the host for a parser: what looks like one at all, up to the last "@", goes.
    """
    scheme, separator, rest = host.rpartition("://")
    before, at, after = rest.rpartition("@")
    if at and ":" in before:
        return f"{scheme}{separator}{after}"
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{rest[len(authority) :]}"


def split_url(url: str) -> tuple[str, str] | None:
    """Return host with port, and path, both unescaped, of an http or https URL; None where Go's `url.Parse` fails."""
    url, _, fragment = url.partition("#")
    rest = url.partition("?")[0].partition("://")[2]
    authority, slash, path = rest.partition("/")
    user, at, host_text = authority.rpartition("@")
    host = _host(host_text)
    if (
        host is None
        or _CONTROL.search(url)
        or any(_BAD_ESCAPE.search(part) for part in (user, path, fragment))
        or (at and _BAD_USER.search(user))
    ):
        return None
    return host, _unescape(slash + path)


def _label_fits(glob: str, label: str) -> bool:
    """Match one label (`filepath.Match`, of which "*" alone can occur), in time linear in the label."""
    if "[" in glob:
        return (
            False  # an IPv6 address without a port: its brackets are read as a set, which fits single letters at most
        )
    head, *rest = glob.split("*")
    if not rest:
        return glob == label
    *middle, tail = rest
    if len(label) < len(head) + len(tail) or not (label.startswith(head) and label.endswith(tail)):
        return False
    place, end = len(head), len(label) - len(tail)
    for part in middle:
        found = label.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def _host(text: str) -> str | None:
    """Read host and port (`parseHost`), None where that fails."""
    bracket = text.rfind("[")
    if bracket > 0:
        return None
    if bracket == 0:
        return _bracketed(text)
    colon = text.find(":")
    if (colon >= 0 and not _PORT.fullmatch(text, colon)) or _BAD_HOST.search(text):
        return None
    return _unescape(text)


def _bracketed(text: str) -> str | None:
    address, bracket, port = text[1:].rpartition("]")
    if not bracket or not _PORT.fullmatch(port):
        return None
    zone_at = address.find("%25")
    plain, zone = (address[:zone_at], address[zone_at:]) if zone_at >= 0 else (address, "")
    escaped = [chr(int(digits, 16)) for digits in re.findall(r"%([0-9a-fA-F]{2})", zone)]
    if _BAD_HOST.search(plain) or _BAD_ZONE.search(zone) or _BAD_ESCAPE.search(zone):
        return None
    if zone == "%25" or not all(map(_ZONE_BYTE.fullmatch, escaped)):
        return None
    number = _unescape(plain)
    try:
        IPv6Address(number)
    except ValueError:
        return None
    return f"[{number}{_unescape(zone)}]{port}"


def _split_port(host: str) -> tuple[str, str]:
    """Split as `net.SplitHostPort`, the whole being the host where that fails."""
    if host.startswith("["):
        inner, bracket, port = host[1:].partition("]")
        return (inner, port[1:]) if bracket and port.startswith(":") and ":" not in port[1:] else (host, "")
    name, colon, port = host.partition(":")
    if not colon or ":" in port or "]" in host:
        return host, ""
    return name, port


def _unescape(text: str) -> str:
    if "%" not in text:
        return text
    raw = text.encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), raw).decode("utf-8", "surrogateescape")
