"""`pullproof serve` as the chart runs it, on a real API server: its ConfigMap is edited, its file stays as it is."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHART = Path(__file__).parents[2] / "charts/pullproof"
SYSTEM = "pullproof-system"
MERGE = "application/merge-patch+json"


@pytest.fixture
def installed(parts, apiserver, tmp_path):
    """The chart, for as long as the test runs."""
    environment = {"KUBECONFIG": apiserver.kubeconfig("admin"), "HOME": str(tmp_path)}
    helm = [parts / "helm", "-n", SYSTEM]
    subprocess.run([*helm, "install", "pullproof", CHART, "--create-namespace"], env=environment, check=True)
    yield
    subprocess.run([*helm, "uninstall", "pullproof"], env=environment, check=True)


@pytest.fixture
async def served(cluster, apiserver, installed, tmp_path):
    """A replica under the chart's account; the log it writes."""
    path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/pullproof/token"
    answer = await cluster.request("POST", path, body={"spec": {"expirationSeconds": 600}})
    token = json.loads(answer)["status"]["token"]
    for name, key in (("pullproof", "config.yaml"), ("pullproof-registration", "registration.yaml")):
        found = await cluster.request("GET", f"/api/v1/namespaces/{SYSTEM}/configmaps/{name}")
        (tmp_path / key).write_text(json.loads(found)["data"][key])
    options = {
        "config": tmp_path / "config.yaml",
        "registration": tmp_path / "registration.yaml",
        "kubeconfig": apiserver.kubeconfig("pullproof", namespace=SYSTEM, token=token),
        "address": "127.0.0.1",
        "port": 0,
        "metrics-port": 0,
    }
    command = [sys.executable, "-m", "webhook", "serve", *(f"--{name}={value}" for name, value in options.items())]
    environment = os.environ | {"POD_NAMESPACE": SYSTEM, "POD_NAME": "pod-1"}
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=file, stderr=file)
    yield log
    process.kill()
    await process.wait()


async def test_edits_are_in_force_at_once_and_answered(cluster, served, eventually) -> None:
    await eventually(lambda: '"serving"' in served.read_text())
    path = f"/api/v1/namespaces/{SYSTEM}/configmaps/pullproof"
    text = json.loads(await cluster.request("GET", path))["data"]["config.yaml"]

    async def edit(more: str) -> None:
        body = {"data": {"config.yaml": f"{text}\n{more}\n"}}
        await cluster.request("PATCH", path, body=body, content_type=MERGE)

    async def told() -> list[str]:
        found = await cluster.request("GET", f"/apis/events.k8s.io/v1/namespaces/{SYSTEM}/events")
        items = json.loads(found)["items"]
        return [each["reason"] for each in items if each["reportingInstance"] == "pod-1"]

    async def said(reasons: list[str]) -> None:
        async def true() -> bool:
            return sorted(await told()) == sorted(reasons)

        await eventually(true)

    await edit("enforce: off")
    await said(["ConfigurationReloaded"])
    await edit("enforce: sometimes")
    await said(["ConfigurationReloaded", "ConfigurationRefused"])
