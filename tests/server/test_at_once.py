"""The short way: ordinary reviews are answered inside the read that brought them, all others as ever, and alike."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from webhook.policy.decision import Judged, Verdict
from webhook.workload.workload import Workload

HEAD = "POST /validate?timeout=5s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def known(workload: Workload) -> Verdict | None:
    return Verdict(workload=workload, judged=tuple(Judged(image=image) for image in workload.images))


def request(review: Any, uid: str, head: str = HEAD) -> bytes:
    body = json.dumps({**review, "request": {**review["request"], "uid": uid}}).encode()
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.send = writer.write
        self._reader = reader

    async def answer(self) -> tuple[str, Any]:
        """Return status line and body of the next answer."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in head if line.startswith("content-length"))
        return head[0], json.loads(await self._reader.readexactly(length))

    async def uid(self) -> str:
        status, body = await self.answer()
        assert status == "HTTP/1.1 200 OK"
        assert body["response"]["allowed"] is True
        return str(body["response"]["uid"])


@asynccontextmanager
async def connected(served: Any) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", served.server.port, ssl=served.trust, server_hostname="localhost"
    )
    yield Connection(reader, writer)
    writer.close()


async def test_what_is_known_is_answered_without_an_inspection(serve: Any, review: Callable[[str], Any]) -> None:
    async with serve() as served, connected(served) as connection:
        served.inspector.memory = known
        for number in range(3):
            connection.send(request(review("pod-create"), f"u-{number}"))
            assert await connection.uid() == f"u-{number}"
        counted = served.metrics.render()[0].decode()
    assert (len(served.inspector.recalled), len(served.inspector.asked)) == (3, 0)
    assert 'requests_total{decision="allowed",dry_run="false",operation="CREATE",resource="pods"} 3.0' in counted
    assert "pullproof_admission_inflight_requests 0.0" in counted


async def test_what_is_not_known_is_inspected(serve: Any, review: Callable[[str], Any]) -> None:
    async with serve() as served, connected(served) as connection:
        connection.send(request(review("pod-create"), "u-1"))
        assert await connection.uid() == "u-1"
        counted = served.metrics.render()[0].decode()
    assert (len(served.inspector.recalled), len(served.inspector.asked)) == (1, 1)
    assert 'requests_total{decision="allowed",dry_run="false",operation="CREATE",resource="pods"} 1.0' in counted


@pytest.mark.parametrize(
    "head",
    [
        HEAD + "Expect: 100-continue\r\n",
        HEAD + "Connection: keep-alive, upgrade\r\n",
        HEAD + "Content-Encoding: identity\r\n",
        HEAD.replace("application/json", "application/json; charset=utf-8"),
        HEAD.replace("HTTP/1.1", "HTTP/1.0"),
    ],
    ids=["expect", "connection", "encoding", "charset", "HTTP/1.0"],
)
async def test_whatever_is_unusual_is_inspected(serve: Any, review: Callable[[str], Any], head: str) -> None:
    async with serve() as served, connected(served) as connection:
        served.inspector.memory = known
        connection.send(request(review("pod-create"), "u-1", head))
        if "Expect" in head:
            assert await connection._reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert await connection.uid() == "u-1"
    assert (len(served.inspector.recalled), len(served.inspector.asked)) == (0, 1)


async def test_a_body_that_follows_at_once_is_as_good(serve: Any, review: Callable[[str], Any]) -> None:
    """Go's client writes headers and body in pieces of 4 kB; each is a record of TLS."""
    whole = request(review("pod-create"), "u-1")
    async with serve() as served, connected(served) as connection:
        served.inspector.memory = known
        for start in range(0, len(whole), 1000):
            connection.send(whole[start : start + 1000])
        assert await connection.uid() == "u-1"
    assert (len(served.inspector.recalled), len(served.inspector.asked)) == (1, 0)


async def test_a_body_that_is_late_is_inspected(serve: Any, review: Callable[[str], Any]) -> None:
    whole = request(review("pod-create"), "u-1")
    async with serve() as served, connected(served) as connection:
        served.inspector.memory = known
        connection.send(whole[:-100])
        await asyncio.sleep(0.3)
        connection.send(whole[-100:])
        assert await connection.uid() == "u-1"
        connection.send(request(review("pod-create"), "u-2"))
        assert await connection.uid() == "u-2"
    assert (len(served.inspector.recalled), len(served.inspector.asked)) == (1, 1)


async def test_a_large_body_is_inspected(serve: Any, review: Callable[[str], Any]) -> None:
    large = review("pod-create")
    large["request"]["object"]["metadata"]["annotations"] = {"padding": "x" * 70_000}
    async with serve() as served, connected(served) as connection:
        served.inspector.memory = known
        connection.send(request(large, "u-1"))
        assert await connection.uid() == "u-1"
    assert (len(served.inspector.recalled), len(served.inspector.asked)) == (0, 1)


async def test_who_hangs_up_in_the_middle_is_forgotten(serve: Any, review: Callable[[str], Any]) -> None:
    whole = request(review("pod-create"), "u-1")
    async with serve() as served:
        served.inspector.memory = known
        async with connected(served) as connection:
            connection.send(whole[:-100])
        async with connected(served) as connection:
            connection.send(request(review("pod-create"), "u-2"))
            assert await connection.uid() == "u-2"
    assert (len(served.inspector.recalled), len(served.inspector.asked)) == (1, 0)


async def test_one_of_a_pipeline_takes_it_and_all_are_answered_in_order(
    serve: Any, review: Callable[[str], Any]
) -> None:
    async with serve() as served, connected(served) as connection:
        served.inspector.memory = known
        connection.send(b"".join(request(review("pod-create"), f"u-{number}") for number in range(5)))
        assert [await connection.uid() for _ in range(5)] == [f"u-{number}" for number in range(5)]
    assert (len(served.inspector.recalled), len(served.inspector.asked)) == (1, 4)


async def test_a_connection_ends_where_its_client_wants_that(serve: Any, review: Callable[[str], Any]) -> None:
    async with serve() as served, connected(served) as connection:
        served.inspector.memory = known
        connection.send(request(review("pod-create"), "u-1", HEAD + "Connection: keep-alive\r\n"))
        assert await connection.uid() == "u-1"
        connection.send(request(review("pod-create"), "u-2", HEAD + "Connection: close\r\n"))
        assert b"connection: close" in await connection._reader.read()
    assert (len(served.inspector.recalled), len(served.inspector.asked)) == (2, 0)


async def test_a_malformed_one_is_refused_as_ever(serve: Any) -> None:
    async with serve() as served, connected(served) as connection:
        served.inspector.memory = known
        connection.send(f"{HEAD}Content-Length: 2\r\n\r\n".encode() + b"{}")
        status, body = await connection.answer()
    assert status == "HTTP/1.1 400 Bad Request"
    assert "error" in body


async def test_a_bug_is_no_answer_of_the_short_way(serve: Any, review: Callable[[str], Any]) -> None:
    def broken(_: Workload) -> Verdict | None:
        raise LookupError("a bug")

    async with serve() as served, connected(served) as connection:
        served.inspector.memory = broken
        connection.send(request(review("pod-create"), "u-1"))
        assert await connection.uid() == "u-1"
    assert len(served.inspector.asked) == 1


async def test_who_is_draining_ends_connections(serve: Any, review: Callable[[str], Any]) -> None:
    async with serve() as served, connected(served) as connection:
        served.inspector.memory = known
        served.health.draining = True
        connection.send(request(review("pod-create"), "u-1"))
        assert b"connection: close" in await connection._reader.read()
    assert len(served.inspector.recalled) == 0
