"""Time and bytes: nothing that a server does takes more than its share of either."""

import gzip
import tracemalloc
import zlib
from typing import Any

import pytest

from webhook.registry.client import Patience
from webhook.registry.resolution import Failure

DIGEST = "sha256:" + "a" * 64
TYPE = "application/vnd.oci.image.manifest.v1+json"
SHA_OF_BRACES = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


async def test_our_own_deadline(network: Any, ask: Any) -> None:
    refusal = (await ask(network({"path": "", "status": 200}, delay=10), "reg.example/app:1", seconds=0.05)).refusal
    assert refusal.failure is Failure.OUT_OF_TIME
    assert refusal.message == "reg.example did not answer in the time there was"


async def test_what_was_asked_before_the_deadline_is_told(network: Any, ask: Any, parts: Any) -> None:
    slow = parts([b"{"] * 100, pause=0.05)
    scripted = network(
        {"path": "", "method": "HEAD", "status": 405}, {"path": "", "method": "GET", "status": 200, "body": slow}
    )
    refusal = (await ask(scripted, "reg.example/app:1", seconds=0.1)).refusal
    assert refusal.failure is Failure.OUT_OF_TIME
    assert [(attempt.status, attempt.failure) for attempt in refusal.attempts] == [
        (405, None),
        (None, Failure.OUT_OF_TIME),
    ]


async def test_one_request_has_its_own_time(network: Any, ask: Any) -> None:
    scripted = network({"path": "", "status": 200}, delay=10)
    refusal = (await ask(scripted, "reg.example/app:1", patience=Patience(connect=1, request=0.05))).refusal
    assert refusal.failure is Failure.TIMEOUT
    assert refusal.node_error.endswith("net/http: timeout awaiting response headers")
    assert refusal.message == "https://reg.example cannot be reached (timeout): timeout awaiting response headers"


async def test_a_body_that_drips_ends_with_the_request(network: Any, ask: Any, parts: Any) -> None:
    drip = parts([b"x"] * 1000, pause=0.02)
    scripted = network(
        {"path": "", "method": "HEAD", "status": 200, "headers": {"Content-Type": TYPE}},
        {"path": "", "method": "GET", "status": 200, "headers": {"Content-Type": TYPE}, "body": drip},
    )
    refusal = (await ask(scripted, "reg.example/app:1", patience=Patience(connect=1, request=0.1))).refusal
    assert refusal.failure is Failure.TIMEOUT
    assert drip.given < 20


async def test_an_endless_body_is_left(network: Any, ask: Any, parts: Any) -> None:
    endless = parts([b"x" * 65536] * 10_000)
    scripted = network(
        {"path": "", "method": "HEAD", "status": 200, "headers": {"Content-Type": TYPE}},
        {"path": "", "method": "GET", "status": 200, "headers": {"Content-Type": TYPE}, "body": endless},
    )
    assert (await ask(scripted, "reg.example/app:1")).refusal.failure is Failure.NOT_AN_IMAGE
    assert endless.given < 70


async def test_a_body_in_crumbs_is_left(network: Any, ask: Any, parts: Any) -> None:
    crumbs = parts([b" "] * 1_000_000)
    scripted = network(
        {"path": "", "method": "HEAD", "status": 200, "headers": {"Content-Type": TYPE}},
        {"path": "", "method": "GET", "status": 200, "headers": {"Content-Type": TYPE}, "body": crumbs},
    )
    assert (await ask(scripted, "reg.example/app:1")).refusal.failure is Failure.SERVER_ERROR
    assert crumbs.given < 10_000


async def test_an_endless_error_is_left(network: Any, ask: Any, parts: Any) -> None:
    endless = parts([b"x" * 65536] * 10_000)
    scripted = network({"path": "", "method": "HEAD", "status": 403}, {"path": "", "status": 403, "body": endless})
    assert (await ask(scripted, "reg.example/app:1")).refusal.failure is Failure.FORBIDDEN
    assert endless.given == 1


async def test_an_endless_token_is_left(network: Any, ask: Any, parts: Any) -> None:
    endless = parts([b'{"token":"', *[b"x" * 65536] * 10_000])
    asks = {"WWW-Authenticate": 'Bearer realm="https://auth.example/t"'}
    scripted = network(
        {"host": "reg.example", "path": "", "status": 401, "headers": asks},
        {"path": "", "status": 200, "body": endless},
    )
    assert (await ask(scripted, "reg.example/app:1")).refusal.failure is Failure.SERVER_ERROR
    assert endless.given == 2


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"{}", mtime=0)),
        ("x-gzip", gzip.compress(b"{}", mtime=0)),
        ("deflate", zlib.compress(b"{}")),
        ("", b"{}"),
    ],
)
async def test_what_nobody_asked_to_be_packed_is_unpacked(network: Any, ask: Any, encoding: str, packed: bytes) -> None:
    headers = {"Content-Type": TYPE} | ({"Content-Encoding": encoding} if encoding else {})
    scripted = network({"path": "", "status": 200, "headers": headers, "body": packed})
    assert (await ask(scripted, "reg.example/app:1")).found.digest == SHA_OF_BRACES


async def test_a_bomb_goes_off_inside_the_limit(network: Any, ask: Any) -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024), compresslevel=9)
    scripted = network(
        {"path": "", "status": 200, "headers": {"Content-Type": TYPE, "Content-Encoding": "gzip"}, "body": bomb}
    )
    tracemalloc.start()
    refusal = (await ask(scripted, "reg.example/app:1")).refusal
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refusal.failure is Failure.NOT_AN_IMAGE
    assert peak < 24 * 1024 * 1024


@pytest.mark.parametrize("body", [b"not packed", b"\x1f\x8b\x08broken"])
async def test_a_broken_packing(network: Any, ask: Any, body: bytes) -> None:
    headers = {"Content-Encoding": "gzip"}
    scripted = network(
        {"path": "", "method": "HEAD", "status": 404}, {"path": "", "status": 404, "headers": headers, "body": body}
    )
    refusal = (await ask(scripted, "reg.example/app:1")).refusal
    assert (refusal.failure, refusal.confirmed) == (Failure.NOT_FOUND, False)


async def test_a_mirrors_own_patience(network: Any, ask: Any) -> None:
    from webhook.registry.endpoint import Endpoint

    quick = Endpoint(namespace="reg.example", scheme="https", host="reg.example", connect_timeout=0.2)
    scripted = network({"path": "", "status": 404})
    await ask(scripted, "reg.example/app:1", of=lambda registry: (quick,))
    assert len(scripted.sent) == 2


async def test_closing_closes_every_transport(network: Any, client: Any, ask: Any) -> None:
    scripted = network({"path": "", "status": 404})
    using = client(scripted)
    await ask(scripted, "reg.example/app:1", using=using)
    await using.aclose()
    assert scripted.closed == 1
