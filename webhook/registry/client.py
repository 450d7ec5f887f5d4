"""A registry, asked as containerd asks it (I/O: HTTP; the one place that names httpx's exceptions).

A look is bounded by its caller's deadline; a single request by the client's own times, in bytes, and in what it may
unpack. Every failure of the network becomes a `NoAnswer` in the words of a node. HTTP/1.1, no cookies, no environment,
no redirects by the library: a transport is all that is taken from httpx.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version

import httpx

from webhook.credentials.credential import Credential
from webhook.image.manifest import Index, Manifest
from webhook.image.reference import Digest, Reference
from webhook.registry import broken, nodetext, ocierror
from webhook.registry.answer import Answer, Ask, Headers
from webhook.registry.content import Fetcher, affordable
from webhook.registry.endpoint import Capability, Endpoint, Trust
from webhook.registry.exchange import Caller, NoAnswer, Trail
from webhook.registry.failure import RegistryError, error_of
from webhook.registry.guard import AddressRefused, NameNotResolved
from webhook.registry.lookup import Found, Lookup
from webhook.registry.observer import NullObserver, Observer
from webhook.registry.resolution import Failure, Resolved
from webhook.registry.session import Session
from webhook.registry.taglist import fetch_tags
from webhook.registry.tls import InvalidCertificateFile
from webhook.registry.tokens import TokenStore

Transports = Callable[[Trust], httpx.AsyncBaseTransport]
"""Opens a transport that trusts as it is told; the client keeps one for each distinct trust and closes them."""

EndpointsOf = Callable[[str], Sequence[Endpoint]]
"""A registry's endpoints, in the order a node asks them."""

_GZIP_OR_ZLIB = 47


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
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`clock` measures durations, `now` is Unix time."""
        self._wire = _HttpWire(transports, patience or Patience())
        self._endpoints = endpoints
        self._observer = observer or NullObserver()
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
        trail = Trail(credential)
        sessions = self._sessions(reference, trail)
        async with _bounded(trail, reference.registry, deadline):
            found = await Lookup(reference, sessions).find()
        resolved = Resolved(
            reference=reference,
            digest=found.digest,
            media_type=found.media_type,
            endpoint=found.session.endpoint.base,
            mirrored=found.session.endpoint.mirrored,
        )
        document = await self._content(sessions, found, trail, deadline) if content else None
        return replace(resolved, content=document, quota=trail.quota, attempts=tuple(trail.attempts))

    async def content(self, resolved: Resolved, credential: Credential, *, deadline: float) -> Resolved:
        """Add the content to what was resolved without it; the same as asking for it at once, without a second HEAD."""
        trail = Trail(credential, quota=resolved.quota)
        sessions = self._sessions(resolved.reference, trail)
        there = next((each for each in sessions if each.endpoint.base == resolved.endpoint), sessions[0])
        found = Found(digest=resolved.digest, media_type=resolved.media_type, session=there)
        document = await self._content(sessions, found, trail, deadline)
        attempts = (*resolved.attempts, *trail.attempts)
        return replace(resolved, content=document, quota=trail.quota, attempts=attempts)

    async def tags(self, reference: Reference, credential: Credential, *, deadline: float) -> tuple[str, ...]:
        """Return the repository's tags (bounded) before `deadline` (loop time); raise `RegistryError`.

        NOT_FOUND with `absent` REPOSITORY tells that the repository does not exist.
        """
        trail = Trail(credential)
        async with _bounded(trail, reference.registry, deadline):
            error = error_of(Failure.NOT_FOUND, "no endpoint lists tags", node_error=nodetext.NO_HOSTS)
            for session in self._sessions(reference, trail):
                if Capability.RESOLVE not in session.endpoint.capabilities:
                    continue
                try:
                    return await fetch_tags(session, last=False)
                except RegistryError as refusal:
                    error = refusal
            raise error

    async def tag_digest(self, reference: Reference, credential: Credential, *, deadline: float) -> Digest:
        """Return where the tag of `reference` points now, whatever digest stands beside it; raise `RegistryError`."""
        resolved = await self.look(reference.without_digest(), credential, deadline=deadline)
        return resolved.digest

    async def aclose(self) -> None:
        """Close every connection and end what is under way."""
        await self._tokens.aclose()
        await self._wire.aclose()

    def _sessions(self, reference: Reference, trail: Trail) -> list[Session]:
        caller = Caller(
            wire=self._wire,
            observer=self._observer,
            registry=reference.registry,
            trail=trail,
            clock=self._clock,
            now=self._now,
        )
        return [
            Session(caller, self._tokens, endpoint, reference.repository, self._agent)
            for endpoint in self._endpoints(reference.registry)
        ]

    async def _content(
        self, sessions: Sequence[Session], found: Found, trail: Trail, deadline: float
    ) -> Index | Manifest | None:
        """Fetch what was found; a lack of time or quota leaves the question open, a document that is none is told."""
        if not affordable(trail.quota):
            return None
        try:
            async with asyncio.timeout_at(deadline):
                return await Fetcher(sessions).content(found)
        except TimeoutError:
            return None
        except RegistryError as error:
            raise _finished(error, trail) from error


@asynccontextmanager
async def _bounded(trail: Trail, registry: str, deadline: float) -> AsyncIterator[None]:
    """Put the deadline around a look, and the attempts into what it raises."""
    scope = asyncio.timeout_at(deadline)
    try:
        async with scope:
            yield
    except TimeoutError as error:
        if not scope.expired():
            raise
        late = error_of(Failure.OUT_OF_TIME, f"{registry} did not answer in the time there was")
        raise _finished(late, trail) from error
    except RegistryError as error:
        raise _finished(error, trail) from error


def _finished(error: RegistryError, trail: Trail) -> RegistryError:
    """Return the error as it may leave: with the attempts, without secrets."""
    return replace(
        error,
        message=trail.redact(error.message),
        node_error=trail.redact(error.node_error),
        quota=error.quota or trail.quota,
        attempts=tuple(trail.attempts),
    )


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
    headers = [(name.encode("latin-1", "replace"), value.encode()) for name, value in (*ask.headers, *ask.private)]
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
    packed = bytearray()
    async for part in response.stream:
        packed += part
        if len(packed) > limit:
            break
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip", "deflate") and packed:
        return _unpacked(bytes(packed), limit)
    return bytes(packed[:limit]), len(packed) > limit


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
