"""POST /validate over real TLS."""

import asyncio
import json
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from webhook.policy.decision import Verdict
from webhook.server.admission import Limits
from webhook.server.body import MIB, BodyReader
from webhook.workload.workload import Workload


async def test_a_pod_is_allowed_without_a_word(serve: Any) -> None:
    async with serve() as served:
        answer = await served.post("pod-create")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": True},
    }
    ((workload, _, user),) = served.inspector.asked
    assert len(workload.images) == 3
    assert user == "system:serviceaccount:kube-system:replicaset-controller"


async def test_a_denial(serve: Any, denying: Any) -> None:
    async with serve(denying) as served:
        response = (await served.post("deployment-create")).json()["response"]
    assert response["allowed"] is False
    assert response["status"]["code"] == 403
    assert response["status"]["message"].startswith('1 of 3 images cannot be pulled in namespace "shop"')


async def test_a_warning(serve: Any, warning: Any) -> None:
    async with serve(warning) as served:
        response = (await served.post("deployment-create")).json()["response"]
    assert response["allowed"] is True
    assert response["warnings"] == ['container "api": ghcr.io/acme/api:1.4.2 not found in registry [image-not-found]']


@pytest.mark.parametrize("name", ["pod-delete", "deployment-scale", "deployment-scale-up"])
async def test_what_is_nothing_to_judge_asks_nobody(serve: Any, name: str) -> None:
    async with serve() as served:
        answer = await served.post(name)
    assert answer.json()["response"]["allowed"] is True
    assert served.inspector.asked == []


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("", 4.05),
        ("?timeout=2s", 1.8),
        ("?timeout=1m30s", 4.05),
        ("?timeout=30s", 4.05),
        ("?timeout=300ms", 0.15),
        ("?timeout=rubbish", 4.05),
        ("?timeout=0s", 4.05),
        ("?timeout=", 4.05),
    ],
)
async def test_the_deadline(serve: Any, review: Any, query: str, seconds: float) -> None:
    async with serve(limits=Limits(budget=4.5)) as served, served.client() as client:
        await client.post(f"/validate{query}", json=review("pod-create"))
        ((_, left, _),) = served.inspector.asked
    # Some of it is spent when the inspector is asked; the loop's clock counts milliseconds.
    assert seconds * 0.5 - 0.1 <= left <= seconds + 0.005


async def test_an_inspection_that_overruns_is_answered_in_time(serve: Any) -> None:
    async def stuck(workload: Workload, deadline: float) -> Verdict:
        await asyncio.Event().wait()
        raise AssertionError

    async with serve(stuck) as served:
        answer = await served.post("pod-create", params={"timeout": "600ms"})
        assert "pullproof_admission_deadline_exceeded_total 1.0" in _metrics(served)
    assert answer.json()["response"] == {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "allowed": True,
        "warnings": ["out of time; 3 images not verified [not-verified]"],
        "auditAnnotations": {"decision": "not-verified"},
    }


async def test_a_bug_is_a_500_that_says_nothing(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(workload: Workload, deadline: float) -> Verdict:
        raise ZeroDivisionError("s3cret detail")

    async with serve(broken) as served:
        answer = await served.post("pod-create")
        again = await served.post("pod-create")
    assert (answer.status_code, again.status_code) == (500, 500)
    assert answer.json() == {"error": "internal error, see the log of the server"}
    assert answer.headers["connection"] == "close"
    assert any(record.exc_info and record.levelno == logging.ERROR for record in caplog.records)
    assert 'decision="error"' in _metrics(served)


async def test_a_timeout_that_is_not_ours_is_a_bug(serve: Any) -> None:
    async def impatient(workload: Workload, deadline: float) -> Verdict:
        raise TimeoutError

    async with serve(impatient) as served:
        assert (await served.post("pod-create")).status_code == 500


REFUSED: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("empty", {"content": b""}, 400, "", "input data was truncated"),
    ("not json", {"content": b"<html>"}, 400, "", "jSON is malformed"),
    ("not a review", {"content": b"{}"}, 400, "", "object missing required field"),
    (
        "wrong version",
        {
            "json": {
                "apiVersion": "v1",
                "kind": "AdmissionReview",
                "request": {"uid": "u", "kind": {"kind": "Pod"}, "operation": "CREATE"},
            }
        },
        400,
        "apiVersion",
        "expected 'admission.k8s.io/v1', got 'v1'",
    ),
]


@pytest.mark.parametrize(
    ("options", "status", "path", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_malformed_bodies(serve: Any, options: dict[str, Any], status: int, path: str, reason: str) -> None:
    async with serve() as served, served.client() as client:
        answer = await client.post("/validate", headers={"content-type": "application/json"}, **options)
    assert answer.status_code == status
    assert answer.json().get("path", "") == path
    assert answer.json()["error"].startswith(reason)


async def test_a_malformed_field_is_told_with_its_path(serve: Any, review: Callable[[str], Any]) -> None:
    body = review("pod-create")
    body["request"]["object"]["spec"]["containers"][0]["image"] = 5
    async with serve() as served, served.client() as client:
        answer = await client.post("/validate", json=body)
    assert answer.json() == {"error": "expected str, got int", "path": "request.object.spec.containers[0].image"}


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("text/plain", 415),
        ("application/yaml", 415),
        ("", 415),
        ("application/jsonp", 415),
    ],
)
async def test_content_types(serve: Any, review: Callable[[str], Any], content_type: str, status: int) -> None:
    content = json.dumps(review("pod-create")).encode()
    async with serve() as served, served.client() as client:
        answer = await client.post("/validate", content=content, headers={"content-type": content_type})
    assert answer.status_code == status
    assert answer.json()["error" if status == 415 else "response"]


async def test_compressed_bodies_are_refused_unread(serve: Any) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    async with serve() as served, served.client() as client:
        assert (await client.post("/validate", content=b"\x1f\x8b", headers=headers)).status_code == 415


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_methods(serve: Any, method: str) -> None:
    async with serve() as served, served.client() as client:
        answer = await client.request(method, "/validate")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert "error" in answer.json()


async def _chunks(size: int, chunk: bytes = b" " * 65536) -> AsyncIterator[bytes]:
    sent = 0
    while sent < size:
        yield chunk
        sent += len(chunk)


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_eight_mebibytes(serve: Any, declared: bool) -> None:
    content: Any = b" " * (8 * MIB + 1) if declared else _chunks(9 * MIB)
    async with serve() as served, served.client() as client:
        answer = await client.post("/validate", content=content, headers=JSON)
        assert answer.status_code == 413
        assert answer.json() == {"error": "the body is larger than 8388608 bytes"}
        assert (await client.get("/livez")).status_code == 200


async def test_a_body_of_almost_eight_mebibytes_is_read(serve: Any, review: Callable[[str], Any]) -> None:
    body = review("deployment-create")
    body["request"]["object"]["metadata"]["annotations"]["big"] = "x" * (8 * MIB - 20_000)
    async with serve() as served, served.client() as client:
        assert (await client.post("/validate", json=body)).status_code == 200


async def test_all_bodies_together_are_bounded(serve: Any) -> None:
    bodies = BodyReader(largest=MIB, together=256 * 1024)
    async with serve(bodies=bodies) as served, served.client() as client:
        answer = await client.post("/validate", content=_chunks(512 * 1024), headers=JSON)
        assert answer.status_code == 503
        assert (await served.post("pod-create")).status_code == 200, "what was held is let go"


async def test_a_body_counts_until_its_review_is_answered(serve: Any, review: Callable[[str], Any]) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    async def slow(workload: Workload, deadline: float) -> Verdict:
        arrived.set()
        await go.wait()
        return Verdict(workload=workload)

    large = review("pod-create")
    large["request"]["object"]["metadata"]["annotations"] = {"big": "x" * 600 * 1024}
    async with serve(slow, bodies=BodyReader(largest=MIB, together=MIB)) as served, served.client() as client:
        first = asyncio.create_task(client.post("/validate", json=large))
        await arrived.wait()
        assert (await client.post("/validate", json=large)).status_code == 503
        small = asyncio.create_task(served.post("pod-create"))
        await asyncio.sleep(0)
        go.set()
        assert (await first).status_code == 200
        assert (await small).status_code == 200, "an ordinary one is not refused for the others"
        for _ in range(3):
            assert (await client.post("/validate", json=large)).status_code == 200, "what was held is let go"


async def test_requests_in_flight_are_bounded(serve: Any) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    async def slow(workload: Workload, deadline: float) -> Verdict:
        arrived.set()
        await go.wait()
        return Verdict(workload=workload)

    async with serve(slow, limits=Limits(in_flight=1)) as served:
        first = asyncio.create_task(served.post("pod-create"))
        await arrived.wait()
        assert "pullproof_admission_inflight_requests 1.0" in _metrics(served)
        assert (await served.post("pod-create")).status_code == 503
        assert 'decision="refused"' in _metrics(served)
        go.set()
        assert (await first).status_code == 200
        assert (await served.post("pod-create")).status_code == 200
    assert "pullproof_admission_inflight_requests 0.0" in _metrics(served)


async def _raw(served: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", served.server.port, ssl=served.trust, server_hostname="localhost")


async def test_a_body_that_does_not_come_is_waited_for_no_longer_than_its_deadline(serve: Any) -> None:
    async with serve() as served:
        reader, writer = await _raw(served)
        writer.write(
            b"POST /validate?timeout=600ms HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"content-length: 100\r\n\r\n{"
        )
        began = time.monotonic()
        answer = await reader.read()
        assert time.monotonic() - began > 0.3
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'{"error":"the body did not come in time"}' in answer


async def test_a_client_that_hangs_up_leaves_nothing_behind(serve: Any) -> None:
    async with serve() as served:
        for _ in range(5):
            _, writer = await _raw(served)
            writer.write(
                b"POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"
            )
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.transport.abort()
        assert (await served.post("pod-create")).status_code == 200
    assert "pullproof_admission_inflight_requests 0.0" in _metrics(served)


async def test_a_client_that_hangs_up_during_the_inspection_harms_nobody(serve: Any) -> None:
    arrived, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(workload: Workload, deadline: float) -> Verdict:
        arrived.set()
        await go.wait()
        ended.set()
        return Verdict(workload=workload)

    async with serve(slow) as served:
        task = asyncio.create_task(served.post("pod-create", timeout=httpx.Timeout(60, read=0.2)))
        await arrived.wait()
        with pytest.raises(httpx.ReadTimeout):
            await task
        go.set()
        await asyncio.wait_for(ended.wait(), 2)


async def test_many_at_once_over_few_connections(serve: Any, review: Callable[[str], Any]) -> None:
    async with serve() as served, served.client(limits=httpx.Limits(max_connections=8)) as client:
        body = review("pod-create")

        async def one(number: int) -> bool:
            sent = {**body, "request": {**body["request"], "uid": f"u{number}"}}
            answer = await client.post("/validate", json=sent)
            return bool(answer.json()["response"] == {"uid": f"u{number}", "allowed": True})

        assert all(await asyncio.gather(*(one(number) for number in range(200))))


async def test_denied_and_warned_requests_are_logged_and_others_are_not(
    serve: Any, denying: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pullproof.admission")
    async with serve() as served:
        await served.post("pod-create")
    assert [record for record in caplog.records if record.name == "pullproof.admission"] == []
    async with serve(denying) as served:
        await served.post("deployment-create")
    (record,) = [record for record in caplog.records if record.name == "pullproof.admission"]
    logged = dict(record.__dict__["fields"])
    assert logged.pop("ms") >= 0
    assert record.getMessage() == "denied"
    assert logged == {
        "uid": "22222222-6393-11e8-b7cc-42010a800002",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "api",
        "operation": "CREATE",
        "user": "kubernetes-admin",
        "dryRun": False,
        "codes": ["image-not-found"],
    }


async def test_plain_http_on_the_tls_port_gets_nowhere_and_tls_1_2_does(serve: Any) -> None:
    async with serve() as served:
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"http://127.0.0.1:{served.server.port}/livez")
        assert served.serving.context.minimum_version is ssl.TLSVersion.TLSv1_2
        served.trust.maximum_version = ssl.TLSVersion.TLSv1_2
        assert (await served.post("pod-create")).status_code == 200


def _metrics(served: Any) -> str:
    return str(served.metrics.render()[0].decode())
