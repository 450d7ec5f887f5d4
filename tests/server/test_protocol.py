"""What a client may not do to a connection."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from webhook.policy.decision import Verdict
from webhook.server.admission import Limits
from webhook.server.protocol import Bounds
from webhook.workload.workload import Workload

TIGHT = Bounds(
    header_seconds=0.4,
    header_bytes=4096,
    framing_bytes=65536,
    linger_seconds=0.4,
    linger_bytes=1_000_000,
    connections=8,
)


async def open_(served: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", served.server.port, ssl=served.trust, server_hostname="localhost")


async def closed_after(reader: asyncio.StreamReader, seconds: float) -> tuple[bytes, float]:
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        answer = await reader.read()
    return answer, time.monotonic() - began


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"", b""), (b"POST /validate HT", b"408"), (b"POST /validate HTTP/1.1\r\nhost: x\r\nx-y", b"408")],
    ids=["nothing", "half a line", "half a header"],
)
async def test_headers_that_do_not_come(serve: Any, sent: bytes, status: bytes) -> None:
    async with serve(bounds=TIGHT, handshake=0.5) as served:
        reader, writer = await open_(served)
        writer.write(sent)
        answer, waited = await closed_after(reader, 20)
        writer.close()
    assert status in answer[:20]
    assert bool(answer) is bool(status)
    assert waited > 0.2


async def test_headers_without_end(serve: Any) -> None:
    async with serve(bounds=TIGHT, handshake=0.5) as served:
        reader, writer = await open_(served)
        writer.write(b"POST /validate HTTP/1.1\r\nhost: x\r\nx-long: ")
        for _ in range(3):
            await asyncio.sleep(0.05)
            writer.write(b"a" * 2000)
        answer, _ = await closed_after(reader, 20)
        writer.close()
        assert (await served.post("pod-create")).status_code == 200
    assert answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"1\r\n{\r\n0\r\n", b"x-a: b\r\n" * 1000),
        (b"1\r\n{\r\n0\r\nx-a: ", b"b" * 8000),
        (b"1;", b"a" * 8000),
        (b"", b"1\r\n \r\n" * 1000),
    ],
    ids=["trailers", "one trailer", "one chunk's extension", "chunks of a byte"],
)
@pytest.mark.parametrize("path", [b"/validate", b"/livez"])
async def test_a_body_that_is_mostly_framing(serve: Any, path: bytes, begin: bytes, more: bytes) -> None:
    """Trailers are kept like headers: one client's filled gigabytes in seconds, long before its time was up."""
    async with serve(bounds=TIGHT, handshake=0.5) as served:
        _reader, writer = await open_(served)
        writer.write(
            b"POST %b?timeout=10s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"transfer-encoding: chunked\r\n\r\n%b" % (path, begin)
        )
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 50_000_000:
                writer.write(more)
                await writer.drain()
                sent += len(more)
        writer.close()
    assert sent < 10_000_000


async def test_who_never_reads_is_let_go(serve: Any) -> None:
    """Its answers wait with its connection, which is never quiet, and so would make no room either."""
    bounds = Bounds(write_seconds=0.5)
    async with serve(bounds=bounds, handshake=5) as served:
        taken = socket.socket()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        taken.setblocking(False)
        await asyncio.get_running_loop().sock_connect(taken, ("127.0.0.1", served.server.port))
        reader, writer = await asyncio.open_connection(
            sock=taken, ssl=served.trust, server_hostname="localhost", limit=1024
        )
        with contextlib.suppress(ConnectionError):
            for _ in range(300):
                writer.write(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n" * 30)
                await writer.drain()
                await asyncio.sleep(0.005)
        async with asyncio.timeout(20):
            while served.server._main.server_state.connections:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.05)
        writer.close()
        assert (await served.post("pod-create")).status_code == 200
        del reader


@pytest.mark.parametrize(("count", "served_all"), [(60, True), (5_000, False)])
async def test_requests_that_are_sent_without_waiting(serve: Any, count: int, served_all: bool) -> None:
    """One read holds thousands of the smallest, and each that waits takes as much memory as one that is answered."""
    async with serve(handshake=5) as served:
        reader, writer = await open_(served)
        writer.write(b"GET /x HTTP/1.1\r\n\r\n" * (count - 1) + b"GET /x HTTP/1.1\r\nconnection: close\r\n\r\n")
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer, _ = await closed_after(reader, 20)
        writer.close()
        assert (answer.count(b"HTTP/1.1 404 ") == count) is served_all
        assert (await served.post("pod-create")).status_code == 200


async def test_trailers_of_an_honest_client_are_read_past(serve: Any, review: Callable[[str], Any]) -> None:
    body = json.dumps(review("pod-create")).encode()
    async with serve(bounds=TIGHT, handshake=0.5) as served:
        reader, writer = await open_(served)
        writer.write(
            b"POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nx-checksum: 1\r\n\r\n" % (len(body), body)
        )
        answer, _ = await closed_after(reader, 20)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_body_dripped_after_an_early_answer(serve: Any) -> None:
    async with serve(bounds=TIGHT, handshake=0.5) as served:
        reader, writer = await open_(served)
        writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nx")
        answer, waited = await closed_after(reader, 20)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert waited > 0.2


async def test_a_body_poured_after_an_early_answer(serve: Any) -> None:
    async with serve(bounds=TIGHT, handshake=0.5) as served:
        reader, writer = await open_(served)
        writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n")
        await reader.readuntil(b"ok")
        sent = 0
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                writer.write(b"x" * 65536)
                await writer.drain()
                sent += 65536
        writer.close()
    assert sent < 50_000_000


async def test_connections_are_bounded_and_the_quietest_makes_room(serve: Any) -> None:
    """Whoever opened all that there may be, and asks now and then, must not keep the API server out."""
    slow = Bounds(header_seconds=20, connections=8)
    ask = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
    async with serve(bounds=slow, handshake=5) as served:
        opened = [await open_(served) for _ in range(slow.connections)]
        for reader, writer in (opened[0], *opened[2:]):
            writer.write(ask)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        assert (await served.post("pod-create")).status_code == 200
        async with asyncio.timeout(20):
            assert await opened[1][0].read() == b"", "the one that never asked"
        for reader, writer in opened[2:]:
            writer.write(ask)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200"), "the others are there still"
        for _, writer in opened:
            writer.close()


async def test_who_has_just_shaken_hands_is_not_the_quietest(serve: Any) -> None:
    """In a burst a handshake takes its time, and the request follows it."""
    async with serve(bounds=Bounds(header_seconds=20, connections=2), handshake=60.0) as served:
        slow = await asyncio.to_thread(socket.create_connection, ("127.0.0.1", served.server.port))
        await asyncio.sleep(0.1)
        idle, ends = await open_(served)
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection(sock=slow, ssl=served.trust, server_hostname="localhost")
        assert (await served.post("pod-create")).status_code == 200
        writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        assert await idle.read() == b""
        ends.close()
        writer.close()


async def test_connections_that_are_being_answered_make_no_room(serve: Any) -> None:
    go = asyncio.Event()

    async def slow(workload: Workload, deadline: float) -> Verdict:
        await go.wait()
        return Verdict(workload=workload)

    async with serve(slow, bounds=Bounds(connections=4), handshake=5) as served:
        asked = [asyncio.create_task(served.post("pod-create")) for _ in range(4)]
        while len(served.inspector.asked) < 4:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        with pytest.raises(httpx.TransportError):
            await served.post("pod-create")
        go.set()
        assert [(await each).status_code for each in asked] == [200] * 4


async def test_a_connection_outlives_an_early_answer_when_the_body_ends(serve: Any) -> None:
    async with serve(bounds=TIGHT, handshake=0.5) as served:
        reader, writer = await open_(served)
        writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nx")
        assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"yzz")
        await asyncio.sleep(0.05)
        writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        answer, _ = await closed_after(reader, 20)
        writer.close()
    assert answer.endswith(b"\r\n\r\nok")


async def test_a_slow_but_honest_client_is_served(serve: Any) -> None:
    async with serve(bounds=TIGHT, handshake=0.5) as served:
        reader, writer = await open_(served)
        for piece in (b"GET /li", b"vez HTTP/1.1\r\nho", b"st: x\r\nconnection: cl", b"ose\r\n\r\n"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)
        answer, _ = await closed_after(reader, 20)
        writer.close()
    assert answer.endswith(b"\r\n\r\nok")


async def test_a_handshake_that_does_not_come_is_not_waited_for(serve: Any) -> None:
    async with serve(bounds=TIGHT, handshake=0.5) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
        answer, _ = await closed_after(reader, 20)
        writer.close()
    assert answer == b""


async def test_handshakes_are_bounded_and_the_oldest_makes_room(serve: Any) -> None:
    """Each holds the memory of TLS; and whoever holds all places must not keep others out."""
    async with serve(handshake=60.0, handshakes=64, bounds=Bounds(connections=64)) as served:
        silent = [await asyncio.open_connection("127.0.0.1", served.server.port) for _ in range(200)]
        assert (await served.post("pod-create")).status_code == 200
        ends = [asyncio.create_task(closed_after(reader, 20)) for reader, _ in silent[:130]]
        assert {answer for answer, _ in await asyncio.gather(*ends)} == {b""}
        assert len(served.server._main.servers[0]._shaking) <= 64
        for _, writer in silent:
            writer.close()


@pytest.mark.parametrize("connections", [4096, 64], ids=["there is room for all", "they wait for room"])
async def test_a_burst_of_honest_handshakes_is_served(serve: Any, connections: int) -> None:
    """API servers open a connection for each review past their idle ones, and all greet before any is greeted."""
    async with serve(handshake=60.0, handshakes=64, bounds=Bounds(connections=connections)) as served:
        address = "127.0.0.1", served.server.port
        opened = [await asyncio.to_thread(socket.create_connection, address) for _ in range(200)]
        await asyncio.sleep(0.1)

        async def ask(opened: socket.socket) -> bytes:
            reader, writer = await asyncio.open_connection(sock=opened, ssl=served.trust, server_hostname="localhost")
            writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer[:12]

        assert await asyncio.gather(*map(ask, opened)) == [b"HTTP/1.1 200"] * 200


@pytest.mark.parametrize("rubbish", [b"\x00" * 64, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50 + b"@"])
async def test_what_is_no_http(serve: Any, rubbish: bytes) -> None:
    async with serve(bounds=TIGHT, handshake=0.5) as served:
        reader, writer = await open_(served)
        writer.write(rubbish)
        answer, _ = await closed_after(reader, 20)
        writer.close()
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
        assert (await served.post("pod-create")).status_code == 200


async def test_bodies_that_do_not_come_take_nobodys_place(serve: Any) -> None:
    """As many as may be connected, each with a body that it owes us, and as many as may be inspected at once."""
    owing = b"POST /validate?timeout=30s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    owing += b"content-length: 9\r\n\r\n{"
    async with serve(bounds=Bounds(connections=8), limits=Limits(budget=20, in_flight=4), handshake=5) as served:
        opened = [await open_(served) for _ in range(8)]
        for _, writer in opened:
            writer.write(owing)
            await writer.drain()
        await asyncio.sleep(0.2)
        for _ in range(3):
            assert (await served.post("pod-create")).status_code == 200
        for _, writer in opened:
            writer.close()
