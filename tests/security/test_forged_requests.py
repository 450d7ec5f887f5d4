"""Server-side request forgery: every way in which a stranger names an address, counted at connect().

Each table is one way in; `test_the_table_is_large_enough` counts them all, and
`test_the_same_routes_lead_there_once_they_are_allowed` takes the control away and sees the same attempts connect.
"""

import re
from itertools import cycle

import pytest

METADATA = "169.254.169.254"

ADDRESSES = (
    METADATA,  # AWS, GCP, Azure, OpenStack
    "169.254.170.2",  # ECS task credentials
    "169.254.170.23",  # EKS pod identity
    "168.63.129.16",  # Azure WireServer
    "100.100.100.200",  # Alibaba
    "192.0.0.192",  # Oracle
    "169.254.0.1",
    "169.254.25.10",  # nodelocaldns
    "169.254.20.10",
    "127.0.0.1",
    "127.0.0.53",
    "127.1.2.3",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - reaches loopback
    "0.0.0.1",
    "224.0.0.251",
    "239.255.255.250",
    "255.255.255.255",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::ffff:0:169.254.169.254",  # SIIT
    "::127.0.0.1",  # IPv4-compatible
    "::169.254.169.254",
    "64:ff9b::169.254.169.254",  # NAT64
    "64:ff9b::7f00:1",
    "64:ff9b:1::a9fe:a9fe",
    "2002:7f00:1::",  # 6to4
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",  # Teredo, its server
    "2001:0:808:808:0:0:5601:5601",  # Teredo, its client: 169.254.169.254 turned over
    "fe80::1",
    "fe80::a9fe:a9fe",
    "fe80::5efe:7f00:1",  # ISATAP
    "fd00::5efe:169.254.169.254",
    "fd00:ec2::254",  # AWS
    "fd00:ec2::23",
    "fd20:ce::254",  # GCP
    "fd00:42::42",  # Scaleway
    "ff02::1",
    "ff05::2",
)

LITERALS = (
    *(address if ":" not in address else f"[{address}]" for address in ADDRESSES),
    "localhost:80",
    "LOCALHOST:5000",
    "localhost.",
    "127.1:80",
    "127.0.1:80",
    "0177.0.0.1:80",
    "0x7f.0.0.1:80",
    "0x7f.1:80",
    "0x7f000001:80",
    "2130706433:80",
    "017700000001:80",
    "2852039166:80",  # 169.254.169.254
    "0xa9fea9fe:80",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "169.254.43518:80",
    "169.16689662:80",
    "0:80",
    "0x0:80",
    "127.0.0.1:6443",
    "127.0.0.1:10250",
    "[::1]:10250",
    "[0:0:0:0:0:0:0:1]:443",
    "[0000:0000:0000:0000:0000:ffff:7f00:0001]:80",
    "[::FFFF:A9FE:A9FE]:80",
    "[fe80::1%25eth0]:80",
    "[fe80::1%eth0]:80",
    "127.0.0.1.:80",
    "169.254.169.254.",
    "127。0。0。1:80",
    "①②⑦.⓪.⓪.①:80",
    "user@127.0.0.1:80",
    "reg.test@127.0.0.1:80",
    "reg.test:443@127.0.0.1:80",
    "127.0.0.1:80#reg.test",
    "127.0.0.1:80?reg.test",
    "reg.test\\@127.0.0.1",
    "http://127.0.0.1",
    "https://169.254.169.254",
    "//127.0.0.1",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379",
    "127.0.0.1:80/%2e%2e",
    "127.0.0.1%2f:80",
    "127.0.0.1%00.reg.test",
    "127.0.0.1\r\nHost: reg.test",
    "127.0.0.1\tx",
    "127.0.0.1:99999",
    "127.0.0.1:0",
    "127.0.0.1:-1",
)

NAMES = tuple(f"evil{number}.rebind" for number in range(len(ADDRESSES)))

URLS = (
    *(f"https://{address if ':' not in address else f'[{address}]'}/x" for address in ADDRESSES),
    "http://127.0.0.1/",
    "http://127.0.0.1:6443/api",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://localhost/",
    "http://LocalHost:8080/metrics",
    "http://user@127.0.0.1/",
    "https://reg.test@127.0.0.1/",
    "https://reg.test:443@169.254.169.254/latest/",
    "https://127.0.0.1\\@reg.test/",
    "https://reg.test\\@127.0.0.1/",
    "https://reg.test#@127.0.0.1/",
    "https://127.0.0.1#@reg.test/",
    "https://127.0.0.1?@reg.test/",
    "https:127.0.0.1/",
    "https:///127.0.0.1/",
    "https:/127.0.0.1/",
    "//127.0.0.1/x",
    "//169.254.169.254/latest/meta-data/iam/",
    "///127.0.0.1/x",
    "\\\\127.0.0.1\\x",
    "/\\127.0.0.1/x",
    "http:\\\\127.0.0.1",
    " https://127.0.0.1/",
    "https://127.0.0.1 /",
    "https://127.0.0.1%2f@reg.test/",
    "https://127.0.0.1%00.reg.test/",
    "https://[::ffff:127.0.0.1%25lo]/",
    "https://[::1%lo]/",
    "https://127.0.0.1:443:443/",
    "HTTPS://127.0.0.1/",
    "file:///var/run/secrets/kubernetes.io/serviceaccount/token",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/",
    "ftp://127.0.0.1/",
    "unix:///run/containerd/containerd.sock",
    "http+unix://%2Frun%2Fdocker.sock/",
    "data:text/plain,x",
    "jar:http://127.0.0.1!/",
    "https://evil3.rebind/latest/",
    "https://EVIL0.REBIND/latest/",
    "https://evil0.rebind./latest/",
)

LINKS = (
    "<https://127.0.0.1/v2/x/tags/list?n=1>",
    "<http://169.254.169.254/latest/?n=1>",
    "<//127.0.0.1/?n=1>",
    "<https://[::1]/?n=1>",
    "<https://[::ffff:169.254.169.254]/?n=1>",
    "<https://2130706433/?n=1>",
    "<https://reg.test@127.0.0.1/?n=1>",
    "<https://evil0.rebind/?n=1>",
    "</\\127.0.0.1/?n=1>",
    "<\\\\127.0.0.1/?n=1>",
    "<https:127.0.0.1/?n=1>",
    "<file:///etc/passwd?n=1>",
)

MIRRORS = (METADATA, "127.0.0.1:80", "[::1]:5000", "[::ffff:127.0.0.1]:443", "evil0.rebind", "0x7f.1", "2130706433")


def _zone(here):
    for name, address in zip(NAMES, ADDRESSES, strict=True):
        here.zone.names[name] = lambda address=address: (address,)
        here.zone.names[f"{name}."] = here.zone.names[name]


async def _review(here, images):
    """Send each image in a pod of its own; none may be refused for what only our address rules say."""
    for image in images:
        answer = await here.apply(image, within="3s")
        assert answer.status == 200, image
        if not answer.allowed:
            assert "[invalid-reference]" in answer.message or "[image-not-found]" in answer.message, (image, answer)


def test_the_table_is_large_enough():
    routes = len(LITERALS) + len(NAMES) + 3 * len(URLS) + len(LINKS) + len(MIRRORS)
    assert routes >= 350, routes


async def test_image_names_that_are_addresses(scene, connects, astray):
    here = await scene()
    await _review(here, [f"{literal}/x/y:1" for literal in LITERALS])
    assert astray(connects) == []


async def test_image_names_that_lead_to_addresses(scene, connects, astray):
    here = await scene()
    _zone(here)
    await _review(here, [f"{name}/x/y:1" for name in NAMES])
    assert astray(connects) == []
    assert {name for name in here.zone.asked if name in NAMES} == set(NAMES)  # they were looked up, and then refused


def _numbered(table, make, absent):
    """Return a script: `evil7.test` answers with the table's seventh entry, where `make` puts it."""

    def script(seen):
        found = re.match(r"way(\d+)\.test", seen.host)
        return make(table[int(found[1])], seen) if found else absent

    return script


def _ways(here, table):
    return [f"way{number}.test:{here.port}/x/y:1" for number in range(len(table))]


async def test_redirects(scene, connects, astray, reply, absent):
    here = await scene()
    _zone(here)
    statuses = cycle((301, 302, 303, 307, 308))
    here.stranger.script = _numbered(
        URLS, lambda url, _: reply(status=next(statuses), headers=(("Location", url),)), absent
    )
    await _review(here, _ways(here, URLS))
    assert astray(connects) == []
    assert len(here.stranger.seen) >= len(URLS)


async def test_redirects_after_redirects(scene, connects, astray, reply, absent):
    """The second step is judged like the first."""
    here = await scene()
    _zone(here)

    def twice(url, seen):
        again = "again" in seen.target
        return reply(status=307, headers=(("Location", url if again else f"https://{seen.host}/again"),))

    here.stranger.script = _numbered(URLS[:20], twice, absent)
    await _review(here, _ways(here, URLS[:20]))
    assert astray(connects) == []
    assert sum(seen.target == "/again" for seen in here.stranger.seen) >= 20


@pytest.mark.parametrize("login", [False, True], ids=["anonymous", "with a login"])
async def test_realms(scene, connects, astray, reply, absent, login):
    here = await scene()
    _zone(here)
    here.stranger.script = _numbered(
        URLS, lambda url, _: reply(status=401, headers=(("WWW-Authenticate", f'Bearer realm="{url}"'),)), absent
    )
    secrets = ()
    if login:
        here.api.put_login("regcred", f"*.test:{here.port}", "bob", "hunter-2-hunter")
        secrets = ("regcred",)
    for image in _ways(here, URLS):
        answer = await here.apply(image, secrets=secrets, within="3s")
        assert answer.status == 200
    assert astray(connects) == []


async def test_redirects_of_the_token_service(scene, connects, astray, reply, absent):
    here = await scene()
    _zone(here)

    def answer(url, seen):
        if seen.path == "/token":
            return reply(status=302, headers=(("Location", url),))
        return reply(status=401, headers=(("WWW-Authenticate", f'Bearer realm="https://{seen.host}/token"'),))

    here.stranger.script = _numbered(URLS[:40], answer, absent)
    await _review(here, _ways(here, URLS[:40]))
    assert astray(connects) == []
    assert sum(seen.path == "/token" for seen in here.stranger.seen) >= 40


async def test_link_headers(scene, connects, astray, reply, absent):
    here = await scene()
    _zone(here)

    def answer(link, seen):
        if not seen.path.endswith("/tags/list"):
            return absent
        more = (("Link", f'{link}; rel="next"'), ("Content-Type", "application/json"))
        return reply(headers=more, body=b'{"tags":["9"]}')

    here.stranger.script = _numbered(LINKS, answer, absent)
    await _review(here, _ways(here, LINKS))
    assert astray(connects) == []
    assert sum(seen.path.endswith("/tags/list") for seen in here.stranger.seen) >= len(LINKS)


async def test_mirrors(scene, connects, astray):
    """What operators name is judged, too: a mirror's name may come to lead elsewhere."""
    registries = [
        {"match": f"m{number}.test", "mirrors": [f"http://{mirror}"]} for number, mirror in enumerate(MIRRORS)
    ]
    here = await scene(config={"registries": registries})
    _zone(here)
    for number in range(len(MIRRORS)):
        answer = await here.apply(f"m{number}.test/x/y:1", within="3s")
        assert answer.allowed
    reached = {host for host, _ in astray(connects)}
    assert reached == set()


async def test_names_that_change_between_look_and_connection(scene, connects, astray, reply):
    """A name server that says first what passes and then what does not."""
    here = await scene()
    turns = {}
    for number, address in enumerate(ADDRESSES):
        turns[number] = cycle((("127.66.0.1",), (address,)))
        here.zone.names[f"turn{number}.test"] = lambda number=number: next(turns[number])
    here.stranger.script = lambda seen: reply(status=500, headers=(("Connection", "close"),))
    for number in range(len(ADDRESSES)):
        for _ in range(3):
            answer = await here.apply(f"turn{number}.test:{here.port}/x/y:1", within="3s")
            assert answer.allowed
    assert astray(connects) == []


async def test_names_with_good_and_bad_addresses(scene, connects, astray, absent):
    """The bad ones are left out, the good one is used: nobody is refused for a bad neighbour."""
    here = await scene()
    for number, address in enumerate(ADDRESSES):
        here.zone.names[f"both{number}.test"] = lambda address=address: (address, "127.66.0.1", address)
    for number in range(len(ADDRESSES)):
        await here.apply(f"both{number}.test:{here.port}/x/y:1", within="3s")
    assert astray(connects) == []
    assert {seen.host for seen in here.stranger.seen} == {f"both{n}.test:{here.port}" for n in range(len(ADDRESSES))}


async def test_through_a_proxy(scene, connects, astray, reply):
    """A proxy resolves for itself; addresses in themselves never get as far as the proxy."""
    proxy = "http://proxy.test:PLAIN"
    here = await scene(environment={"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy})
    here.stranger.script = lambda seen: reply(status=502)
    await _review(here, [f"{literal}/x/y:1" for literal in LITERALS[: len(ADDRESSES) + 18]])
    assert astray(connects) == []
    named = {seen.target.rpartition(":")[0] for seen in here.stranger.seen if seen.method == "CONNECT"}
    assert named == set()


async def test_the_same_routes_lead_there_once_they_are_allowed(scene, connects, astray, reply, absent):
    """Without the control every route connects: what the tests above count is not nothing."""
    target = "127.77.0.9"
    here = await scene(
        config={
            "network": {"allow": ["127.66.0.1", "127.77.0.0/16"]},
            "registries": [{"match": "m.test", "mirrors": [f"http://{target}:9"]}],
        }
    )
    here.zone.names["name.rebind"] = lambda: (target,)
    here.stranger.script = _numbered(
        (f"https://{target}/", f"https://{target}/", '<https://x.test/?n=1>; rel="next"'),
        lambda url, seen: (
            reply(status=307, headers=(("Location", url),))
            if seen.host.startswith("way0")
            else reply(status=401, headers=(("WWW-Authenticate", f'Bearer realm="{url}"'),))
        ),
        absent,
    )
    routes = (
        "0x7f.77.9:443/x/y:1",
        "name.rebind/x/y:1",
        "m.test/x/y:1",
        f"way0.test:{here.port}/x/y:1",
        f"way1.test:{here.port}/x/y:1",
    )
    for route in routes:
        connects.clear()
        await here.apply(route, within="3s")
        assert {host for host, _ in astray(connects)} == {target}, route
