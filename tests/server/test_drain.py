"""SIGTERM under load, in a process of its own."""

import asyncio
import json
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

PROGRAM = Path(__file__).parent / "draining_server.py"


async def start(folder: Path, drain: float) -> tuple[asyncio.subprocess.Process, httpx.AsyncClient]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        str(folder),
        str(drain),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        port = int(await process.stdout.readline())
    trust = ssl.create_default_context(cadata=(folder / "ca-bundle.crt").read_text())
    return process, httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=trust, trust_env=False, timeout=60)


async def inspecting(process: asyncio.subprocess.Process, count: int) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        for _ in range(count):
            assert await process.stdout.readline() == b"inspecting\n"


async def unready(client: httpx.AsyncClient) -> httpx.Response:
    async with asyncio.timeout(60):
        while (answer := await client.get("/readyz?verbose")).status_code == 200:
            pass
    return answer


async def test_sigterm_drains_without_losing_a_request(tmp_path: Path, review: Any) -> None:
    process, client = await start(tmp_path, drain=3.0)
    async with client:
        in_flight = asyncio.create_task(client.post("/validate", json=review("pod-create")))
        await inspecting(process, 1)
        assert (await client.get("/readyz")).status_code == 200
        process.send_signal(signal.SIGTERM)
        draining = await unready(client)
        assert draining.status_code == 503
        assert "[-]shutdown failed: draining" in draining.text
        assert (await client.get("/livez")).status_code == 200
        # Whoever has not heard of it yet is still served, and told to go elsewhere afterwards.
        late = await client.post("/validate", json=review("pod-create"))
        assert late.json()["response"]["allowed"] is True
        assert late.headers["connection"] == "close"
        assert (await in_flight).json()["response"]["allowed"] is True
        last = asyncio.create_task(client.post("/validate", json=review("pod-create")))
        assert (await last).status_code == 200
        _, log = await asyncio.wait_for(process.communicate(), 60)
        with pytest.raises(httpx.ConnectError):
            await client.get("/livez")
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.decode().splitlines()]
    assert [line["message"] for line in lines] == ["serving", "draining", "ended"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_what_is_in_flight_when_the_drain_ends_is_finished(tmp_path: Path, review: Any, number: int) -> None:
    process, client = await start(tmp_path, drain=0.0)
    async with client:
        requests = [asyncio.create_task(client.post("/validate", json=review("pod-create"))) for _ in range(20)]
        await inspecting(process, 20)
        process.send_signal(number)
        answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} == {200}
    await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
