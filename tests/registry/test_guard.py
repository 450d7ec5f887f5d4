"""Real sockets on 127.0.0.1 and ::1; names come from a table; every connect() of the process is counted."""

import asyncio
import socket
import sys
from contextlib import asynccontextmanager

import httpx
import pytest

from webhook.registry.address import AddressRules
from webhook.registry.door import Door
from webhook.registry.guard import AddressRefused, GuardedBackend, NameNotResolved, guarded_transport
from webhook.registry.names import Names, system_lookup
from webhook.registry.proxy import Proxies
from webhook.registry.tls import TlsContexts

_connects: list[tuple[str, int]] | None = None


def _audit(event: str, arguments: tuple) -> None:
    if event == "socket.connect" and _connects is not None and isinstance(arguments[1], tuple):
        _connects.append(arguments[1][:2])


sys.addaudithook(_audit)  # there is no way back, so it is asleep unless a test wakes it


@pytest.fixture
def connects():
    """Every address that this process connects to while the test runs."""
    global _connects
    _connects = []
    yield _connects
    _connects = None


class Site:
    """A web server on one address that answers all requests alike, and notes them."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") -> None:
        self.answer = answer
        self.requests: list[list[str]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head.decode().split("\r\n"))
                writer.write(self.answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    @property
    def hosts(self) -> list[str]:
        return [line[6:] for request in self.requests for line in request if line.lower().startswith("host: ")]


@asynccontextmanager
async def serving(site: Site, address: str = "127.0.0.1", port: int = 0, **options):
    server = await asyncio.start_server(site.serve, address, port, **options)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()


def names(table: dict[str, list[str]]) -> Names:
    def lookup(host: str) -> list[str]:
        if host not in table:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return table[host]

    return Names(lookup)


def client(rules: AddressRules | None = None, table=None, follow=False, timeout=5.0, **options) -> httpx.AsyncClient:
    found = Names(system_lookup) if table is None else names(table)
    transport = guarded_transport(rules or AddressRules(), TlsContexts(), names=found, **options)
    return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=follow, timeout=timeout)


LOOPBACK = AddressRules(loopback=True)

SPELLINGS = [
    # 127.0.0.1 and ::1, as inet_aton and inet_pton read them
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "127.0.0.01",
    "0177.0.0.1",
    "0177.0.0.01",
    "0177.1",
    "00000177.0.0.1",
    "017700000001",
    "0x7f.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "0X7F.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "0x7F000001",
    "0x0000007f000001",
    "127.0x1",
    "127.0.0x1",
    "2130706433",
    "127.000.000.001",
    "localhost",
    "LOCALHOST",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:7f00:0001::1]",
    "[2001:0:7f00:1::]",
    # unspecified: Linux connects to loopback
    "0.0.0.0",  # noqa: S104
    "0",
    "0x0",
    "00",
    "0.0",
    "[::]",
    "[::ffff:0.0.0.0]",
    # metadata services
    "169.254.169.254",
    "169.254.43518",
    "169.16689662",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "025177524776",
    "0251.254.169.254",
    "169.254.169.0376",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[::a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fe80::a9fe:a9fe]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "100.100.100.200",
    "0x646464c8",
    "1684301000",
    "168.63.129.16",
    "2822734096",
    "192.0.0.192",
    "169.254.170.2",
    # link-local, multicast, broadcast
    "169.254.1.1",
    "[fe80::1]",
    "[febf::1]",
    "224.0.0.1",
    "[ff02::1]",
    "255.255.255.255",
    "0xffffffff",
    "4294967295",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_of_a_bad_address_is_connected_to(connects, spelling) -> None:
    refused = []
    async with serving(Site()) as v4, serving(Site(), "::1", v4.port) as v6:
        async with client(on_refused=lambda *told: refused.append(told)) as http:
            with pytest.raises((AddressRefused, httpx.InvalidURL)) as caught:
                await http.get(f"http://{spelling}:{v4.port}/v2/")
        assert bool(refused) is isinstance(caught.value, AddressRefused)  # httpx itself takes no zeros in front
        assert (connects, v4.requests, v6.requests) == ([], [], [])


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "0.0.0.0", "fe80::1"])  # noqa: S104
async def test_no_name_of_a_bad_address_is_connected_to(connects, address) -> None:
    async with client(table={"evil.test": [address]}) as http:
        for scheme in ("http", "https"):
            with pytest.raises(AddressRefused, match=r"refuse 'evil\.test'"):
                await http.get(f"{scheme}://evil.test/")
    assert connects == []


async def test_a_refusal_names_no_address_of_a_name(connects) -> None:
    async with client(table={"evil.test": ["127.0.0.77"]}) as http:
        with pytest.raises(AddressRefused) as caught:
            await http.get("http://evil.test/")
    assert "127.0.0.77" not in str(caught.value)
    assert "loopback" in str(caught.value)


async def test_of_several_addresses_the_bad_are_left_out(connects) -> None:
    refused = []
    rules = AddressRules.parse(allow=["127.0.0.1"])
    table = {"mixed.test": ["169.254.169.254", "127.0.0.2", "127.0.0.1"]}
    async with (
        serving(Site()) as site,
        client(rules, table, on_refused=lambda host, address, why: refused.append((host, str(address), why))) as http,
    ):
        assert (await http.get(f"http://mixed.test:{site.port}/")).text == "ok"
        assert connects == [("127.0.0.1", site.port)]
    assert refused == [
        ("mixed.test", "169.254.169.254", "metadata service"),
        ("mixed.test", "127.0.0.2", "loopback"),
    ]


async def test_the_host_header_keeps_the_name() -> None:
    async with serving(Site()) as site, client(LOOPBACK, {"reg.test": ["127.0.0.1"]}) as http:
        await http.get(f"http://reg.test:{site.port}/")
        assert site.hosts == [f"reg.test:{site.port}"]


async def test_a_name_that_is_no_punycode_is_looked_up_as_it_is() -> None:
    transport = guarded_transport(LOOPBACK, TlsContexts(), names=names({"xn--7o8h.com": ["127.0.0.1"]}))
    async with serving(Site()) as site, transport:
        name = f"xn--7o8h.com:{site.port}"
        response = await transport.handle_async_request(httpx.Request("GET", f"http://{name}/", headers={"Host": name}))
        assert await response.aread() == b"ok"
        assert site.hosts == [name]


async def test_what_was_judged_is_what_is_connected_to(connects) -> None:
    """DNS rebinding: the second answer of the name server is a bad one, and nobody asks for it."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]])
    rules = AddressRules.parse(allow=["127.0.0.1"])
    transport = guarded_transport(rules, TlsContexts(), names=Names(lambda host: next(answers)))
    closing = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
    async with (
        serving(Site(closing)) as good,
        serving(Site(), "127.0.0.2", good.port) as bad,
        httpx.AsyncClient(transport=transport, trust_env=False) as http,
    ):
        await http.get(f"http://rebind.test:{good.port}/")
        with pytest.raises(AddressRefused):
            await http.get(f"http://rebind.test:{good.port}/")
        assert connects == [("127.0.0.1", good.port)]
        assert bad.requests == []


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data/", "http://evil.test/", "http://[::ffff:a9fe:a9fe]/"]
)
async def test_a_redirect_to_a_bad_address_is_refused(connects, target) -> None:
    redirect = f"HTTP/1.1 307 Moved\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode()
    rules = AddressRules.parse(allow=["127.0.0.1"])
    table = {"reg.test": ["127.0.0.1"], "evil.test": ["127.0.0.2"], "169.254.169.254": ["169.254.169.254"]}
    async with serving(Site(redirect)) as site, client(rules, table, follow=True) as http:
        with pytest.raises(AddressRefused):
            await http.get(f"http://reg.test:{site.port}/")
        assert connects == [("127.0.0.1", site.port)]


async def test_a_connection_is_used_again() -> None:
    looked_up = []
    found = Names(lambda host: looked_up.append(host) or ["127.0.0.1"])
    transport = guarded_transport(LOOPBACK, TlsContexts(), names=found)
    async with serving(Site()) as site, httpx.AsyncClient(transport=transport, trust_env=False) as http:
        for _ in range(3):
            await http.get(f"http://reg.test:{site.port}/")
        assert looked_up == ["reg.test"]


async def test_the_next_address_is_tried_when_one_refuses(connects) -> None:
    async with serving(Site()) as site, client(LOOPBACK, {"reg.test": ["::1", "127.0.0.1"]}) as http:
        assert (await http.get(f"http://reg.test:{site.port}/")).text == "ok"
        assert connects == [("::1", site.port), ("127.0.0.1", site.port)]


async def test_both_families_serve() -> None:
    async with serving(Site(), "::1") as site, client(LOOPBACK, {"reg.test": ["::1"]}) as http:
        assert (await http.get(f"http://reg.test:{site.port}/")).text == "ok"
        assert (await http.get(f"http://[::1]:{site.port}/")).text == "ok"


# --- failures in the words of Go


async def test_nobody_listens() -> None:
    async with client(LOOPBACK, {"reg.test": ["127.0.0.1"]}) as http:
        with pytest.raises(httpx.ConnectError, match=r"^dial tcp 127\.0\.0\.1:1: connect: connection refused$") as told:
            await http.get("http://reg.test:1/")
    assert isinstance(told.value.__cause__, ConnectionRefusedError)


async def test_an_unknown_name() -> None:
    async with client(table={}) as http:
        with pytest.raises(NameNotResolved, match=r"^dial tcp: lookup reg\.test: no such host$"):
            await http.get("http://reg.test/")


async def test_a_silent_name_server_costs_the_connect_timeout() -> None:
    hang = asyncio.Event()
    loop = asyncio.get_running_loop()

    def lookup(host: str) -> list[str]:
        asyncio.run_coroutine_threadsafe(hang.wait(), loop).result(5)
        return ["127.0.0.1"]

    transport = guarded_transport(LOOPBACK, TlsContexts(), names=Names(lookup))
    timeout = httpx.Timeout(5, connect=0.1)
    async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=timeout) as http:
        with pytest.raises(NameNotResolved, match=r"lookup reg\.test: i/o timeout"):
            await http.get("http://reg.test/")
    hang.set()


async def test_a_silent_address_costs_the_connect_timeout() -> None:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(0)
    port = listening.getsockname()[1]
    crowd = [socket.socket() for _ in range(4)]  # the backlog is full, further handshakes are dropped
    for each in crowd:
        each.setblocking(False)
        each.connect_ex(("127.0.0.1", port))
    timeout = httpx.Timeout(5, connect=0.2)
    async with client(LOOPBACK, {"reg.test": ["127.0.0.1"]}, timeout=timeout) as http:
        with pytest.raises(httpx.ConnectTimeout, match=rf"^dial tcp 127\.0\.0\.1:{port}: i/o timeout$"):
            await http.get(f"http://reg.test:{port}/")
    for each in (*crowd, listening):
        each.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", httpx.RemoteProtocolError),
    ],
    ids=["nothing", "no http", "cut short"],
)
async def test_broken_answers_are_httpx_s_errors(answer, error) -> None:
    class Broken(Site):
        async def serve(self, reader, writer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            writer.close()

    async with serving(Broken(answer)) as site, client(LOOPBACK) as http:
        with pytest.raises(error):
            await http.get(f"http://127.0.0.1:{site.port}/")


async def test_a_slow_body_is_a_read_timeout() -> None:
    half = Site(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")
    async with serving(half) as site, client(LOOPBACK, timeout=0.1) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.get(f"http://127.0.0.1:{site.port}/")


async def test_unix_sockets_are_refused() -> None:
    backend = GuardedBackend(Door(LOOPBACK, Names(), lambda *told: None))
    with pytest.raises(AddressRefused, match="unix sockets are refused"):
        await backend.connect_unix_socket("/run/docker.sock")


# --- proxies


class ForwardProxy(Site):
    """Answers requests itself, and opens tunnels to one address whatever is asked for."""

    def __init__(self, tunnel_to: Site | None = None) -> None:
        super().__init__()
        self.tunnel_to = tunnel_to
        self.tasks: set[asyncio.Task] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head.decode().split("\r\n"))
        if not head.startswith(b"CONNECT") or self.tunnel_to is None:
            writer.write(self.answer)
            writer.close()
            return
        there, away = await asyncio.open_connection("127.0.0.1", self.tunnel_to.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(self.pump(reader, away), self.pump(there, writer))

    async def pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                sink.write(data)
        except ConnectionError:
            pass
        finally:
            sink.close()


def through(port: int, **more: str) -> Proxies:
    url = f"http://me:secret@proxy.test:{port}"
    return Proxies.from_environment({"HTTP_PROXY": url, "HTTPS_PROXY": url, **more})


PROXY = {"proxy.test": ["127.0.0.1"]}


async def test_through_a_proxy_the_proxy_resolves(connects) -> None:
    async with serving(ForwardProxy()) as proxy:
        async with client(LOOPBACK, PROXY, proxies=through(proxy.port)) as http:
            assert (await http.get("http://unknown-here.test/v2/")).text == "ok"
        assert connects == [("127.0.0.1", proxy.port)]
        assert proxy.requests[0][0] == "GET http://unknown-here.test/v2/ HTTP/1.1"
        assert "Proxy-Authorization: Basic bWU6c2VjcmV0" in proxy.requests[0]


async def test_the_proxy_s_own_address_is_judged(connects) -> None:
    async with client(AddressRules(), PROXY, proxies=through(3128)) as http:
        for scheme in ("http", "https"):
            with pytest.raises(AddressRefused, match=r"'proxy\.test'"):
                await http.get(f"{scheme}://reg.test/")
    assert connects == []


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[fd00:ec2::254]", "0xa9fea9fe", "2852039166", "[::ffff:a9fe:a9fe]"]
)
async def test_no_proxy_is_asked_for_a_bad_address(connects, host) -> None:
    async with serving(ForwardProxy()) as proxy, client(LOOPBACK, PROXY, proxies=through(proxy.port)) as http:
        for scheme in ("http", "https"):
            with pytest.raises(AddressRefused):
                await http.get(f"{scheme}://{host}/")
        assert connects == []


async def test_exempt_hosts_are_asked_directly_and_judged() -> None:
    proxies = through(3128, NO_PROXY="direct.test")
    async with serving(Site()) as site, client(LOOPBACK, {"direct.test": ["127.0.0.1"]}, proxies=proxies) as http:
        assert (await http.get(f"http://direct.test:{site.port}/")).text == "ok"
    async with client(AddressRules(), {"direct.test": ["127.0.0.1"]}, proxies=proxies) as http:
        with pytest.raises(AddressRefused):
            await http.get("http://direct.test/")


@pytest.mark.parametrize(
    ("table", "words"),
    [(PROXY, "connection refused"), ({}, r"lookup proxy\.test: no such host")],
    ids=["down", "unknown"],
)
async def test_a_proxy_that_cannot_be_reached_is_said_to_be_the_proxy(table, words) -> None:
    async with client(LOOPBACK, table, proxies=through(1)) as http:
        with pytest.raises(httpx.ProxyError, match=rf"^proxyconnect tcp: dial tcp.*{words}"):
            await http.get("https://reg.test/")


async def test_a_proxy_that_refuses_is_said_to_be_the_proxy() -> None:
    proxy = ForwardProxy()
    proxy.answer = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    async with serving(proxy), client(LOOPBACK, PROXY, proxies=through(proxy.port)) as http:
        with pytest.raises(httpx.ProxyError, match="407"):
            await http.get("https://reg.test/")
