"""Which addresses may be connected to (pure).

Image names, redirects and token realms are written by strangers, so every address is judged, and judged as what it
reaches: an IPv4 address that travels inside an IPv6 one (mapped, compatible, translated, 6to4, Teredo, NAT64, ISATAP)
counts as itself.

Law: `allow` wins over `deny`, the configured lists win over the built-in one, and what none of them names may pass
(private ranges are where internal registries live). Sources: RFC 6890 and the IANA special-purpose registries; RFC 4291
2.5.5, 3056, 4380, 5214, 6052, 8215; the cloud providers' pages on their metadata services.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class InvalidNetwork(ValueError):
    """The text is neither an address nor a network in CIDR notation."""


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


_LOOPBACK = _networks("127.0.0.0/8", "::1/128")

_DENIED: tuple[tuple[str, tuple[Network, ...]], ...] = (
    (
        "metadata service",
        _networks(
            "169.254.169.254/32",  # AWS, GCP, Azure, OpenStack, DigitalOcean, Hetzner, …
            "169.254.170.0/24",  # AWS: ECS task and EKS pod identity credentials
            "168.63.129.16/32",  # Azure: WireServer, a public address
            "100.100.100.200/32",  # Alibaba, inside the carrier-grade NAT range
            "192.0.0.192/32",  # Oracle Cloud, classic
            "fd00:ec2::/32",  # AWS: metadata ::254, pod identity ::23, resolver ::253
            "fd20:ce::254/128",  # GCP
            "fd00:42::42/128",  # Scaleway
            "fe80::a9fe:a9fe/128",  # OpenStack
        ),
    ),
    ("link-local", _networks("169.254.0.0/16", "fe80::/10")),
    ("unspecified", _networks("0.0.0.0/8", "::/128")),  # connecting to 0.0.0.0 or :: reaches loopback on Linux
    ("multicast", _networks("224.0.0.0/4", "ff00::/8")),
    ("broadcast", _networks("255.255.255.255/32")),
)

_LOW_32_BITS = _networks(
    "::/96",  # IPv4-compatible
    "::ffff:0:0/96",  # IPv4-mapped
    "::ffff:0:0:0/96",  # IPv4-translated (SIIT)
    "64:ff9b::/96",  # NAT64
)
_LOCAL_NAT64 = _networks("64:ff9b:1::/48")  # the operator's own: RFC 6052 fits a /48 and a /96 into it
_PLAIN = (IPv6Address("::"), IPv6Address("::1"))
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
_MASK = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRules:
    """Which addresses are refused. `loopback`: whether this process may talk to its own machine."""

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()
    loopback: bool = False

    @classmethod
    def parse(cls, *, allow: Iterable[str] = (), deny: Iterable[str] = (), loopback: bool = False) -> Self:
        """Read both lists; raise `InvalidNetwork` for what is no address or network."""
        return cls(
            allow=tuple(parse_network(text) for text in allow),
            deny=tuple(parse_network(text) for text in deny),
            loopback=loopback,
        )

    def refusal(self, address: Address) -> str | None:
        """Return why `address` is refused in a word or two, or None if it may be connected to."""
        if _within(address, self.allow):
            return None
        return next((reason for each in reached(address) if (reason := self._reason(each))), None)

    def _reason(self, address: Address) -> str | None:
        if _within(address, self.allow):
            return None
        if _within(address, self.deny):
            return "denied by configuration"
        if _within(address, _LOOPBACK):
            return None if self.loopback else "loopback"
        return next((reason for reason, networks in _DENIED if _within(address, networks)), None)


def parse_network(text: str) -> Network:
    """Read an address or a network in CIDR notation; raise `InvalidNetwork`."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise InvalidNetwork(
            f"{text!r} is not an address or network; write it like '10.0.0.0/8' or 'fd00::/8'"
        ) from error


def reached(address: Address) -> Iterator[Address]:
    """Yield `address` and every IPv4 address that a packet to it may be delivered to."""
    yield address
    if isinstance(address, IPv4Address):
        return
    bits = int(address)
    if address not in _PLAIN and (_within(address, _LOW_32_BITS) or (bits >> 32) & _MASK in _ISATAP):
        yield IPv4Address(bits & _MASK)
    if _within(address, _LOCAL_NAT64):
        yield from (IPv4Address(each) for each in (bits & _MASK, _under_48(bits)) if each)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


def parse_address(text: str) -> Address | None:
    """Read what a resolver returned, scope id and all, or None if it is no address."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _under_48(bits: int) -> int:
    """Take the IPv4 address after a /48 prefix: two bytes, a zero byte, two bytes (RFC 6052, 2.2)."""
    return (bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF
