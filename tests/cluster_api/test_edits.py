"""`pullproof serve` as the chart runs it, on a real API server: its ConfigMap is edited, its file stays as it is."""

import asyncio
import contextlib
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
async def replica(cluster, apiserver, installed, tmp_path):
    """Start a replica under the chart's account; return the log it writes."""
    path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/pullproof/token"
    answer = await cluster.request("POST", path, body={"spec": {"expirationSeconds": 600}})
    kubeconfig = apiserver.kubeconfig("pullproof", namespace=SYSTEM, token=json.loads(answer)["status"]["token"])
    running = []

    async def start(name: str, extra: str = "") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for key, source in (("config.yaml", "pullproof"), ("registration.yaml", "pullproof-registration")):
            found = await cluster.request("GET", f"/api/v1/namespaces/{SYSTEM}/configmaps/{source}")
            (folder / key).write_text(json.loads(found)["data"][key])
        options = {
            "config": folder / "config.yaml",
            "registration": folder / "registration.yaml",
            "kubeconfig": kubeconfig,
            "address": "127.0.0.1",
            "port": 0,
            "metrics-port": 0,
        }
        command = [sys.executable, "-m", "webhook", "serve", *(f"--{name}={value}" for name, value in options.items())]
        environment = os.environ | {"POD_NAMESPACE": SYSTEM, "POD_NAME": name}
        log = folder / "log"
        with log.open("wb") as file:
            running.append(await asyncio.create_subprocess_exec(*command, env=environment, stdout=file, stderr=file))
        return log

    yield start
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.fixture
def edit(cluster):
    """Put a line below the ConfigMap's text."""
    path = f"/api/v1/namespaces/{SYSTEM}/configmaps/pullproof"

    async def put(more: str) -> None:
        text = json.loads(await cluster.request("GET", path))["data"]["config.yaml"]
        body = {"data": {"config.yaml": f"{text}\n{more}\n"}}
        await cluster.request("PATCH", path, body=body, content_type=MERGE)

    return put


@pytest.fixture
def said(cluster, eventually):
    """Wait until a replica has written these Events."""

    async def wait(replica: str, reasons: list[str]) -> None:
        async def true() -> bool:
            found = await cluster.request("GET", f"/apis/events.k8s.io/v1/namespaces/{SYSTEM}/events")
            items = [each for each in json.loads(found)["items"] if each["reportingInstance"] == replica]
            return sorted(each["reason"] for each in items) == sorted(reasons)

        await eventually(true)

    return wait


async def test_edits_are_in_force_at_once_and_answered(replica, edit, said, eventually) -> None:
    log = await replica("pod-1")
    await eventually(lambda: '"serving"' in log.read_text())
    await edit("enforce: off")
    await said("pod-1", ["ConfigurationReloaded"])
    await edit("warn: sometimes")
    await said("pod-1", ["ConfigurationReloaded", "ConfigurationRefused"])


async def test_a_replica_that_begins_after_a_bad_edit_begins_with_the_last_good_one(
    cluster, replica, edit, said, eventually
) -> None:
    first = await replica("pod-2")
    await eventually(lambda: '"serving"' in first.read_text())
    await edit("enforce: off")
    await said("pod-2", ["ConfigurationReloaded"])

    async def kept() -> bool:
        found = await cluster.request("GET", f"/api/v1/namespaces/{SYSTEM}/configmaps/pullproof-learnt")
        return "enforce: off" in json.loads(found)["data"].get("last-good.yaml", "")

    await eventually(kept)
    await edit("warn: sometimes")
    second = await replica("pod-3")
    await eventually(lambda: '"serving"' in second.read_text())
    await said("pod-3", ["ConfigurationRefused"])
    assert "kept the last good configuration: " in second.read_text()
