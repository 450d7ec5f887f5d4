"""A registry, asked as containerd asks it (I/O: HTTP; the one place that names httpx's exceptions).

A look is bounded by its caller's deadline; a single request by the client's own times, in bytes, and in what it may
unpack. Every failure of the network becomes a `NoAnswer` in the words of a node. HTTP/1.1, no cookies, no environment,
no redirects by the library: a transport is all that is taken from httpx.
"""

import asyncio
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

import httpx

from webhook.credentials.credential import Credential
from webhook.image.reference import Digest, Reference
from webhook.registry import broken, ocierror
from webhook.registry.answer import Answer, Ask, Headers
from webhook.registry.endpoint import Endpoint, Trust
from webhook.registry.exchange import Caller, NoAnswer, Trail
from webhook.registry.guard import AddressRefused, NameNotResolved
from webhook.registry.look import Look
from webhook.registry.observer import NullObserver, Observer
from webhook.registry.resolution import Failure, Resolved
from webhook.registry.session import Session
from webhook.registry.tls import InvalidCertificateFile
from webhook.registry.tokens import TokenStore

Transports = Callable[[Trust], httpx.AsyncBaseTransport]
"""Opens a transport that trusts as it is told; the client keeps one for each distinct trust and closes them."""

EndpointsOf = Callable[[str], Sequence[Endpoint]]
"""A registry's endpoints, in the order a node asks them."""

_GZIP_OR_ZLIB = 47
_MOST_PARTS = 8192
"""Parts that a body may come in. Packets make 3,000 of the largest manifest; chunks of a byte would make millions."""
_BREATH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one request may take, in seconds: to connect, and altogether."""

    connect: float = 1.0
    request: float = 4.0


class RegistryClient:
    """Asks registries; safe to share. Raises `RegistryError` and nothing else."""

    def __init__(
        self,
        transports: Transports,
        endpoints: EndpointsOf,
        *,
        observer: Observer | None = None,
        patience: Patience | None = None,
        depth: bool = False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`clock` measures durations, `now` is Unix time. `depth`: whoever wants content wants all of it looked for."""
        self._wire = _HttpWire(transports, patience or Patience())
        self._endpoints = endpoints
        self._observer = observer or NullObserver()
        self._depth = depth
        self._clock = clock
        self._now = now
        self._tokens = TokenStore(clock)
        self._agent: Headers = (("user-agent", f"pullproof/{version('pullproof')}"), ("accept-encoding", "identity"))

    async def look(
        self, reference: Reference, credential: Credential, *, deadline: float, content: bool = False
    ) -> Resolved:
        """Resolve `reference` with one login before `deadline` (loop time); raise `RegistryError`.

        `content`: also fetch the index or manifest, and a single manifest's platform, as far as time and quota allow.
        """
        return await self._look(reference, credential, deadline).resolve(content=content)

    async def content(self, resolved: Resolved, credential: Credential, *, deadline: float) -> Resolved:
        """Add the content to what was resolved without it; the same as asking for it at once, without a second HEAD."""
        look = self._look(resolved.reference, credential, deadline)
        look.trail.quota = resolved.quota
        return await look.complete(resolved)

    async def tags(self, reference: Reference, credential: Credential, *, deadline: float) -> tuple[str, ...]:
        """Return the repository's tags (bounded) before `deadline` (loop time); raise `RegistryError`.

        NOT_FOUND with `absent` REPOSITORY tells that the repository does not exist.
        """
        return await self._look(reference, credential, deadline).tags()

    async def tag_digest(self, reference: Reference, credential: Credential, *, deadline: float) -> Digest:
        """Return where the tag of `reference` points now, whatever digest stands beside it; raise `RegistryError`."""
        resolved = await self.look(reference.without_digest(), credential, deadline=deadline)
        return resolved.digest

    async def aclose(self) -> None:
        """Close every connection and end what is under way."""
        await self._tokens.aclose()
        await self._wire.aclose()

    def _look(self, reference: Reference, credential: Credential, deadline: float) -> Look:
        caller = Caller(
            wire=self._wire,
            observer=self._observer,
            registry=reference.registry,
            trail=Trail(credential),
            clock=self._clock,
            now=self._now,
        )
        sessions = tuple(
            Session(caller, self._tokens, endpoint, reference.repository, self._agent)
            for endpoint in self._endpoints(reference.registry)
        )
        return Look(reference=reference, sessions=sessions, trail=caller.trail, deadline=deadline, depth=self._depth)


class _HttpWire:
    """Sends one request over httpx transports."""

    def __init__(self, transports: Transports, patience: Patience) -> None:
        self._open = transports
        self._patience = patience
        self._transports: dict[Trust, httpx.AsyncBaseTransport] = {}

    async def send(self, ask: Ask, trust: Trust, *, connect_timeout: float | None) -> Answer:
        """Return the answer, whatever its status; raise `NoAnswer`."""
        connect = min(self._patience.connect, connect_timeout or self._patience.connect)
        with _translated(ask):
            async with asyncio.timeout(self._patience.request):
                request = _request(ask, connect=connect, rest=self._patience.request)
                response = await self._transport(trust).handle_async_request(request)
                try:
                    return await _answer(ask, response)
                finally:
                    await response.aclose()

    async def aclose(self) -> None:
        transports = list(self._transports.values())
        self._transports.clear()
        for transport in transports:
            await transport.aclose()

    def _transport(self, trust: Trust) -> httpx.AsyncBaseTransport:
        transport = self._transports.get(trust)
        if transport is None:
            transport = self._transports[trust] = self._open(trust)
        return transport


def _request(ask: Ask, *, connect: float, rest: float) -> httpx.Request:
    """Build it with a Host of our own: httpx reads a name in punycode first, and fails where that means nothing."""
    headers = [(name.encode("latin-1", "replace"), value.encode()) for name, value in (*ask.headers, *ask.private)]
    if not any(name.lower() == b"host" for name, _ in headers):
        headers.insert(0, (b"Host", ask.url.origin.partition("://")[2].encode("ascii")))
    timeout = {"connect": connect, "read": rest, "write": rest, "pool": rest}
    content = None if ask.form is None else ask.form.encode("ascii")
    return httpx.Request(ask.method, str(ask.url), headers=headers, content=content, extensions={"timeout": timeout})


async def _answer(ask: Ask, response: httpx.Response) -> Answer:
    body, truncated = await _read(response, ask.limit)
    return Answer(
        method=ask.method,
        url=ask.url,
        status=response.status_code,
        phrase=ocierror.clean(response.reason_phrase, 60),
        headers=tuple((name.lower(), value) for name, value in response.headers.multi_items()),
        body=body,
        truncated=truncated,
    )


async def _read(response: httpx.Response, limit: int) -> tuple[bytes, bool]:
    """Read at most `limit` bytes of the body, packed as well as unpacked."""
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("the transport gives a body that cannot be awaited")
    packed, parts = bytearray(), 0
    async for part in response.stream:
        packed += part
        parts += 1
        if len(packed) > limit or parts > _MOST_PARTS:
            break
        if parts % _BREATH == 0:
            await asyncio.sleep(0)  # what arrived at once is given part by part without a pause for anybody else
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip", "deflate") and packed:
        return _unpacked(bytes(packed), limit)
    return bytes(packed[:limit]), len(packed) > limit or parts > _MOST_PARTS


def _unpacked(packed: bytes, limit: int) -> tuple[bytes, bool]:
    """Unpack what nobody asked to be packed; a bomb goes off inside the limit."""
    unpacking = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        return unpacking.decompress(packed[:limit], max(limit, 1)), bool(unpacking.unconsumed_tail)
    except zlib.error:
        return b"", True


@contextmanager
def _translated(ask: Ask) -> Iterator[None]:
    """Turn what a transport raises into `NoAnswer`."""
    host = ask.url.host.strip("[]")
    try:
        yield
    except NameNotResolved as error:
        raise NoAnswer(Failure.DNS, str(error)) from error
    except AddressRefused as error:
        raise NoAnswer(Failure.ADDRESS_REFUSED, str(error)) from error
    except InvalidCertificateFile as error:
        raise NoAnswer(Failure.TLS, str(error)) from error
    except httpx.ProxyError as error:
        raise NoAnswer(Failure.PROXY, str(error) or "proxyconnect tcp: no connection") from error
    except httpx.ConnectTimeout as error:
        raise NoAnswer(Failure.TIMEOUT, str(error) or "net/http: TLS handshake timeout") from error
    except (httpx.TimeoutException, TimeoutError) as error:
        raise NoAnswer(Failure.TIMEOUT, "net/http: timeout awaiting response headers") from error
    except httpx.RemoteProtocolError as error:
        raise _no_http(error) from error
    except (httpx.TransportError, OSError) as error:
        raise _no_connection(error, host) from error
    except httpx.InvalidURL as error:
        raise NoAnswer(Failure.CONNECT, f"dial tcp: lookup {host}: no such host") from error


def _no_http(error: httpx.RemoteProtocolError) -> NoAnswer:
    """Tell a server that hung up from one that speaks something else."""
    text = str(error)
    if text.startswith("Server disconnected"):
        return NoAnswer(Failure.CONNECT, "EOF", again=True)
    if text.startswith("peer closed connection"):
        return NoAnswer(Failure.CONNECT, "unexpected EOF", again=True)
    return NoAnswer(Failure.NOT_A_REGISTRY, "net/http: HTTP/1.x transport connection broken: malformed HTTP response")


def _no_connection(error: Exception, host: str) -> NoAnswer:
    failure, cause = broken.explain(error, host) or (Failure.CONNECT, ocierror.clean(str(error)) or "EOF")
    if failure is Failure.CONNECT and str(error).startswith("dial tcp "):
        cause = str(error)
    again = broken.is_broken(error) or isinstance(error, httpx.ReadError)
    return NoAnswer(failure, cause, again=again)
