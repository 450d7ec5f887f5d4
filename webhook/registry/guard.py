"""The door to the network: an httpx transport that connects only to addresses which pass the rules (I/O).

Every connection that the registry client makes goes through here, whatever asked for it: an image's host, a mirror, a
redirect, a token realm, a `Link` header. A name is resolved once, each of its addresses is judged, and the connection
is made to a judged address, not to the name: nothing can change between the check and the connection (DNS rebinding).
TLS and the Host header keep the name. Spellings of addresses (`0x7f.1`, `2130706433`) are read by `getaddrinfo`, and
judged as what they turn out to be.

Through a proxy it is the proxy that resolves. The guard then covers the proxy's own address, and hosts that are
addresses in any spelling; what names resolve to at the proxy is the proxy's to refuse.
"""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import httpcore
import httpx

from webhook.registry.address import Address, AddressRules
from webhook.registry.door import Door, OnRefused, Refused, literal
from webhook.registry.eyeballs import first_to_connect
from webhook.registry.names import Names, UnknownName
from webhook.registry.pools import Pools
from webhook.registry.proxy import Proxies, Proxy

TlsFor = Callable[[str, int], ssl.SSLContext]
"""The TLS context for a host and port."""

LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=30.0)
"""For each host. No cap on connections: who waits for a registry waits in limits.py."""


class NameNotResolved(httpx.ConnectError):
    """The host's name has no address, or the name server did not tell in time."""


class AddressRefused(httpx.ConnectError):
    """Our own rules refuse every address of the host; nothing was sent."""


_TRANSLATION: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.ProxyError, httpx.ProxyError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
)
_TRANSLATED = tuple(foreign for foreign, _ in _TRANSLATION)
_FAILED = (httpcore.ConnectError, httpcore.ConnectTimeout)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn httpcore's exceptions into httpx's of the same name, caused by what the system or TLS said."""
    try:
        yield
    except _TRANSLATED as error:
        ours = next(ours for foreign, ours in _TRANSLATION if isinstance(error, foreign))
        raise ours(str(error)) from (_origin(error) or error)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections for httpcore, to addresses that pass and to nothing else."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host` that passes and answers."""
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        addresses = await self._passing(host, deadline)
        connect = partial(self._connect, port=port, local_address=local_address, socket_options=socket_options)
        try:
            async with asyncio.timeout_at(deadline):
                return await first_to_connect(connect, addresses, failures=_FAILED)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"dial tcp {_joined(addresses[0], port)}: i/o timeout") from error

    async def _passing(self, host: str, deadline: float | None) -> list[Address]:
        try:
            return await self._door.passing(host, deadline=deadline)
        except UnknownName as error:
            raise NameNotResolved(f"dial tcp: lookup {host}: {error}") from error
        except Refused as error:
            raise AddressRefused(str(error)) from error

    async def _connect(
        self,
        address: Address,
        *,
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await self._inner.connect_tcp(str(address), port, None, local_address, socket_options)
        except httpcore.ConnectError as error:
            raise httpcore.ConnectError(f"dial tcp {_joined(address, port)}: {_words(error)}") from error

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no registry lives in a file."""
        raise AddressRefused(f"unix sockets are refused ({path!r})")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class ProxyBackend(GuardedBackend):
    """Opens the connections to a proxy, and says so when that fails."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the proxy; a failure is `httpx.ProxyError`."""
        try:
            return await super().connect_tcp(host, port, timeout, local_address, socket_options)
        except AddressRefused:
            raise
        except (*_FAILED, httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise httpx.ProxyError(f"proxyconnect tcp: {error}") from error


class _Body(httpx.AsyncByteStream):
    """An answer's body as it arrives."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for part in self._response.aiter_stream():
                yield part

    async def aclose(self) -> None:
        with _translated():
            await self._response.aclose()


class Origin(NamedTuple):
    """Where connections go: to `scheme://host:port`, which is trusted as `context` says, through `proxy` or not."""

    scheme: str
    host: str
    port: int
    context: ssl.SSLContext | None
    proxy: Proxy | None


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests over guarded connections."""

    def __init__(self, door: Door, tls: TlsFor, *, limits: httpx.Limits, proxies: Proxies) -> None:
        """Open nothing yet; see `guarded_transport`."""
        self._door = door
        self._tls = tls
        self._limits = limits
        self._proxies = proxies
        self._pools = Pools(self._open, expiry=limits.keepalive_expiry or 0.0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises httpx's exceptions, `NameNotResolved` and `AddressRefused`."""
        url = request.url
        pool = await self._pools.get(self._origin(url))
        with _translated():
            response = await pool.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection; name look-ups under way serve other transports too and end by themselves."""
        with _translated():
            await self._pools.aclose()

    def _origin(self, url: httpx.URL) -> Origin:
        host = url.raw_host.decode("ascii")  # `url.host` is not what is connected to: it is read out of punycode
        port = url.port or (443 if url.scheme == "https" else 80)
        proxy = self._proxies.choose(url.scheme, host, port)
        if proxy is not None:
            self._judge_literal(host)
        context = self._tls(host, port) if url.scheme == "https" else None
        return Origin(url.scheme, host, port, context, proxy)

    def _judge_literal(self, host: str) -> None:
        """Refuse a host that is a bad address in itself: no proxy has a say in that."""
        address = literal(host)
        if address is None:
            return
        try:
            self._door.judge(host, [address])
        except Refused as error:
            raise AddressRefused(str(error)) from error

    def _open(self, origin: Origin) -> httpcore.AsyncConnectionPool:
        proxy = origin.proxy
        return httpcore.AsyncConnectionPool(
            ssl_context=origin.context,
            proxy=None if proxy is None else self._through(proxy),
            max_connections=self._limits.max_connections,
            max_keepalive_connections=self._limits.max_keepalive_connections,
            keepalive_expiry=self._limits.keepalive_expiry,
            network_backend=GuardedBackend(self._door) if proxy is None else ProxyBackend(self._door),
        )

    def _through(self, proxy: Proxy) -> httpcore.Proxy:
        return httpcore.Proxy(
            url=httpcore.URL(scheme=proxy.scheme, host=proxy.host, port=proxy.port, target="/"),
            auth=proxy.login,
            ssl_context=self._tls(proxy.host, proxy.port) if proxy.scheme == "https" else None,
        )


def guarded_transport(
    rules: AddressRules,
    tls: TlsFor,
    *,
    limits: httpx.Limits = LIMITS,
    proxies: Proxies | None = None,
    names: Names | None = None,
    on_refused: OnRefused = lambda host, address, reason: None,  # noqa: ARG005
) -> GuardedTransport:
    """Return a transport whose every connection passes `rules`; give it to `httpx.AsyncClient(transport=…)`.

    `tls` gives the context for a host and port. `limits` hold for each host. `proxies`: none unless given. `names`: one
    for all transports of a process. `on_refused` is told of every address that was not connected to. Proxies are chosen
    here: an `httpx.AsyncClient` around it should have `trust_env=False`.
    """
    door = Door(rules, names or Names(), on_refused)
    return GuardedTransport(door, tls, limits=limits, proxies=proxies or Proxies())


def _joined(address: Address, port: int) -> str:
    return f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}"


def _words(error: BaseException) -> str:
    """Say why a connection failed in the system's own words, as Go prints them."""
    origin = _origin(error)
    return f"connect: {os.strerror(origin.errno).lower()}" if origin and origin.errno else str(error).lower()


def _origin(error: BaseException) -> OSError | None:
    """Find the system's or TLS's error behind `error`; httpcore drops causes (`from None`) but not contexts."""
    each: BaseException | None = error
    while each is not None:
        if isinstance(each, OSError) and each.errno:
            return each
        each = each.__cause__ or each.__context__
    return None
