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
    async with asyncio.timeout(30):
        port = int(await process.stdout.readline())
    trust = ssl.create_default_context(cadata=(folder / "ca-bundle.crt").read_text())
    return process, httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=trust, trust_env=False, timeout=10)


async def test_sigterm_drains_without_losing_a_request(tmp_path: Path, review: Any) -> None:
    process, client = await start(tmp_path, drain=1.0)
    async with client:
        in_flight = asyncio.create_task(client.post("/validate", json=review("pod-create")))
        await asyncio.sleep(0.2)
        assert (await client.get("/readyz")).status_code == 200
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        draining = await client.get("/readyz?verbose")
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
        _, log = await asyncio.wait_for(process.communicate(), 10)
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
        await asyncio.sleep(0.3)
        process.send_signal(number)
        answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} == {200}
    await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
