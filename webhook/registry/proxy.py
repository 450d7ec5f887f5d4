"""Which proxy a request goes through, from the environment (pure: the environment is handed in).

The rules are those of Go's httpproxy, because containerd on the nodes follows them (golang.org/x/net/http/httpproxy):
upper-case variables before lower-case ones, no ALL_PROXY, HTTP_PROXY ignored under CGI, never a proxy for `localhost`
and loopback addresses. NO_PROXY is a comma-separated list of

    *                 no proxy at all
    10.0.0.0/8        addresses written as such
    10.1.2.3[:port]   one address
    example.com[:port]    the name and everything below it
    .example.com[:port]   everything below it (also `*.example.com`)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

from webhook.registry.address import InvalidNetwork, Network, parse_address, parse_network

_PORTS = {"http": 80, "https": 443}


class InvalidProxy(ValueError):
    """A proxy variable holds something that is no http or https proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """One proxy; its login stays out of every text."""

    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str, *, variable: str) -> Self:
        """Read a proxy variable's value; raise `InvalidProxy`, which never repeats it (it may hold a password)."""
        try:
            parts = urlsplit(text if "://" in text else f"http://{text}")
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError as error:
            raise InvalidProxy(f"{variable} is not a URL; write it like http://proxy.example:3128") from error
        if parts.scheme not in _PORTS or not parts.hostname:
            raise InvalidProxy(
                f"{variable} names no http or https proxy (scheme {parts.scheme!r}); write it like "
                "http://proxy.example:3128"
            )
        login = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
        return cls(scheme=parts.scheme, host=parts.hostname, port=port, login=login)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """One item of NO_PROXY: a network (of one address, mostly) or a name's suffix; neither: everything. Port None: any.

    `itself`: the name is covered too, not only what is below it.
    """

    network: Network | None = None
    suffix: str = ""
    itself: bool = False
    port: int | None = None

    @classmethod
    def parse(cls, item: str) -> Self | None:
        """Read one item; None for what Go skips without a word."""
        if "/" in item:
            return None if (network := _network(item)) is None else cls(network=network)
        if item == "*":
            return cls()
        name, port = _split(item)
        if (network := _network(name)) is not None:
            return cls(network=network, port=port)
        below = name.removeprefix("*")
        if not below.strip("."):
            return None
        return cls(suffix=f".{below.removeprefix('.')}", itself=not below.startswith("."), port=port)

    def covers(self, host: str, port: int) -> bool:
        """Tell whether a request to `host` (lower case) is exempt from the proxy."""
        if self.port not in (None, port):
            return False
        if self.network is not None:
            address = parse_address(host)
            return address is not None and address in self.network
        return host.endswith(self.suffix) or (self.itself and f".{host}" == self.suffix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """The proxies in force; none by default."""

    http: Proxy | None = None
    https: Proxy | None = None
    exempt: tuple[Exemption, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read HTTP_PROXY, HTTPS_PROXY and NO_PROXY; raise `InvalidProxy`."""
        cgi = "REQUEST_METHOD" in environment  # there HTTP_PROXY is what a client sent as the header Proxy
        items = (item.strip().lower() for item in _value(environment, "NO_PROXY").split(","))
        return cls(
            http=None if cgi else _proxy(environment, "HTTP_PROXY"),
            https=_proxy(environment, "HTTPS_PROXY"),
            exempt=tuple(each for item in items if item and (each := Exemption.parse(item)) is not None),
        )

    def choose(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Return the proxy for a request to `host`, or None for a direct connection."""
        proxy = self.https if scheme == "https" else self.http
        return None if proxy is None or self._exempted(host.lower(), port) else proxy

    def _exempted(self, host: str, port: int) -> bool:
        address = parse_address(host)
        if host == "localhost" or (address is not None and address.is_loopback):
            return True
        return any(each.covers(host, port) for each in self.exempt)


def _value(environment: Mapping[str, str], variable: str) -> str:
    return environment.get(variable) or environment.get(variable.lower()) or ""


def _proxy(environment: Mapping[str, str], variable: str) -> Proxy | None:
    text = _value(environment, variable)
    return Proxy.parse(text, variable=variable) if text else None


def _network(text: str) -> Network | None:
    try:
        return parse_network(text)
    except InvalidNetwork:
        return None


def _split(item: str) -> tuple[str, int | None]:
    """Split `host[:port]`, `[v6]:port` or a bare IPv6 address."""
    head, colon, tail = item.rpartition(":")
    if colon and tail.isdecimal() and _network(item) is None:
        return head.strip("[]"), int(tail)
    return item.strip("[]"), None
