"""The life of the server: listen, serve, drain, end (I/O).

Order of an orderly end, so that no request fails:

    SIGTERM -> /readyz fails -> serve on for `Listen.drain` seconds, until nobody is sent here any more
            -> no new connections, each answer is the last of its connection -> what is in flight is finished -> exit
"""

import asyncio
import contextlib
import gc
import logging
import signal
import ssl
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp

from webhook.server.accepting import AcceptingServer, bind, descriptors
from webhook.server.certificate import ServingCertificate
from webhook.server.health import Health
from webhook.server.log import fields
from webhook.server.protocol import AtOnce, BoundedProtocol, Bounds

_LOG = logging.getLogger("pullproof.server")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where and how long. A host of None is every address of the machine; port 0 is any free one. Seconds.

    `handshakes`: how many may be under way, however many connections there are; fewer of these leave room for more, so
    that a burst of new ones is served. Beyond that the oldest ends.

    `keep_alive` is longer than the 90 s of Go's client, so that we never close a connection while it is being used.
    """

    host: str | None = None
    port: int = 10250
    metrics_host: str | None = None
    metrics_port: int = 8080
    drain: float = 5.0
    grace: int = 15
    keep_alive: int = 120
    handshake: float = 5.0
    handshakes: int = 1024
    backlog: int = 2048
    bounds: Bounds = field(default_factory=Bounds)


class WebServer:
    """One process's listeners: reviews over TLS, metrics in plain."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        listen: Listen,
        health: Health,
        certificate: ServingCertificate | None = None,
        metrics: ASGIApp | None = None,
        told: Callable[[datetime], None] = lambda _: None,
        at_once: Mapping[bytes, AtOnce] = MappingProxyType({}),
    ) -> None:
        """`certificate` None serves plain HTTP (for tests and behind a sidecar); `told` is given each expiry.

        `at_once`: who answers ordinary requests before `app` is asked, by path.
        """
        self._listen = listen
        self._health = health
        self._certificate = certificate
        self._told = told
        if certificate is not None:
            health.add("certificates", certificate.condition)
        context = certificate.context if certificate else None
        self._main = _Listener(app, listen.host, listen.port, listen, context, at_once)
        self._metrics = _Listener(metrics, listen.metrics_host, listen.metrics_port, listen, None) if metrics else None

    @property
    def port(self) -> int:
        """The port of the reviews, once it is open."""
        return self._main.bound_port

    @property
    def metrics_port(self) -> int:
        """The port of the metrics, once it is open."""
        return self._metrics.bound_port if self._metrics else 0

    async def run(self, stop: asyncio.Event, *, started: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop` is set, then drain; raise `OSError` where a port cannot be had.

        Setting `stop` is enough; cancelling is the emergency exit. `started` is called when the ports are open.
        """
        listeners = [listener for listener in (self._metrics, self._main) if listener is not None]
        room = descriptors()
        async with contextlib.AsyncExitStack() as stack:
            for listener in listeners:
                await listener.open(room)
                stack.callback(listener.close)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            serving = [group.create_task(listener.serve()) for listener in listeners]
            followed = self._certificate.follow(told=self._told) if self._certificate else None
            follower = group.create_task(followed) if followed else None
            gc.freeze()  # what start-up made stays: the collector need not look through it for the rest of its life
            _LOG.info("serving", extra=fields(port=self.port, metricsPort=self.metrics_port))
            started()
            await stop.wait()
            await self._drain(listeners)
            await asyncio.wait(serving)
            if follower is not None:
                follower.cancel()
        _LOG.info("ended")

    async def _drain(self, listeners: list["_Listener"]) -> None:
        _LOG.info("draining", extra=fields(seconds=self._listen.drain))
        self._health.draining = True
        await asyncio.sleep(self._listen.drain)
        for listener in listeners:
            listener.should_exit = True


class _Listener(uvicorn.Server):
    """A uvicorn server that opens its own socket, leaves signals alone, and bounds handshakes."""

    def __init__(
        self,
        app: ASGIApp,
        host: str | None,
        port: int,
        listen: Listen,
        context: ssl.SSLContext | None,
        at_once: Mapping[bytes, AtOnce] = MappingProxyType({}),
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=listen.keep_alive,
                timeout_graceful_shutdown=listen.grace,
                ssl_context_factory=(lambda _, __: context) if context else None,
            )
        )
        self._host = host
        self._port = port
        self.servers = []
        self._listen = listen
        self._at_once = at_once
        self._bounds = listen.bounds
        self.bound_port = 0

    async def open(self, room: int) -> None:
        """Bind and listen; connections wait until `serve`.

        Of `room` descriptors, connections take at most half, and those that shake hands what is left of that, or a
        quarter: the others are for registries and the API server.
        """
        connections = min(self._listen.bounds.connections, room // 2)
        self._bounds = replace(self._listen.bounds, connections=connections)
        if not self.config.loaded:
            self.config.load()
        context, listen = self.config.ssl, self._listen
        server: asyncio.Server | AcceptingServer
        if context is None:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(self._protocol, self._host, self._port, backlog=listen.backlog)
        else:
            sockets = await bind(self._host, self._port, listen.backlog)
            most = partial(self._handshakes, min(listen.handshakes, room // 4))
            server = AcceptingServer(self._protocol, sockets, context, patience=listen.handshake, most=most)
            server.start()
        self.servers = [server]  # type: ignore[list-item] # uvicorn closes it and waits for that, no more
        self.bound_port = server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Let go of the port, whatever happened."""
        for server in self.servers:
            server.close()

    async def startup(self, sockets: object = None) -> None:  # noqa: ARG002 - the name is uvicorn's
        """Take note that `open` did it."""
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `stop_on_signals`."""
        yield

    def _handshakes(self, least: int) -> int:
        """Return how many may be under way: what becomes a connection takes no more than that."""
        return max(least, self._bounds.connections - len(self.server_state.connections))

    def _protocol(self) -> asyncio.Protocol:
        return BoundedProtocol(
            config=self.config,
            server_state=self.server_state,
            app_state={},
            bounds=self._bounds,
            at_once=self._at_once,
        )


def stop_on_signals(stop: asyncio.Event) -> None:
    """Have SIGTERM and SIGINT set `stop`; a second SIGINT ends the process as it always does."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, interrupted)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` on a uvloop event loop, or on Python's own where there is none."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.get_loop().set_exception_handler(tell_uncaught)
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


def tell_uncaught(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody caught, as a loop does by itself, but at debug level what is only the end of a connection.

    uvloop calls it an error where a name is not found after its look-up was given up, and where a peer left in the
    middle of a TLS record. A task that ends with an exception is always one.
    """
    error = context.get("exception")
    ended = isinstance(error, OSError) or ("transport" in context and isinstance(error, RuntimeError))
    if ended and not isinstance(context.get("future"), asyncio.Task):
        _LOG.debug("a connection ended: %s: %s", context.get("message"), type(error).__name__)
    else:
        loop.default_exception_handler(context)
