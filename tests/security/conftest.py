"""The real webhook over TLS, and a stranger's servers beside it: real sockets, connections counted where they are made.

127.66.0.1   the stranger: every `*.test` name leads here, he answers as a script tells him
127.66.0.2   the webhook
elsewhere    forbidden; whoever connects there is found out by the interpreter's own audit events
"""

import asyncio
import base64
import json
import socket
import ssl
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote, quote_plus

import httpx
import pytest

from certs.issue import issue_authority, issue_leaf
from webhook.cluster.failure import NotFound
from webhook.cluster.secrets import ClusterPullSecrets
from webhook.credentials.dockerconfig import decode_secret
from webhook.demo.authority import Authority
from webhook.demo.site import Certificate
from webhook.metrics import Metrics
from webhook.server.assembly import Assembly, Ports
from webhook.server.certificate import CertificateInMemory
from webhook.server.health import Health
from webhook.server.run import WebServer
from webhook.server.telling import Tell
from webhook.wiring.registries import Surroundings
from webhook.wiring.webhook import Known

STRANGER = "127.66.0.1"
WEBHOOK = "127.66.0.2"

sys.path.insert(0, str(Path(__file__).parent))  # controls.py and taken_away.py are a program of their own

_CONNECTS: list[tuple[str, int]] = []


def _audit(event: str, args: tuple) -> None:
    """Note every connect() to an IP address; the interpreter tells of it before the system is asked."""
    if event == "socket.connect" and isinstance(args[1], tuple):
        _CONNECTS.append((str(args[1][0]), int(args[1][1])))


sys.addaudithook(_audit)


@pytest.fixture
def connects() -> list[tuple[str, int]]:
    """Every address that this process connects to, from now on."""
    _CONNECTS.clear()
    return _CONNECTS


def spellings(secret: str) -> set[bytes]:
    """Return the forms a secret may slip out in: plain, base64 at each offset, for URLs, hex, halves, reversed."""
    raw = secret.encode()
    forms = {raw, raw[::-1], raw.hex().encode(), quote(secret, safe="").encode(), quote_plus(secret).encode()}
    forms |= {json.dumps(secret)[1:-1].encode()}
    for offset in range(3):
        encoded = base64.b64encode(b"x" * offset + raw)[4 if offset else 0 : -4]
        forms |= {encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")}
    half = len(raw) // 2
    halves = (raw[:half], raw[half:])
    forms |= {*halves, *(each[::-1] for each in halves), halves[1] + halves[0]}
    return {form for form in forms if len(form) >= 6}


def leaked(text: bytes, secret: str) -> set[bytes]:
    """Return the forms of `secret` that `text` holds."""
    low = text.lower()
    return {form for form in spellings(secret) if form.lower() in low}


@pytest.fixture(scope="session", name="leaked")
def leaked_fixture() -> Callable[[bytes, str], set[bytes]]:
    return leaked


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as the stranger got it. `host` as its Host header says, `raw` every byte of it."""

    scheme: str
    port: int
    host: str
    method: str
    target: str
    raw: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def authorized(self) -> bool:
        return b"\r\nauthorization:" in self.raw.lower()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the stranger answers; `stream` writes it by itself, as slowly or as long as it likes."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    stream: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None

    def encoded(self, *, head: bool) -> bytes:
        stated = {name.lower() for name, _ in self.headers}
        length = () if "content-length" in stated else (("Content-Length", str(len(self.body))),)
        lines = [f"HTTP/1.1 {self.status} said", *(f"{name}: {value}" for name, value in (*self.headers, *length))]
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + (b"" if head else self.body)


ABSENT = Reply(
    status=404,
    headers=(("Content-Type", "application/json"),),
    body=b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}',
)


class Stranger:
    """Servers that answer for every name as `script` says, and remember what they were sent."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.seen: list[Seen] = []
        self.sent = 0
        self.script: Callable[[Seen], Reply] = lambda _: ABSENT
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task] = set()
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def listen(self, *, address: str = STRANGER, tls: bool = True) -> int:
        context = self._tls() if tls else None
        port = 0

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._converse(reader, writer, "https" if tls else "http", port))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        server = await asyncio.start_server(connected, address, 0, ssl=context, limit=8 * 1024 * 1024)
        self._servers.append(server)
        port = server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, scheme: str, port: int
    ) -> None:
        try:
            while await self._exchange(reader, writer, scheme, port):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the peer has had enough
        finally:
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, scheme: str, port: int
    ) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")[:-2]
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = line.split(" ", 2)
        seen = Seen(
            scheme=scheme, port=port, host=headers.get("host", ""), method=method, target=target, raw=head + body
        )
        self.seen.append(seen)
        reply = self.script(seen)
        if reply.stream is not None:
            await reply.stream(_Counting(writer, self))
            return False
        encoded = reply.encoded(head=method == "HEAD")
        self.sent += len(encoded)
        writer.write(encoded)
        await writer.drain()
        return True

    def _tls(self) -> ssl.SSLContext:
        context = self.authority.context("anyone.test", Certificate.VALID)

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            if name:
                if name not in self._contexts:
                    self._contexts[name] = self.authority.context(name, Certificate.VALID)
                connection.context = self._contexts[name]

        context.sni_callback = choose
        return context


class _Counting:
    """A writer that tells the stranger how much went out."""

    def __init__(self, writer: asyncio.StreamWriter, stranger: Stranger) -> None:
        self._writer = writer
        self._stranger = stranger

    def write(self, data: bytes) -> None:
        self._stranger.sent += len(data)
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()


@dataclass
class FakeApi:
    """An API server that holds Secrets and ServiceAccounts; counts what is read of it."""

    objects: dict[str, dict] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def put_login(self, name: str, host: str, user: str, password: str) -> None:
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.put_config(name, json.dumps({"auths": {host: {"auth": auth}}}))

    def put_config(self, name: str, config: str, *, kind: str = "kubernetes.io/dockerconfigjson") -> None:
        self.objects[f"/api/v1/namespaces/shop/secrets/{name}"] = {
            "type": kind,
            "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()},
        }

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        content_type: str = "",
        seconds: float = 0,
    ) -> bytes:
        self.reads.append(path)
        await asyncio.sleep(0)
        if path not in self.objects:
            raise NotFound("not found")
        return json.dumps({"metadata": {"name": path.rpartition("/")[2]}, **self.objects[path]}).encode()

    async def lines(self, path: str, *, query: Mapping[str, str], idle: float) -> AsyncGenerator[bytes, None]:
        raise NotImplementedError
        yield b""


def nobody(host: str) -> tuple[str, ...]:
    raise socket.gaierror(socket.EAI_NONAME, "unknown name")


@dataclass
class Zone:
    """The names that there are; numeric spellings are read as the system reads them, nothing is asked of a network."""

    names: dict[str, Callable[[], tuple[str, ...]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def lookup(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        if host in self.names:
            return self.names[host]()
        if host.endswith(".test"):
            return (STRANGER,)
        found = socket.getaddrinfo(host.encode(), None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return tuple(str(sockaddr[0]) for *_, sockaddr in found)


@dataclass(kw_only=True)
class Answer:
    """The response to one review."""

    allowed: bool
    message: str
    warnings: list[str]
    seconds: float
    text: str
    status: int = 200

    @property
    def codes(self) -> set[str]:
        return {text[text.rindex("[") + 1 : -1] for text in self.warnings if text.endswith("]")}


@dataclass(kw_only=True)
class Scene:
    """The webhook, the stranger and the cluster. `port` is the stranger's over TLS, `plain` his other one."""

    stranger: Stranger
    port: int
    other: int
    plain: int
    api: FakeApi
    zone: Zone
    client: httpx.AsyncClient
    web: WebServer
    metrics: Metrics

    @property
    def registry(self) -> str:
        return f"reg.test:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{WEBHOOK}:{self.web.port}"

    async def apply(self, *images: str, secrets: tuple[str, ...] = (), within: str = "5s", **more: object) -> Answer:
        containers = [
            {"name": f"c{number}", "image": image, "imagePullPolicy": "Always"} for number, image in enumerate(images)
        ]
        spec = {"containers": containers, "imagePullSecrets": [{"name": name} for name in secrets], **more}
        return await self.send(json.dumps(review(spec)).encode(), within=within)

    async def send(self, body: bytes, *, within: str = "5s") -> Answer:
        loop = asyncio.get_running_loop()
        started = loop.time()
        response = await self.client.post(
            f"{self.url}/validate?timeout={within}",
            content=body,
            headers={"content-type": "application/json"},
            timeout=30,
        )
        seconds = loop.time() - started
        said = response.json().get("response", {}) if response.status_code == 200 else {}
        return Answer(
            allowed=said.get("allowed", False),
            message=said.get("status", {}).get("message", ""),
            warnings=said.get("warnings", []),
            seconds=seconds,
            text=response.text,
            status=response.status_code,
        )


def review(spec: dict, *, name: str = "api", user: str = "me") -> dict:
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "8f2",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "name": name,
            "namespace": "shop",
            "operation": "CREATE",
            "userInfo": {"username": user},
            "object": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": "shop"},
                "spec": spec,
            },
        },
    }


@pytest.fixture(scope="session", name="review")
def review_fixture() -> Callable[..., dict]:
    return review


@pytest.fixture(scope="session", name="reply")
def reply_fixture() -> type[Reply]:
    return Reply


@pytest.fixture(scope="session")
def absent() -> Reply:
    return ABSENT


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Scene]]]:
    """A function that opens a scene: `await scene(config={…}, environment={…}, tell=…)`; `tell` is given Events."""
    async with AsyncExitStack() as stack:

        async def start(
            *, config: dict | None = None, environment: dict | None = None, tell: Tell | None = None
        ) -> Scene:
            return await stack.enter_async_context(_open(tmp_path, config or {}, environment or {}, tell))

        yield start


@asynccontextmanager
async def _open(folder: Path, config: dict, environment: dict, tell: Tell | None) -> AsyncIterator[Scene]:
    stranger, api, zone = Stranger(folder), FakeApi(), Zone()
    port, other, plain = await stranger.listen(), await stranger.listen(), await stranger.listen(tls=False)
    api.objects["/api/v1/namespaces/shop/serviceaccounts/default"] = {"imagePullSecrets": []}
    pull_secrets = ClusterPullSecrets(api, decode_secret)
    now = datetime.now(UTC)
    authority = issue_authority(now, timedelta(days=1))
    certificate = CertificateInMemory()
    certificate.put(issue_leaf(authority, [WEBHOOK], now, timedelta(days=1)))
    path = folder / "config.yaml"
    ports = (("OTHER", other), ("PLAIN", plain), ("PORT", port))
    path.write_text(_configuration(config, stranger, (port, other), ports))
    metrics = Metrics()
    assembly = Assembly(
        configuration=path,
        surroundings=Surroundings(environment=_filled(environment, ports), lookup=zone.lookup),
        known=Known(pull_secrets=pull_secrets),
        certificate=certificate,
        metrics=metrics,
        health=Health(),
        ports=Ports(address=WEBHOOK, port=0, metrics_port=0),
        tell=tell,
    )
    stop: asyncio.Event = asyncio.Event()
    opened: asyncio.Future[WebServer] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(assembly.run(stop, started=opened.set_result))
    await asyncio.wait({running, opened}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    trust = ssl.create_default_context(cadata=authority.certificate.decode())
    async with httpx.AsyncClient(verify=trust, trust_env=False, limits=httpx.Limits(max_connections=300)) as client:
        yield Scene(
            stranger=stranger,
            port=port,
            other=other,
            plain=plain,
            api=api,
            zone=zone,
            client=client,
            web=opened.result(),
            metrics=metrics,
        )
    stop.set()
    await running
    await pull_secrets.close()
    await stranger.close()


def _configuration(config: dict, stranger: Stranger, tls: tuple[int, ...], ports: tuple) -> str:
    registries = [
        {"match": f"{'*.' * deep}test:{port}", "caFile": str(stranger.authority.file)}
        for port in tls
        for deep in (1, 2, 3)
    ]
    whole = {
        "apiVersion": "config.pullproof.dev/v1alpha1",
        "kind": "PullproofConfiguration",
        "server": {"drain": "0s"},
        "cache": {"tags": "0s", "notFound": "0s", "refused": "0s"},
        **config,
        "network": {"allow": [STRANGER], **config.get("network", {})},
        "registries": [*config.get("registries", ()), *registries],
    }
    text = json.dumps(whole).replace("CAFILE", str(stranger.authority.file))
    for word, port in ports:
        text = text.replace(word, str(port))
    return text


def _filled(environment: dict, ports: tuple) -> dict:
    filled = {}
    for key, value in environment.items():
        for word, port in ports:
            value = value.replace(word, str(port))
        filled[key] = value
    return filled


@pytest.fixture(scope="session")
def astray() -> Callable[[list[tuple[str, int]]], list[tuple[str, int]]]:
    """Return the connections that went anywhere but to the stranger and the webhook."""

    def find(connects: list[tuple[str, int]]) -> list[tuple[str, int]]:
        return [(host, port) for host, port in connects if str(ip_address(host)) not in (STRANGER, WEBHOOK)]

    return find
