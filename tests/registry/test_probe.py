"""The way to a server, tried on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from webhook.demo.server import serving
from webhook.demo.site import Certificate, Site
from webhook.demo.world import Listener, Transport, World
from webhook.registry.address import AddressRules
from webhook.registry.door import Door
from webhook.registry.names import Names
from webhook.registry.probe import Probe
from webhook.registry.proxy import Proxies
from webhook.registry.reach import Reach

NAMES = {"reg.test": ("127.0.0.1",), "renamed.test": ("127.0.0.1",), "far.test": ("169.254.169.254",)}


def lookup(host: str) -> tuple[str, ...]:
    if host not in NAMES:
        raise OSError("no such host")
    return NAMES[host]


@asynccontextmanager
async def server(transport: Transport = Transport.TLS) -> AsyncIterator[int]:
    sites = [Site(hosts=("reg.test",)), Site(hosts=("renamed.test",), certificate=Certificate.OTHER_NAME)]
    async with serving(World(sites), [Listener(transport=transport)]) as served:
        yield served.ports[0]


async def probe(origin: str, seconds: float = 5, proxies: Proxies | None = None) -> Reach | None:
    rules = AddressRules.parse(loopback=True)
    tried = Probe(Door(rules, Names(lookup), lambda *_: None), proxies or Proxies())
    return await tried(origin, asyncio.get_running_loop().time() + seconds)


async def test_a_way_that_leads_there() -> None:
    async with server() as port:
        reach = await probe(f"https://reg.test:{port}")
    assert reach is not None
    assert (reach.addresses, reach.address, reach.trouble) == (("127.0.0.1",), "127.0.0.1", "")
    assert reach.shown is not None
    assert (reach.shown.names, reach.shown.issuer) == (("reg.test",), "pullproof demo authority")
    assert reach.shown.begins < reach.shown.ends


async def test_a_certificate_for_another_name_is_told_all_the_same() -> None:
    async with server() as port:
        reach = await probe(f"https://renamed.test:{port}")
    assert reach is not None
    assert reach.shown is not None
    assert reach.shown.names == ("not-renamed.test",)


async def test_plain_http_has_no_certificate() -> None:
    async with server(Transport.PLAIN) as port:
        plain, secure = await probe(f"http://127.0.0.1:{port}"), await probe(f"https://127.0.0.1:{port}")
    assert plain is not None
    assert (plain.secure, plain.addresses, plain.address, plain.trouble) == (False, (), "127.0.0.1", "")
    assert secure is not None
    assert secure.trouble.startswith("no TLS: ")


async def test_a_server_that_never_speaks_costs_no_more_than_there_is() -> None:
    async with server(Transport.SILENT) as port:
        reach = await probe(f"https://127.0.0.1:{port}", 0.2)
    assert reach is not None
    assert (reach.address, reach.trouble) == ("127.0.0.1", "net/http: TLS handshake timeout")


@pytest.mark.parametrize(
    ("origin", "trouble"),
    [
        ("https://nowhere.test", "no such host"),
        ("https://far.test", "address rules refuse 'far.test'"),
        ("https://127.0.0.1:1", "dial tcp 127.0.0.1:1: connect: connection refused"),
    ],
)
async def test_the_first_step_that_fails_is_told(origin: str, trouble: str) -> None:
    reach = await probe(origin)
    assert reach is not None
    assert reach.trouble.startswith(trouble)
    assert reach.shown is None


async def test_a_proxy_goes_there_for_us() -> None:
    proxies = Proxies.from_environment({"HTTPS_PROXY": "http://user:secret@proxy.test:3128"})
    reach = await probe("https://reg.test", proxies=proxies)
    assert reach is not None
    assert (reach.proxy, reach.addresses) == ("http://proxy.test:3128", ())


async def test_what_is_no_server() -> None:
    assert await probe("no url") is None
