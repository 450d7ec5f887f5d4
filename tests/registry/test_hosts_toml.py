"""hosts.toml, as containerd reads it (its own documentation and tests are the source of most cases)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.endpoint import ALL, Capability, Endpoint, Trust
from webhook.registry.hosts_toml import MalformedHosts, directories, endpoints, parse


def _read(text: str, registry: str = "reg.example") -> tuple[Endpoint, ...]:
    return endpoints(parse(text, directory="/certs.d/reg.example"), registry)


def _written(text: str, registry: str = "reg.example") -> list[str]:
    return [f"{each.base}{each.path}" for each in _read(text, registry)]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ["https://reg.example/v2"]),
        ('server = "https://up.example"', ["https://up.example/v2"]),
        ('server = "up.example"', ["https://up.example/v2"]),
        ('server = "https://up.example/v2"', ["https://up.example/v2"]),
        ('server = "https://up.example/"', ["https://up.example/v2"]),
        ('server = "https://up.example/x"', ["https://up.example/x/v2"]),
        ('server = "https://up.example/x/"\noverride_path = true', ["https://up.example/x"]),
        ('server = "http://up.example"', ["http://up.example/v2"]),
        ('Server = "http://up.example"', ["http://up.example/v2"]),
        (
            '[host."https://z.example"]\n[host."https://a.example"]\n[host."https://a.example".header]\nx = "1"',
            ["https://z.example/v2", "https://a.example/v2", "https://reg.example/v2"],
        ),
        (
            'server = "https://up.example"\n[host."m.example:5000/p/v2"]\n[host."http://n.example"]',
            ["https://m.example:5000/p/v2", "http://n.example/v2", "https://up.example/v2"],
        ),
        (
            '[host."http://n.example:5000"]\nskip_verify = false',
            ["https://n.example:5000/v2", "https://reg.example/v2"],
        ),
        ('unknown = 5\n[host."https://a.example"]\nother = [1]', ["https://a.example/v2", "https://reg.example/v2"]),
    ],
)
def test_hosts_in_order(text: str, written: list[str]) -> None:
    assert _written(text) == written


def test_docker_hub_without_a_server() -> None:
    assert _written('[host."https://m.example"]', "docker.io") == [
        "https://m.example/v2",
        "https://registry-1.docker.io/v2",
    ]


def test_loopback_without_a_server() -> None:
    (endpoint,) = _read("", "localhost:5000")
    assert (endpoint.scheme, endpoint.fall_back, endpoint.trust.skip_verify) == ("https", True, True)


@pytest.mark.parametrize(
    ("listed", "capabilities"),
    [
        ("", ALL),
        ("capabilities = []", ALL),
        ('capabilities = ["pull"]', Capability.PULL),
        ('capabilities = ["PULL", "resolve", "push", "referrers"]', ALL),
        ('capabilities = ["push"]', Capability(0)),
    ],
)
def test_capabilities(listed: str, capabilities: Capability) -> None:
    first, own = _read(f'[host."https://m.example"]\n{listed}')
    assert first.capabilities == capabilities
    assert own.capabilities == ALL


@pytest.mark.parametrize(
    ("text", "trust"),
    [
        ('ca = "ca.crt"', Trust(ca_files=("/certs.d/reg.example/ca.crt",))),
        ('ca = ["/a.crt", "../b.crt"]', Trust(ca_files=("/a.crt", "/certs.d/b.crt"))),
        ('client = "/c.pem"', Trust(clients=(("/c.pem", ""),))),
        ('client = ["/a.pem", "/b.pem"]', Trust(clients=(("/a.pem", ""), ("/b.pem", "")))),
        ('client = [["/a.cert", "a.key"]]', Trust(clients=(("/a.cert", "/certs.d/reg.example/a.key"),))),
        ("skip_verify = true", Trust(skip_verify=True)),
        ("skip_verify = false", Trust(skip_verify=False)),
    ],
)
def test_trust(text: str, trust: Trust) -> None:
    (endpoint,) = _read(text)
    assert endpoint.trust == trust


def test_headers() -> None:
    first, _ = _read('[host."https://m.example".header]\nX-One = "1"\nx-two = ["2", "3"]')
    assert first.headers == (("x-one", "1"), ("x-two", "2"), ("x-two", "3"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5.0), ("1m30s", 90.0), ("200ms", 0.2), ("1.5h", 5400.0), ("+2s", 2.0), ("0", 0.0)]
)
def test_dial_timeout(text: str, seconds: float) -> None:
    (endpoint,) = _read(f'dial_timeout = "{text}"')
    assert endpoint.connect_timeout == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "not TOML"),
        ("a." * 100_000 + "b = 1", "no setting"),
        ("#" * 300_000, "longer than"),
        ("a = " + "[" * 200_000, "not TOML"),
        ('server = "https://a b"', "unable to parse server"),
        ('server = "https://u:p@a.example"', "unable to parse server"),
        ("server = 5", "not a string"),
        ("host = 5", "not a table"),
        ('[host]\n"https://a.example" = 5', "not a table"),
        ('capabilities = ["fetch"]', "unknown capability"),
        ('capabilities = "pull"', "not an array"),
        ("ca = 5", "not an array"),
        ("ca = [5]", "no string"),
        ("client = [[1, 2]]", "invalid pair"),
        ('client = [["a"]]', "invalid pair"),
        ('skip_verify = "yes"', "not a boolean"),
        ('dial_timeout = "5"', "invalid duration"),
        ('dial_timeout = "-5s"', "invalid duration"),
        ("[header]\nx = 5", "not an array"),
    ],
)
def test_what_containerd_does_not_read(text: str, words: str) -> None:
    with pytest.raises(MalformedHosts, match=words):
        parse(text, directory="/certs.d/x")


@pytest.mark.parametrize(
    ("registry", "names"),
    [
        ("reg.example", ("reg.example", "_default")),
        ("reg.example:5000", ("reg.example_5000_", "reg.example:5000", "_default")),
        ("[::1]:5000", ("[::1]_5000_", "[::1]:5000", "_default")),
    ],
)
def test_directories(registry: str, names: tuple[str, ...]) -> None:
    assert directories(registry) == names


_SETTINGS = st.sampled_from(
    ["server", "capabilities", "ca", "client", "skip_verify", "header", "override_path", "dial_timeout", "host.a"]
)
_VALUES = st.sampled_from(
    ['"pull"', "true", "5", '["pull"]', "[[1]]", '{a = "b"}', '"5s"', '"https://x.example"', "[]"]
)


@given(st.text() | st.lists(st.tuples(_SETTINGS, _VALUES)).map(lambda pairs: "\n".join(f"{k} = {v}" for k, v in pairs)))
def test_raises_only_its_own(text: str) -> None:
    try:
        hosts = parse(text, directory="/certs.d/x")
    except MalformedHosts:
        return
    assert endpoints(hosts, "reg.example")
