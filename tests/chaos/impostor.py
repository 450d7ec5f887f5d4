"""Somebody else at a part's address: each way in which a server can be wrong, whatever it should have spoken (I/O).

An impostor listens on one port; a door (doors.py) leads there while its fault lasts. `tls` names the certificate that
it shows; without, it speaks plainly.
"""

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_BLOCK = b"a" * 65536


@asynccontextmanager
async def standing(behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Listen until the block is left; yields `host:port`."""
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_converse(behaviour, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls, backlog=1024)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _converse(behaviour: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await behaviour(reader, writer)
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the peer has had enough
    finally:
        if not writer.is_closing():
            writer.transport.abort()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take what comes and never say a word."""
    await _drink(reader)


async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak no protocol at all."""
    writer.write(os.urandom(4096))
    await _drink(reader)


async def half_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End our own direction at once, and go on listening."""
    writer.write_eof()
    await _drink(reader)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send bytes for as long as they are taken, without having been asked."""
    while not writer.is_closing():
        writer.write(_BLOCK)
        await asyncio.sleep(0)  # drain() alone never lets the loop notice that the peer is gone
        await writer.drain()


def after_request(then: Behaviour) -> Behaviour:
    """Read the head of one request first."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await then(reader, writer)

    return behave


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with a JSON text that never ends."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"token":"')
    await endless(reader, writer)


async def endless_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with headers that never end."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    await endless(reader, writer)


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a byte at a time."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


async def head_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Promise a body and never send it."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    await _drink(reader)


async def cut_short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Promise a body, send half of it and go."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"token":"')
    await writer.drain()


def saying(status: int, body: str | bytes = b"", kind: str = "application/json", **headers: str) -> Behaviour:
    """Answer every request alike; header names with `_` for `-`."""
    content = body.encode() if isinstance(body, str) else body
    named = {"Content-Type": kind, "Content-Length": str(len(content))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = f"HTTP/1.1 {status} said\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items()) + "\r\n"

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            await _skip_body(reader, request)
            writer.write(head.encode("latin-1") + (b"" if request.startswith(b"HEAD ") else content))
            await writer.drain()

    return behave


async def _skip_body(reader: asyncio.StreamReader, head: bytes) -> None:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))


def redis_says(line: str) -> Behaviour:
    """Answer each read with one line of the Redis protocol."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(f"{line}\r\n".encode() * 3)
            await writer.drain()

    return behave


async def _drink(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass
    await asyncio.Event().wait()  # the peer's end of it does not end ours
