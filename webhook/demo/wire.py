"""HTTP/1.1 on asyncio streams, as much as registry clients use, and every way to get it wrong (I/O).

A request is read whole (head up to 64 KiB, body by Content-Length up to 1 MiB); connections are kept alive.
"""

import asyncio
import socket
import struct
from collections.abc import Mapping
from http.client import responses
from typing import Final
from urllib.parse import unquote

from webhook.demo.answer import Answer, Fault, Request

LIMIT: Final = 64 * 1024
_BODY_LIMIT: Final = 1024 * 1024


class BadRequest(ValueError):
    """What arrived is not an HTTP/1.1 request that we take."""


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read one request, None at the end of the connection; raises `BadRequest`."""
    first = await reader.read(1)
    if first and not first.isalpha():  # a TLS greeting has no line end to wait for
        raise BadRequest("not HTTP")
    try:
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest("request head is too long") from error
    line, *lines = head.decode("latin-1").split("\r\n")[:-2]
    try:
        method, target, _ = line.split(" ")
        headers = {name.strip().lower(): value.strip() for name, value in (text.split(":", 1) for text in lines)}
        length = int(headers.get("content-length", "0"))
    except ValueError as error:
        raise BadRequest(f"malformed request line or header after {line[:100]!r}") from error
    if not 0 <= length <= _BODY_LIMIT:
        raise BadRequest(f"body of {length} bytes")
    body = await reader.readexactly(length)
    path, _, query = target.partition("?")
    authority = headers.get("host", "").lower()
    return Request(method=method, authority=authority, path=unquote(path), query=query, headers=headers, body=body)


async def refuse(writer: asyncio.StreamWriter) -> None:
    """Answer what was no request, as web servers do; a TLS client takes it for "HTTP response to HTTPS client"."""
    writer.write(_head(Answer(status=400, headers={"Connection": "close"})))
    await writer.drain()


async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request, answer: Answer) -> bool:
    """Send an answer, or do what its fault says (hang: until the peer gives up); True if the connection may go on."""
    await asyncio.sleep(answer.delay)
    head, body = _head(answer), b"" if request.method == "HEAD" else answer.content
    match answer.fault:
        case Fault.NONE:
            writer.write(head + body)
            await writer.drain()
            return True
        case Fault.RESET:
            reset(writer)
        case Fault.TRUNCATE:
            writer.write(head + body[: len(body) // 2])
            await writer.drain()
        case Fault.HANG_BODY:
            writer.write(head)
            await writer.drain()
            await reader.read(-1)
        case Fault.HANG:
            await reader.read(-1)
        case Fault.CLOSE:
            pass
    return False


def reset(writer: asyncio.StreamWriter) -> None:
    """Make the peer see a connection reset instead of an end."""
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _head(answer: Answer) -> bytes:
    content = {} if answer.status == 304 else {"Content-Length": str(len(answer.content))}
    headers: Mapping[str, str] = {"Docker-Distribution-Api-Version": "registry/2.0"} | content | answer.headers
    reason = answer.reason or responses.get(answer.status, "")
    lines = [f"HTTP/1.1 {answer.status} {reason}"]
    lines += [f"{key}: {line}" for key, value in headers.items() for line in value.splitlines()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
