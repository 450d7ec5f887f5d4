"""The log of the program as it runs: JSON lines, one for each request that was denied or warned about, no secret."""

import asyncio
import base64
import json
import os
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import kubeapi
import pytest
import yaml

from webhook.demo.images import ImageSpec
from webhook.demo.server import serving
from webhook.demo.site import Repository, Site
from webhook.demo.world import Listener, World

ROOT = Path(__file__).parents[2]
CANARY = "c4nary-pa55word"
SITE = Site(
    hosts=("localhost",),
    personality="bearer",
    users={"bob": CANARY},
    repositories=(
        Repository(name="acme/app", tags={"1.0": ImageSpec(), "latest": ImageSpec()}),
        Repository(name="acme/private", public=False, tags={"1.0": ImageSpec()}),
    ),
)


def review(uid: str, image: str, *secrets: str, namespace: str = "shop") -> dict:
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    spec = {
        "containers": [{"name": "c", "image": image, "env": [{"name": "TOKEN", "value": CANARY}]}],
        "imagePullSecrets": [{"name": name} for name in secrets],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api", "namespace": namespace}, "spec": spec}
    request = {
        "uid": uid,
        "kind": kind,
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "name": "api",
        "namespace": namespace,
        "operation": "CREATE",
        "userInfo": {"username": "jo\nhn"},
        "object": pod,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def documents(registry: str) -> str:
    auth = base64.b64encode(f"bob:{CANARY}".encode()).decode()
    config = base64.b64encode(json.dumps({"auths": {registry: {"auth": auth}}}).encode()).decode()
    metadata = {"name": "regcred", "namespace": "shop"}
    secret = {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": config}}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **secret})


@asynccontextmanager
async def program(folder: Path, registry: str, ca: Path) -> AsyncIterator[tuple[str, Path]]:
    """Run `pullproof serve` as a process; yield its address and its log."""
    port = kubeapi.free_port()
    config = {
        "registries": [{"match": registry, "caFile": str(ca)}],
        "nodes": {"logins": "none", "podMutators": "none"},
        "server": {"drain": "0s"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "secrets.yaml").write_text(documents(registry))
    arguments = ["serve", "--no-cluster", "--config", "config.yaml", "--documents", "secrets.yaml"]
    arguments += ["--address", "127.0.0.1", "--port", str(port), "--metrics-port", str(kubeapi.free_port())]
    path = folder / "log"
    with path.open("wb") as log:
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "webhook", *arguments),
            stdout=log,
            stderr=log,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        )
    try:
        async with asyncio.timeout(60):
            while '"serving"' not in path.read_text():
                assert running.returncode is None, path.read_text()
                await asyncio.sleep(0.05)
        yield f"https://127.0.0.1:{port}", path
    finally:
        running.terminate()
        await running.wait()


@pytest.fixture
def untrusting() -> ssl.SSLContext:
    """The program issues a certificate of its own, which this test need not trust."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def test_one_line_for_each_that_was_denied_or_warned_about(tmp_path: Path, untrusting: ssl.SSLContext) -> None:
    async with serving(World((SITE,)), (Listener(),)) as server:
        registry = f"localhost:{server.ports[0]}"
        asked = {
            "fine": review("fine", f"{registry}/acme/app:1.0"),
            "login": review("login", f"{registry}/acme/private:1.0", "regcred"),
            "gone": review("gone", f"{registry}/acme/app:typo"),
            "moving": review("moving", f"{registry}/acme/app:latest"),
            "late": review("late", f"{registry}/acme/private:1.0", "absent"),
            "odd": review('o"dd\n\x1b[31m', f"{registry}/acme/app:typo\x1b[31m"),
        }
        async with (
            program(tmp_path, registry, server.ca) as (url, log),
            httpx.AsyncClient(base_url=url, verify=untrusting, trust_env=False, timeout=30) as client,
        ):
            answers = {name: (await client.post("/validate", json=each)).json() for name, each in asked.items()}
        text = log.read_text()
    assert answers["fine"]["response"]["allowed"]
    assert not answers["gone"]["response"]["allowed"]

    lines = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    told = [line for line in lines if line["logger"] == "pullproof.admission"]
    assert Counter(line["uid"] for line in told) == {
        "gone": 1,
        "moving": 1,
        "late": 1,
        'o"dd\n\x1b[31m': 1,
    }
    found = {line["uid"]: line for line in told}
    assert (found["gone"]["message"], found["gone"]["codes"]) == ("denied", ["image-not-found"])
    assert (found["moving"]["message"], found["moving"]["codes"]) == ("warned", ["latest-tag"])
    assert (found["late"]["message"], found["late"]["codes"]) == ("warned", ["pull-secret-missing"])
    assert {key: found["gone"][key] for key in ("kind", "namespace", "name", "operation", "user", "dryRun")} == {
        "kind": "Pod",
        "namespace": "shop",
        "name": "api",
        "operation": "CREATE",
        "user": "jo\nhn",
        "dryRun": False,
    }
    assert text.isascii()
    for form in (
        CANARY,
        base64.b64encode(CANARY.encode()).decode().rstrip("="),
        base64.b64encode(f"bob:{CANARY}".encode()).decode(),
    ):
        assert form not in text
