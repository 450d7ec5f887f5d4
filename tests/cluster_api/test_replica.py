"""A replica as the chart installs it, with the rights of its own account: Events, the re-check, its reports.

There is no node, so nobody reaches its Service; reviews are sent to its port.
"""

import asyncio
import base64
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from webhook.cluster.api import MERGE_PATCH
from webhook.cluster.client import KubernetesApi, open_cluster
from webhook.cluster.failure import ClusterError
from webhook.cluster.policyreports import GROUP
from webhook.cluster.secrets import SecretAccess
from webhook.metrics import Metrics
from webhook.server.assembly import Ports
from webhook.server.clustered import Clustered
from webhook.wiring.registration import load_registration
from webhook.wiring.registries import Surroundings

CHART = Path(__file__).parents[2] / "charts/pullproof"
CRD = Path(__file__).parent / "policyreports.yaml"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SYSTEM = "pullproof-system"
VALUES = ("events.enabled=true", "config.scan.enabled=true", "config.scan.policyReports=true")


@pytest.fixture
def installed(parts, apiserver, tmp_path):
    """The chart, with what is tried here switched on."""

    def helm(*arguments: str) -> None:
        done = subprocess.run(
            [parts / "helm", *arguments, "-n", SYSTEM],
            env={"KUBECONFIG": apiserver.kubeconfig("admin"), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    helm("install", "pullproof", str(CHART), "--create-namespace", *(f"--set={each}" for each in VALUES))
    yield
    helm("uninstall", "pullproof")


@pytest.fixture
async def reports_crd(cluster) -> AsyncIterator[None]:
    body = yaml.safe_load(CRD.read_text())
    await cluster.request("POST", CRDS, body=body)
    async with asyncio.timeout(20):
        while True:
            try:
                await cluster.request("GET", f"{GROUP}/policyreports")
                break
            except ClusterError:
                await asyncio.sleep(0.05)
    yield
    await cluster.request("DELETE", f"{CRDS}/{body['metadata']['name']}")


@asynccontextmanager
async def as_account(cluster: KubernetesApi, apiserver) -> AsyncIterator[KubernetesApi]:
    path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/pullproof/token"
    answer = await cluster.request("POST", path, body={"spec": {"expirationSeconds": 600}})
    token = json.loads(answer)["status"]["token"]
    async with open_cluster(apiserver.kubeconfig("pullproof", namespace=SYSTEM, token=token)) as api:
        yield api


async def mounted(cluster: KubernetesApi, folder: Path) -> None:
    """Write the files that the pod would have of its ConfigMaps."""
    for name, key in (("pullproof", "config.yaml"), ("pullproof-registration", "registration.yaml")):
        answer = await cluster.request("GET", f"/api/v1/namespaces/{SYSTEM}/configmaps/{name}")
        (folder / key).write_text(json.loads(answer)["data"][key])


@asynccontextmanager
async def replica(cluster: KubernetesApi, api: KubernetesApi, folder: Path, port: int, metrics: int):
    await mounted(cluster, folder)
    stop = asyncio.Event()
    running = asyncio.create_task(
        Clustered(
            api=api,
            namespace=SYSTEM,
            identity="pod-1",
            configuration=folder / "config.yaml",
            surroundings=Surroundings(environment={}),
            access=SecretAccess(),
            registered=load_registration(folder / "registration.yaml"),
            files=None,
            metrics=Metrics(version="1"),
            ports=Ports(address="127.0.0.1", port=port, metrics_port=metrics),
            settle=0.0,
        ).run(stop)
    )
    try:
        yield running
    finally:
        stop.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def review(namespace: str, *, dry_run: bool = False) -> dict:
    group = {"group": "apps", "version": "v1"}
    spec = {"template": {"spec": {"containers": [{"name": "c", "image": "A//b"}]}}}
    request = {
        "uid": "u",
        "kind": {**group, "kind": "Deployment"},
        "resource": {**group, "resource": "deployments"},
        "name": "dry" if dry_run else "api",
        "namespace": namespace,
        "operation": "CREATE",
        "dryRun": dry_run,
        "object": {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"}, "spec": spec},
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


@pytest.mark.usefixtures("installed", "reports_crd")
async def test_it_tells_events_and_checks_what_runs(cluster, apiserver, namespace, tmp_path, free_port) -> None:
    labels = {"app": "old"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "B//gone"}]}}
    body = {"metadata": {"name": "old"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    await cluster.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body=body)
    port, metrics = free_port(), free_port()
    untrusting = ssl.create_default_context()
    untrusting.check_hostname, untrusting.verify_mode = False, ssl.CERT_NONE

    async def until(true) -> None:
        async with asyncio.timeout(60):
            while not await true():
                assert not running.done(), running.exception()
                await asyncio.sleep(0.1)

    async with (
        as_account(cluster, apiserver) as api,
        replica(cluster, api, tmp_path, port, metrics) as running,
        httpx.AsyncClient(verify=untrusting, trust_env=False, timeout=20) as client,
    ):

        async def ready() -> bool:
            try:
                return (await client.get(f"https://127.0.0.1:{port}/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await until(ready)
        for dry_run in (True, False):
            url = f"https://127.0.0.1:{port}/validate"
            answer = await client.post(url, json=review(namespace, dry_run=dry_run))
            told = answer.json()["response"]
            assert "[invalid-reference]" in told.get("status", {}).get("message", "") + "".join(
                told.get("warnings", [])
            )

        async def events() -> list[dict]:
            found = await cluster.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")
            return json.loads(found)["items"]

        async def one_event() -> bool:
            return bool(await events())

        await until(one_event)
        (event,) = await events()
        assert event["regarding"]["name"] == "api"
        assert "[invalid-reference]" in event["note"]

        async def reported() -> bool:
            return bool(
                json.loads(await cluster.request("GET", f"{GROUP}/namespaces/{namespace}/policyreports"))["items"]
            )

        await until(reported)
        (report,) = json.loads(await cluster.request("GET", f"{GROUP}/namespaces/{namespace}/policyreports"))["items"]
        assert report["results"][0]["rule"] == "invalid-reference"
        (owner,) = report["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("ValidatingWebhookConfiguration", "pullproof")
        exposed = (await client.get(f"http://127.0.0.1:{metrics}/metrics")).text
        assert 'pullproof_scan_images{result="fail"}' in exposed
        for cert in ("serving", "authority"):
            assert f'pullproof_certificate_expiry_timestamp_seconds{{cert="{cert}"}}' in exposed

        # Off means off: the switch is followed without a restart.
        text = (tmp_path / "config.yaml").read_text().replace("enabled: true", "enabled: false")
        await cluster.request(
            "PATCH",
            f"/api/v1/namespaces/{SYSTEM}/configmaps/pullproof",
            body={"data": {"config.yaml": text}},
            content_type=MERGE_PATCH,
        )

        async def forgotten() -> bool:
            return "pullproof_scan_images{" not in (await client.get(f"http://127.0.0.1:{metrics}/metrics")).text

        await until(forgotten)


@pytest.mark.usefixtures("installed")
async def test_a_contradiction_is_counted(cluster, apiserver, namespace, tmp_path, free_port) -> None:
    """A pod whose pull secret is malformed runs all the same: its node pulled, as kubelet and node would tell."""
    core, image = f"/api/v1/namespaces/{namespace}", "reg.example/app:1"
    await cluster.request(
        "PATCH",
        f"/api/v1/namespaces/{namespace}",
        body={"metadata": {"labels": {"pullproof.dev/enforce": "off"}}},
        content_type=MERGE_PATCH,
    )
    data = {".dockerconfigjson": base64.b64encode(b'{"auths": {"reg.example": {"auth": "%"}}}').decode()}
    secret = {"metadata": {"name": "broken"}, "type": "kubernetes.io/dockerconfigjson", "data": data}
    await cluster.request("POST", f"{core}/secrets", body=secret)
    spec = {
        "containers": [{"name": "c", "image": image, "imagePullPolicy": "Always"}],
        "imagePullSecrets": [{"name": "broken"}],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api", "namespace": namespace}, "spec": spec}
    made = json.loads(await cluster.request("POST", f"{core}/pods", body=pod))
    container = {"name": "c", "image": image, "imageID": "sha256:abc", "state": {"running": {}}}
    container |= {"ready": True, "restartCount": 0}
    status = {"status": {"containerStatuses": [container]}}
    await cluster.request("PATCH", f"{core}/pods/api/status", body=status, content_type=MERGE_PATCH)
    about = {"kind": "Pod", "namespace": namespace, "name": "api", "uid": made["metadata"]["uid"]}
    pulled = {
        "metadata": {"generateName": "api-"},
        "involvedObject": {**about, "fieldPath": "spec.containers{c}"},
        "reason": "Pulled",
        "message": f'Successfully pulled image "{image}" in 2.1s',
        "type": "Normal",
    }
    await cluster.request("POST", f"{core}/events", body=pulled)
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    request = {"uid": "u", "kind": kind, "name": "api", "namespace": namespace, "operation": "CREATE", "object": made}
    asked = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    port, metrics = free_port(), free_port()
    untrusting = ssl.create_default_context()
    untrusting.check_hostname, untrusting.verify_mode = False, ssl.CERT_NONE
    async with (
        as_account(cluster, apiserver) as api,
        replica(cluster, api, tmp_path, port, metrics) as running,
        httpx.AsyncClient(verify=untrusting, trust_env=False, timeout=20) as client,
        asyncio.timeout(60),
    ):

        async def told() -> dict:
            try:
                answer = await client.post(f"https://127.0.0.1:{port}/validate", json=asked)
            except httpx.TransportError:
                return {}
            return answer.json()["response"]

        while "[pull-secret-malformed]" not in "".join((await told()).get("warnings", [])):
            assert not running.done(), running.exception()
            await asyncio.sleep(0.1)

        async def counted() -> bool:
            line = 'pullproof_contradicted_verdicts_total{code="pull-secret-malformed",registry="reg.example"} 1.0'
            return line in (await client.get(f"http://127.0.0.1:{metrics}/metrics")).text

        while not await counted():
            assert not running.done(), running.exception()
            await asyncio.sleep(0.5)
