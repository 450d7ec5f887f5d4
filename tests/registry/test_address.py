from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.address import AddressRules, InvalidNetwork, parse_address, reached

DEFAULT = AddressRules()
ON_THE_COMMAND_LINE = AddressRules(loopback=True)

REFUSED = {
    # loopback, plainly and inside other addresses
    "127.0.0.1": "loopback",
    "127.0.0.53": "loopback",
    "127.255.255.255": "loopback",
    "::1": "loopback",
    "0:0:0:0:0:0:0:1": "loopback",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:7f00:1": "loopback",
    "::127.0.0.1": "loopback",
    "::7f00:1": "loopback",
    "::ffff:0:127.0.0.1": "loopback",
    "64:ff9b::127.0.0.1": "loopback",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b:1::127.0.0.1": "loopback",
    "64:ff9b:1:7f00:0:100::": "loopback",
    "2002:7f00:1::": "loopback",
    "2002:7f00:1::1": "loopback",
    "2001:0:7f00:1:0:0:0:1": "loopback",  # Teredo server
    "2001:0:0808:0808:0:0:80ff:fffe": "loopback",  # Teredo client, its bits inverted
    "2001:db8::5efe:7f00:1": "loopback",  # ISATAP
    "2001:db8::200:5efe:127.0.0.1": "loopback",
    # link-local
    "169.254.0.1": "link-local",
    "169.254.1.1": "link-local",
    "169.254.20.10": "link-local",
    "169.254.255.255": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "febf:ffff::1": "link-local",
    "::ffff:169.254.1.1": "link-local",
    "64:ff9b::a9fe:101": "link-local",
    "2002:a9fe:101::": "link-local",
    "::a9fe:101": "link-local",
    # metadata services
    "169.254.169.254": "metadata service",
    "169.254.170.2": "metadata service",
    "169.254.170.23": "metadata service",
    "168.63.129.16": "metadata service",
    "100.100.100.200": "metadata service",
    "192.0.0.192": "metadata service",
    "fd00:ec2::254": "metadata service",
    "fd00:ec2::23": "metadata service",
    "fd00:ec2:0:0:0:0:0:254": "metadata service",
    "fd20:ce::254": "metadata service",
    "fd00:42::42": "metadata service",
    "fe80::a9fe:a9fe": "metadata service",
    "::ffff:169.254.169.254": "metadata service",
    "::ffff:a9fe:a9fe": "metadata service",
    "::169.254.169.254": "metadata service",
    "64:ff9b::169.254.169.254": "metadata service",
    "64:ff9b:1::a9fe:a9fe": "metadata service",
    "64:ff9b:1:a9fe:a9:fe00::": "metadata service",
    "2002:a9fe:a9fe::": "metadata service",
    "2002:a83f:8110::": "metadata service",
    "2001:db8::5efe:a9fe:a9fe": "metadata service",
    "::ffff:168.63.129.16": "metadata service",
    "64:ff9b::6464:64c8": "metadata service",
    # unspecified, multicast, broadcast
    "0.0.0.0": "unspecified",  # noqa: S104
    "0.0.0.1": "unspecified",
    "0.255.255.255": "unspecified",
    "::": "unspecified",
    "::ffff:0.0.0.0": "unspecified",
    "2002::": "unspecified",
    "64:ff9b::": "unspecified",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "::ffff:224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "ff0e::1": "multicast",
    "255.255.255.255": "broadcast",
    "::ffff:255.255.255.255": "broadcast",
    "2002:ffff:ffff::": "broadcast",
}

ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "10.0.0.1",
    "10.96.0.10",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.201",
    "168.63.129.17",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "169.255.0.0",
    "223.255.255.255",
    "240.0.0.1",
    "2606:4700::1111",
    "2001:4860:4860::8888",
    "fd12:3456:789a::1",
    "fc00::1",
    "fec0::1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "64:ff9b:1::808:808",
    "64:ff9b:1:808:8:800::",
    "2002:808:808::1",
    "2001:db8::5efe:808:808",
]


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=REFUSED)
def test_refused(text, reason) -> None:
    assert DEFAULT.refusal(ip_address(text)) == reason


@pytest.mark.parametrize("text", ALLOWED)
def test_allowed(text) -> None:
    assert DEFAULT.refusal(ip_address(text)) is None


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=REFUSED)
def test_loopback_and_nothing_else_is_allowed_on_the_command_line(text, reason) -> None:
    assert ON_THE_COMMAND_LINE.refusal(ip_address(text)) == (None if reason == "loopback" else reason)


def test_allow_wins_over_everything() -> None:
    rules = AddressRules.parse(allow=["169.254.20.10", "10.1.0.0/16"], deny=["10.0.0.0/8"])
    assert rules.refusal(ip_address("169.254.20.10")) is None
    assert rules.refusal(ip_address("::ffff:169.254.20.10")) is None
    assert rules.refusal(ip_address("169.254.20.11")) == "link-local"
    assert rules.refusal(ip_address("10.1.2.3")) is None
    assert rules.refusal(ip_address("10.2.2.3")) == "denied by configuration"
    assert rules.refusal(ip_address("::ffff:10.2.2.3")) == "denied by configuration"
    assert rules.refusal(ip_address("2002:a02:203::")) == "denied by configuration"


def test_deny_wins_over_the_loopback_option() -> None:
    assert AddressRules.parse(deny=["127.0.0.2"], loopback=True).refusal(ip_address("127.0.0.2"))


def test_allowing_what_is_outside_does_not_allow_what_is_inside() -> None:
    rules = AddressRules.parse(allow=["127.0.0.0/8"])
    assert rules.refusal(ip_address("64:ff9b::a9fe:a9fe")) == "metadata service"


@pytest.mark.parametrize("text", ["10.0.0.1/8", " 10.0.0.0/8 ", "fd00::/8", "::1", "0.0.0.0/0"])
def test_networks_are_read_with_host_bits_and_blanks(text) -> None:
    AddressRules.parse(allow=[text])


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "localhost", "10.0.0", "0x7f.1", "10.0.0.0-10.0.0.9", "::/129"])
def test_what_is_no_network_is_named(text) -> None:
    with pytest.raises(InvalidNetwork, match="is not an address or network"):
        AddressRules.parse(deny=[text])


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_wherever_it_travels(inner) -> None:
    bits = int(inner)
    outers = [
        ip_address(0xFFFF << 32 | bits),
        ip_address(0x64FF9B << 96 | bits),
        ip_address(0x2002 << 112 | bits << 80 | 1),
        ip_address(0x20010DB8 << 96 | 0x5EFE << 32 | bits),
    ]
    for outer in outers:
        assert inner in reached(outer)
        assert DEFAULT.refusal(outer) == DEFAULT.refusal(inner)


@given(st.ip_addresses())
def test_judging_is_total(address) -> None:
    DEFAULT.refusal(address)
    assert next(reached(address)) == address


@given(st.text(max_size=40))
def test_reading_is_total(text) -> None:
    parse_address(text)
