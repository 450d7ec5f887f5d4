"""Probes, metrics, and everything else on the two ports."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from webhook.server.app import create_metrics_app
from webhook.server.health import Condition


async def test_probes(serve: Any) -> None:
    async with serve() as served, served.client() as client:
        for path in ("/livez", "/readyz"):
            answer = await client.get(path)
            assert (answer.status_code, answer.text) == (200, "ok")
        verbose = await client.get("/readyz?verbose")
        assert verbose.text == "[+]certificates ok\n[+]shutdown ok\nreadyz check passed\n"
        assert (await client.get("/livez?verbose")).text == "[+]ping ok\nlivez check passed\n"


async def test_what_is_not_in_order_makes_it_unready_and_a_note_does_not(serve: Any) -> None:
    async with serve() as served, served.client() as client:
        served.health.add("configuration", lambda: Condition(ok=True, note="kept the last good one"))
        answer = await client.get("/readyz?verbose")
        assert answer.status_code == 200
        assert "[+]configuration ok: kept the last good one\n" in answer.text
        served.health.add("configuration", lambda: Condition(ok=False, note="none"))
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.text == (
            "[+]certificates ok\n[-]configuration failed: none\n[+]shutdown ok\nreadyz check failed\n"
        )
        assert (await client.get("/livez")).status_code == 200


async def test_an_expired_certificate_makes_it_unready(serve: Any, authority: Any) -> None:
    async with serve() as served, served.client() as client:
        assert (await client.get("/readyz")).status_code == 200
        served.certificate.put(authority.leaf(lifetime=timedelta(seconds=2)))
        assert served.serving.refresh()
        await asyncio.sleep((served.serving.expires - datetime.now(UTC)).total_seconds() + 0.1)
        answer = await client.get("/readyz")  # on the connection that is open; a new one would not verify
    assert answer.status_code == 503
    assert "[-]certificates failed: expired at " in answer.text
    assert served.serving.expires < datetime.now(UTC)


async def test_unknown_paths_and_methods(serve: Any) -> None:
    async with serve() as served, served.client() as client:
        unknown = await client.get("/nothing")
        assert (unknown.status_code, unknown.json()) == (404, {"error": "not found"})
        wrong = await client.post("/livez")
        assert (wrong.status_code, wrong.json()) == (405, {"error": "method not allowed"})
        assert (await client.get("/docs")).status_code == 404
        assert (await client.post("/validate/", content=b"{}")).status_code == 404


async def test_the_surface_is_described(serve: Any) -> None:
    async with serve() as served, served.client() as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert set(paths) == {"/livez", "/readyz", "/validate"}
    assert set(paths["/validate"]["post"]["responses"]) == {"200", "400", "405", "408", "413", "415", "503"}


async def test_metrics_have_a_plain_port_of_their_own(serve: Any) -> None:
    async with serve() as served:
        await served.post("pod-create")
        async with served.client() as client:
            assert (await client.get("/metrics")).status_code == 404
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(served.metrics_url)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/plain; version=")
            assert (
                'pullproof_admission_requests_total{decision="allowed",dry_run="false",operation="CREATE",'
                'resource="pods"} 1.0'
            ) in answer.text
            assert 'pullproof_certificate_expiry_timestamp_seconds{cert="serving"}' in answer.text
            assert (await client.post(served.metrics_url)).status_code == 405
            assert (await client.get(served.metrics_url.replace("metrics", "validate"))).status_code == 404


async def test_a_port_that_is_taken_is_told(serve: Any) -> None:
    from webhook.server.health import Health
    from webhook.server.run import Listen, WebServer

    async with serve() as served:
        taken = Listen(host="127.0.0.1", port=served.server.port)
        other = WebServer(served.metrics, listen=taken, health=Health())
        with pytest.raises(OSError, match="address already in use"):
            await other.run(asyncio.Event())


async def test_metrics_are_not_rendered_for_everyone_who_asks() -> None:
    """It takes some ten milliseconds once there is much to tell, and reviews wait for it."""
    rendered = 0

    def render() -> tuple[bytes, str]:
        nonlocal rendered
        rendered += 1
        return b"x 1\n", "text/plain"

    transport = httpx.ASGITransport(create_metrics_app(render))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        for _ in range(20):
            assert (await client.get("/metrics")).text == "x 1\n"
        assert rendered < 20
        before = rendered
        await asyncio.sleep(0.3)
        await client.get("/metrics")
        assert rendered == before + 1


async def test_metrics_that_could_not_be_rendered_are_no_empty_page() -> None:
    def render() -> tuple[bytes, str]:
        raise ValueError("a bug")

    transport = httpx.ASGITransport(create_metrics_app(render), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        assert [(await client.get("/metrics")).status_code for _ in range(2)] == [500, 500]
