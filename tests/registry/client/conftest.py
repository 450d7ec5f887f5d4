"""A scripted network behind the transport seam: rules answer, every request is written down."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from webhook.credentials.credential import ANONYMOUS, Credential
from webhook.image.reference import Reference
from webhook.registry.client import Patience, RegistryClient
from webhook.registry.endpoint import Capability, Endpoint, Endpoints, Trust
from webhook.registry.failure import RegistryError
from webhook.registry.resolution import Resolved

Rule = dict[str, Any]
CANARY = "hunter2-canary/+=&"


def kind_of(authorization: str | None) -> str:
    if authorization is None:
        return "none"
    return authorization.partition(" ")[0].lower()


@dataclass(frozen=True)
class Sent:
    """One request as it went out."""

    method: str
    url: str
    auth: str
    status: int | str
    form: str = ""
    headers: httpx.Headers = field(default_factory=httpx.Headers, compare=False, repr=False)
    trust: Trust = field(default_factory=Trust, compare=False, repr=False)

    @property
    def host(self) -> str:
        return httpx.URL(self.url).host

    @property
    def short(self) -> str:
        return f"{self.method} {self.url} {self.auth} {self.status}"


class Network:
    """Answers by the first rule that fits host, path (a regular expression), method and kind of authorization."""

    def __init__(self, *rules: Rule, error: Exception | None = None, delay: float = 0.0) -> None:
        self.rules = list(rules)
        self.error = error
        self.delay = delay
        self.sent: list[Sent] = []
        self.closed = 0
        self._used: dict[int, int] = {}

    def transport(self, trust: Trust) -> httpx.AsyncBaseTransport:
        return _Transport(self, trust)

    def answer(self, request: httpx.Request, body: bytes, trust: Trust) -> httpx.Response:
        url, auth = str(request.url), kind_of(request.headers.get("authorization"))
        rule = self._rule(request, auth)
        status: int | str = "none" if rule is None else "dropped" if rule.get("drop") else rule["status"]
        self.sent.append(Sent(request.method, url, auth, status, body.decode(), request.headers, trust))
        if self.error is not None:
            raise self.error
        if rule is None:
            raise AssertionError(f"nobody expected {request.method} {url} ({auth})")
        if rule.get("drop"):
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        if "raises" in rule:
            raise rule["raises"]
        return _response(rule, request.method)

    def _rule(self, request: httpx.Request, auth: str) -> Rule | None:
        for place, rule in enumerate(self.rules):
            fits = (
                rule.get("host", request.url.netloc.decode()) == request.url.netloc.decode()
                and re.search(rule["path"], request.url.path)
                and rule.get("method", request.method) == request.method
                and rule.get("auth", auth) == auth
                and self._used.get(place, 0) < rule.get("times", 1_000)
            )
            if fits:
                self._used[place] = self._used.get(place, 0) + 1
                return rule
        return None

    @property
    def shorts(self) -> list[str]:
        return [each.short for each in self.sent]

    def to(self, host: str) -> list[Sent]:
        return [each for each in self.sent if each.host == host]


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, network: Network, trust: Trust) -> None:
        self._network = network
        self._trust = trust

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        await asyncio.sleep(self._network.delay)
        return self._network.answer(request, body, self._trust)

    async def aclose(self) -> None:
        self._network.closed += 1


class Parts(httpx.AsyncByteStream):
    """A body in parts, counted."""

    def __init__(self, parts: Sequence[bytes], *, pause: float = 0.0) -> None:
        self.parts = parts
        self.pause = pause
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            await asyncio.sleep(self.pause)
            self.given += 1
            yield part


def _response(rule: Rule, method: str) -> httpx.Response:
    body = rule.get("body", b"")
    headers = [(name.encode(), value.encode()) for name, value in rule.get("headers", {}).items()]
    if isinstance(body, Parts):
        return httpx.Response(rule["status"], headers=headers, stream=body)
    data = body.encode() if isinstance(body, str) else body
    names = {name.lower() for name, _ in headers}
    if b"content-length" not in names:
        headers.append((b"content-length", str(len(data)).encode()))
    stream = Parts([] if method == "HEAD" or not data else [data])
    return httpx.Response(rule["status"], headers=headers, stream=stream)


@dataclass
class Asked:
    """What a look came to."""

    resolved: Resolved | None = None
    error: RegistryError | None = None

    @property
    def refusal(self) -> RegistryError:
        assert self.error is not None
        return self.error

    @property
    def found(self) -> Resolved:
        assert self.resolved is not None, self.error
        return self.resolved


Ask = Callable[..., Awaitable[Asked]]
Client = Callable[..., RegistryClient]


@pytest.fixture
def network() -> type[Network]:
    return Network


@pytest.fixture
def parts() -> type[Parts]:
    return Parts


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made: list[RegistryClient] = []

    def make(network: Network, *, endpoints: Endpoints | None = None, **options: Any) -> RegistryClient:
        options.setdefault("patience", Patience(connect=1.0, request=2.0))
        of = options.pop("of", (endpoints or Endpoints()).of)
        made.append(RegistryClient(network.transport, of, **options))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


@pytest.fixture
def ask(client: Client) -> Ask:
    """Look once, with a client of its own unless one is given."""

    async def look(
        network: Network,
        text: str,
        login: Credential = ANONYMOUS,
        *,
        using: RegistryClient | None = None,
        content: bool = False,
        seconds: float = 5.0,
        **options: Any,
    ) -> Asked:
        asking = using or client(network, **options)
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            found = await asking.look(Reference.parse(text), login, deadline=deadline, content=content)
        except RegistryError as error:
            return Asked(error=error)
        return Asked(resolved=found)

    return look


@pytest.fixture
def hosts() -> Callable[[Sequence[Rule]], Callable[[str], tuple[Endpoint, ...]]]:
    """The `hosts` of a vector, as endpoints."""
    flags = {"pull": Capability.PULL, "resolve": Capability.RESOLVE, "push": Capability(0)}

    def of(described: Sequence[Rule]) -> Callable[[str], tuple[Endpoint, ...]]:
        def endpoints(registry: str) -> tuple[Endpoint, ...]:
            return tuple(
                Endpoint(
                    namespace=registry,
                    scheme=each.get("scheme", "https"),
                    host=each["host"],
                    path=each.get("path", "/v2"),
                    capabilities=_flags(each.get("caps", ["pull", "resolve"]), flags),
                )
                for each in described
            )

        return endpoints

    return of


def _flags(names: Sequence[str], flags: dict[str, Capability]) -> Capability:
    found = Capability(0)
    for name in names:
        found |= flags[name]
    return found


@pytest.fixture
def login() -> Callable[..., Credential]:
    def make(username: str = "bob", secret: str = CANARY, source: str = 'secret "regcred"') -> Credential:
        return Credential(username=username, secret=secret, source=source)

    return make
