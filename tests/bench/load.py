"""Load on one server: wrk for rates, a client of our own for bursts (I/O)."""

import asyncio
import json
import multiprocessing
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import parts
import reviews
import uvloop

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_TRIES = 3
"""On a crowded machine a short round may end before its connections are open."""

_OPEN = 100
"""Connections of a sender, before it opens others for what waits."""

_LEAD = 1.0
"""Seconds in which the other senders open theirs."""

_PATIENCE = 120.0
_PATH = "/validate?timeout=30s"
_HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of load. Requests a second, milliseconds, and microseconds of the server's processor a request."""

    rate: float
    p50: float
    p99: float
    cpu: float
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Requests that were all sent at once: seconds to the last answer, and how many were not allowed."""

    seconds: float
    refused: int


def wrk(
    server: parts.Server, review: Path, *, connections: int, seconds: float, close: bool = False, images: int = 1
) -> Round:
    """Load `server` for some seconds; `close`: a new TLS connection for each request; `images`: see load.lua."""
    command = ["taskset", "-c", str(parts.LOAD_CORE), shutil.which("wrk") or "wrk", "-t1", f"-c{connections}"]
    command += [f"-d{seconds:g}s", "--latency", "-s", str(parts.HERE / "load.lua")]
    command.append(f"https://127.0.0.1:{server.port}{server.path}")
    environment = {**os.environ, "REVIEW": str(review), "CLOSE": "1" if close else "", "IMAGES": str(images)}
    for _ in range(_TRIES):
        before = server.cpu()
        output = subprocess.run(command, env=environment, check=True, capture_output=True).stdout
        used = server.cpu() - before
        told = json.loads(output.decode().strip().splitlines()[-1])
        if told["requests"]:
            break
    else:
        raise RuntimeError(f"{server.name} answered nothing: {told}")
    requests = told["requests"]
    return Round(
        rate=requests / (told["microseconds"] / 1e6),
        p50=told["p50"] / 1000,
        p99=told["p99"] / 1000,
        cpu=used / requests * 1e6,
        failed=told["status"] + (0 if close else told["socket"]),
    )


def burst(port: int, bodies: Sequence[bytes], path: str = _PATH) -> Burst:
    """Open a connection for each body, then send all of them at once; raises `TimeoutError` after two minutes."""
    with _on_the_core_of_the_load():
        return asyncio.run(asyncio.wait_for(_burst(port, bodies, path), _PATIENCE))


def paced(port: int, bodies: Mapping[str, Sequence[bytes]], known: bytes, *, seconds: float) -> dict[str, list[float]]:
    """Send each kind of bodies evenly over so many seconds; return the milliseconds that each took, by kind.

    What waits does so on a connection of its own, as an API server does it; those are open before, each has asked what
    is `known`. Each kind comes from a process of its own, so that what the sender of one does is not measured as
    another's.
    """
    senders = multiprocessing.get_context("fork")
    with senders.Pool(len(bodies)) as pool:
        sent = {kind: pool.apply_async(_send, (port, some, known, seconds)) for kind, some in bodies.items()}
        return {kind: told.get(_PATIENCE) for kind, told in sent.items()}


def _send(port: int, bodies: Sequence[bytes], known: bytes, seconds: float) -> list[float]:
    with _on_the_core_of_the_load(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_paced(port, bodies, known, seconds))


def numbered(template: bytes, count: int) -> list[bytes]:
    """Return that many different reviews."""
    return [reviews.numbered(template, number) for number in range(count)]


def handshakes(server: parts.Server, count: int, *, resumed: bool) -> float:
    """Return the microseconds of the server's processor that a connection takes, with one small request on it.

    `resumed`: each goes on with the TLS session of the one before.
    """
    with _on_the_core_of_the_load():
        context = parts.client_context()
        session = _session(context, server.port, None)[0]
        before = server.cpu()
        for _ in range(count):
            given, went_on = _session(context, server.port, session if resumed else None)
            if went_on is not resumed:
                raise RuntimeError(f"{server.name} did not do as it said of TLS sessions")
            session = given or session
        return (server.cpu() - before) / count * 1e6


@contextmanager
def _on_the_core_of_the_load() -> Iterator[None]:
    os.sched_setaffinity(0, {parts.LOAD_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, {parts.SERVER_CORE, parts.LOAD_CORE})


def resumes(port: int) -> bool:
    """Tell whether a second connection may go on with the first one's TLS session."""
    context = parts.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    session = _session(context, port, None)[0]
    return _session(context, port, session)[1]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the middle one, the least and the most."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def _session(context: ssl.SSLContext, port: int, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname=parts.HOST, session=session) as secure,
    ):
        secure.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        secure.recv(4096)  # a TLS 1.3 ticket comes with the first answer
        return secure.session, bool(secure.session_reused)


async def _burst(port: int, bodies: Sequence[bytes], path: str) -> Burst:
    context = parts.client_context()
    few = asyncio.Semaphore(50)

    async def opened() -> _Connection:
        async with few:
            return await asyncio.open_connection("127.0.0.1", port, ssl=context)

    async def answered(connection: _Connection, body: bytes) -> bytes:
        try:
            return await _ask(connection, body, path)
        except (OSError, asyncio.IncompleteReadError):  # the server waits five seconds for the first request
            return await _ask(await opened(), body, path)

    connections = await asyncio.gather(*(opened() for _ in bodies))
    began = time.perf_counter()
    answers = await asyncio.gather(*map(answered, connections, bodies))
    seconds = time.perf_counter() - began
    for _, writer in connections:
        writer.close()
    return Burst(seconds=seconds, refused=sum(b'"allowed":true' not in answer for answer in answers))


async def _paced(port: int, bodies: Sequence[bytes], known: bytes, seconds: float) -> list[float]:
    context = parts.client_context()
    free: list[_Connection] = []
    took: list[float] = []
    loop = asyncio.get_running_loop()
    for _ in range(min(len(bodies), _OPEN)):
        connection = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        await _ask(connection, known)
        free.append(connection)

    async def one(body: bytes, due: float) -> None:
        await asyncio.sleep(due - loop.time())
        begun = time.perf_counter()
        connection = free.pop() if free else await asyncio.open_connection("127.0.0.1", port, ssl=context)
        await _ask(connection, body)
        took.append((time.perf_counter() - begun) * 1000)
        free.append(connection)

    begin = loop.time() + _LEAD
    async with asyncio.TaskGroup() as group:
        for number, body in enumerate(bodies):
            group.create_task(one(body, begin + seconds * number / len(bodies)))
    for _, writer in free:
        writer.close()
    return took


async def _ask(connection: _Connection, body: bytes, path: str = _PATH) -> bytes:
    reader, writer = connection
    writer.write(_HEAD.format(path, len(body)).encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = next((line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")), None)
    return await (_chunks(reader) if length is None else reader.readexactly(int(length.partition(b":")[2])))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    content = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).strip(), 16)
        content += (await reader.readexactly(size + 2))[:-2]
        if not size:
            return content
