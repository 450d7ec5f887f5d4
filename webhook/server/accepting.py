"""Connections taken in, with a bound on those whose TLS handshake is not done (I/O: sockets).

A server of asyncio's makes all that TLS takes of a connection, some 55 kB, once it is accepted, however many there are:
nine thousand of which none said a word were half a GiB. So we accept ourselves. Where more than `most` handshakes are
under way the oldest ends: an honest one takes milliseconds, and whoever only holds places loses them to those who come.
In a burst of API servers thousands begin before the first is done: `most` leaves room for that, and where it does not,
who comes waits in the backlog until the oldest had its time.
"""

import asyncio
import logging
import os
import resource
import socket
import ssl
from collections.abc import Callable, Sequence

from webhook.server.log import fields

_LOG = logging.getLogger("pullproof.server")

_AT_ONCE = 16
"""Connections that are accepted in one turn of the loop; every handshake has begun before it can be the oldest."""

_LEAST = 4 * _AT_ONCE
_HONEST = 0.5
"""Seconds that a handshake may take however many wait for its place."""

_BREATH, _REST = 0.01, 0.5
"""Seconds for which none is accepted where there is no room for one, and after the system refused one, mostly for want
of a descriptor."""


class AcceptingServer:
    """Listens on `sockets`, which it owns; `protocol` is made for each connection. What uvicorn wants of a server."""

    def __init__(
        self,
        protocol: Callable[[], asyncio.Protocol],
        sockets: Sequence[socket.socket],
        context: ssl.SSLContext,
        *,
        patience: float,
        most: Callable[[], int],
    ) -> None:
        """`most` is asked how many handshakes there may be; each, and each farewell, may take `patience` seconds."""
        self.sockets = tuple(sockets)
        self._protocol = protocol
        self._context = context
        self._patience = patience
        self._most = most
        self._shaking: dict[asyncio.Task[None], float] = {}
        self._closed = False

    def start(self) -> None:
        """Accept from now on."""
        for each in self.sockets:
            self._listen(each)

    def close(self) -> None:
        """Accept no more; handshakes under way go on."""
        if self._closed:
            return
        self._closed = True
        for each in self.sockets:
            asyncio.get_running_loop().remove_reader(each)
            each.close()

    async def wait_closed(self) -> None:
        """End the handshakes under way."""
        left = tuple(self._shaking)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _listen(self, listening: socket.socket) -> None:
        if not self._closed:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            if not self._make_room():
                self._pause(listening, _BREATH)
                return
            try:
                connection, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _LOG.warning("no connection can be accepted", extra=fields(reason=error.strerror))
                self._pause(listening, _REST)
                return
            connection.setblocking(False)
            self._welcome(connection)

    def _pause(self, listening: socket.socket, seconds: float) -> None:
        """Let those who come to it wait in its backlog."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        loop.call_later(seconds, self._listen, listening)

    def _make_room(self) -> bool:
        """End the oldest where there are too many; tell whether there is room: each is given its time."""
        while len(self._shaking) >= max(self._most(), _LEAST):
            oldest, began = next(iter(self._shaking.items()))
            if asyncio.get_running_loop().time() - began < _HONEST:
                return False
            del self._shaking[oldest]
            oldest.cancel()
        return True

    def _welcome(self, connection: socket.socket) -> None:
        task = asyncio.create_task(self._shake_hands(connection))
        self._shaking[task] = asyncio.get_running_loop().time()
        task.add_done_callback(lambda done: self._shaking.pop(done, None))

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=self._patience,
                ssl_shutdown_timeout=self._patience,
            )
        except OSError as error:
            _LOG.debug("a handshake failed", extra=fields(reason=str(error)))


def descriptors(most: int = 65_536) -> int:
    """Have as many descriptors as the system lets us, up to `most`; return how many there are.

    What runs in a container mostly begins with 1,024, and may have more for the asking (systemd, `LimitNOFILE`). Where
    it may not (a sandbox, or a hard limit above `fs.nr_open`), those that there are do.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return most if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        _LOG.warning("no more descriptors may be had", extra=fields(descriptors=soft, reason=str(error)))
        return soft
    return wanted


async def bind(host: str | None, port: int, backlog: int) -> tuple[socket.socket, ...]:
    """Return sockets that listen, one for each address of `host` (None: of the machine); raise `OSError`."""
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port, start_serving=False)
    bound = tuple(socket.socket(fileno=os.dup(each.fileno())) for each in server.sockets)
    server.close()
    for each in bound:
        each.setblocking(False)
        each.listen(backlog)
    return bound
