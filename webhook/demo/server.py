"""Serve a world on real sockets (I/O)."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from webhook.demo.authority import Authority
from webhook.demo.site import Certificate
from webhook.demo.wire import LIMIT, BadRequest, read_request, refuse, reset, send
from webhook.demo.world import Listener, Transport, World


@asynccontextmanager
async def serving(
    world: World, listeners: Iterable[Listener], *, ca: tuple[Path, Path] | None = None
) -> AsyncIterator["Server"]:
    """Serve until the block is left; `ca` is certificate and key of the authority to sign with, else one is made."""
    with TemporaryDirectory(prefix="pullproof-") as folder:
        certificate, key = ca or (None, None)
        server = Server(world, Authority(Path(folder), certificate=certificate, key=key))
        try:
            for listener in listeners:
                await server.listen(listener)
            yield server
        finally:
            await server.close()


class Server:
    """The sockets of one world. `ports` are in the order of the listeners; `ca` is the authority's certificate file."""

    def __init__(self, world: World, authority: Authority) -> None:
        self._world = world
        self._authority = authority
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._contexts: dict[tuple[str, Certificate], ssl.SSLContext] = {}
        self.ports: list[int] = []

    @property
    def ca(self) -> Path:
        return self._authority.file

    async def listen(self, listener: Listener) -> int:
        """Open one more listener and return its port."""
        context = self._tls(listener.address) if listener.transport is Transport.TLS else None

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._connected(listener.transport, reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        server = await asyncio.start_server(
            connected, listener.address, listener.port, ssl=context, limit=LIMIT, backlog=1024
        )
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        self.ports.append(port)
        return port

    async def close(self) -> None:
        """Close every listener and every connection, hanging ones too."""
        for server in self._servers:
            server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        await asyncio.sleep(0)  # aborted connections are closed in the loop's next turn

    async def _connected(
        self, transport: Transport, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await self._converse(transport, reader, writer)
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the peer went away
        finally:
            writer.transport.abort()

    async def _converse(self, transport: Transport, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match transport:
            case Transport.RESET:
                reset(writer)
            case Transport.SILENT:
                await reader.read(-1)
            case Transport.TLS | Transport.PLAIN:
                try:
                    await self._answer_all(reader, writer)
                except BadRequest:
                    await refuse(writer)

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            if not await send(reader, writer, request, self._world.answer(request)):
                return

    def _tls(self, address: str) -> ssl.SSLContext:
        """Return a context that shows each name its own certificate, and a valid one for the address itself."""
        context = self._authority.context(address, Certificate.VALID)

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            if name:
                connection.context = self._context(name.lower())

        context.sni_callback = choose
        return context

    def _context(self, host: str) -> ssl.SSLContext:
        key = (host, self._world.certificate(host))
        if key not in self._contexts:
            self._contexts[key] = self._authority.context(*key)
        return self._contexts[key]
