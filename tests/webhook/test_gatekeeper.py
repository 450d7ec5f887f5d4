"""/externaldata asked by a real Gatekeeper: Provider, ConstraintTemplate and Constraint in a real API server."""

import asyncio
import base64
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import kubeapi
import pytest
import yaml

from certs.issue import issue_authority, issue_leaf
from webhook.cluster.client import KubernetesApi, open_cluster
from webhook.cluster.failure import ClusterError, Denied
from webhook.cluster.gatekeeper import PROVIDERS, ProviderTrust
from webhook.demo.images import ImageSpec
from webhook.demo.site import Repository, Site

HERE = Site(
    hosts=("reg.test",),
    personality="bearer",
    users={"bob": "right"},
    repositories=(
        Repository(name="acme/app", tags={"1.0": ImageSpec(), "latest": ImageSpec()}),
        Repository(name="acme/private", public=False, tags={"1.0": ImageSpec()}),
    ),
)
CONFIG = {
    "server": {"drain": "0s", "externalData": {"enabled": True}},
    "nodes": {"logins": "none", "podMutators": "none"},
    "defaults": {"enforce": "strict"},
}
DOORS = Path(__file__).parents[2] / "docs/doors.md"
SYSTEM = "gatekeeper-system"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


class Writer:
    held = True


@pytest.fixture
def gatekeeper(parts: Path) -> Path:
    program = parts / "gatekeeper"
    if not program.exists():
        reason = f"gatekeeper not in {parts}: run `make parts`"
        if os.environ.get("PULLPROOF_REQUIRE_PARTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


async def until(done: Callable[[], Awaitable[object]], seconds: float = 60) -> None:
    """Wait until something is done without an error of the cluster."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await done()
            except ClusterError:
                await asyncio.sleep(0.1)
            else:
                return


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[tuple[KubernetesApi, str]]:
    """An API server that knows Gatekeeper's kinds, and an admin's kubeconfig."""
    server = kubeapi.running(folder)
    up = await asyncio.to_thread(server.__enter__)
    try:
        async with open_cluster(up.kubeconfig("admin")) as api:
            for name in ("shop", SYSTEM):
                await api.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
            path = "/api/v1/namespaces/shop/serviceaccounts"
            await api.request("POST", path, body={"metadata": {"name": "default"}})
            manifest = (kubeapi.PARTS.parent / "share/gatekeeper/gatekeeper.yaml").read_text()
            kinds = [each for each in yaml.safe_load_all(manifest) if each["kind"] == "CustomResourceDefinition"]
            for each in kinds:
                await api.request("POST", CRDS, body=each)
            await until(lambda: api.request("GET", PROVIDERS))
            yield api, up.kubeconfig("admin")
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


@asynccontextmanager
async def watching(program: Path, folder: Path, kubeconfig: str) -> AsyncIterator[tuple[int, bytes]]:
    """Run Gatekeeper's webhook outside of the cluster; yield its port and authority."""
    now, day = datetime.now(UTC), timedelta(days=1)
    authority = issue_authority(now, day)
    leaf = issue_leaf(authority, ["127.0.0.1"], now, day)
    (folder / "tls.crt").write_bytes(leaf.certificate)
    (folder / "tls.key").write_bytes(leaf.key)
    port, health = kubeapi.free_port(), kubeapi.free_port()
    flags = ["--debug-use-fake-pod", "--disable-cert-rotation", f"--cert-dir={folder}", f"--kubeconfig={kubeconfig}"]
    flags += [f"--port={port}", "--host=127.0.0.1", f"--health-addr=127.0.0.1:{health}", "--shutdown-delay=0"]
    flags += [f"--operation={each}" for each in ("webhook", "status", "generate")]
    flags += ["--external-data-provider-response-cache-ttl=1s", "--prometheus-port=0"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "POD_NAMESPACE": SYSTEM, "NAMESPACE": SYSTEM}
    with (folder / "gatekeeper.log").open("wb") as log:
        running = await asyncio.create_subprocess_exec(
            program, *flags, stdout=log, stderr=log, env=environment, cwd=folder
        )
    try:
        yield port, authority.certificate
    finally:
        running.kill()
        await running.wait()


def registration(port: int, authority: bytes) -> dict[str, object]:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    bundle = base64.b64encode(authority).decode()
    webhook = {
        "name": "validation.gatekeeper.sh",
        "clientConfig": {"url": f"https://127.0.0.1:{port}/v1/admit", "caBundle": bundle},
        "rules": [rule],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 10,
    }
    return {"metadata": {"name": "gatekeeper"}, "webhooks": [webhook]}


def template() -> dict[str, object]:
    """The template of the documentation, to the letter."""
    (found,) = re.findall(r"```yaml\n(apiVersion: templates.*?)```", DOORS.read_text(), re.DOTALL)
    return yaml.safe_load(found)


async def test_gatekeeper_denies_what_no_node_would_run(scene, gatekeeper: Path, tmp_path: Path) -> None:
    here = await scene(HERE, config=CONFIG)
    app = f"{here.registry}/acme/app"
    for name in ("api", "gatekeeper"):
        (tmp_path / name).mkdir()
    async with (
        cluster(tmp_path / "api") as (api, kubeconfig),
        watching(gatekeeper, tmp_path / "gatekeeper", kubeconfig) as (port, authority),
    ):
        provider = {
            "metadata": {"name": "pullproof"},
            "spec": {"url": f"{here.url}/externaldata?timeout=5s", "timeout": 5},
        }
        kind = {"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "Provider"}
        await api.request("POST", PROVIDERS, body=kind | provider)
        await ProviderTrust(api, "pullproof", Writer()).publish(here.authority)
        await api.request("POST", "/apis/templates.gatekeeper.sh/v1/constrainttemplates", body=template())
        constraint = {
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": "Pullproof",
            "metadata": {"name": "images"},
            "spec": {"match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}},
        }
        await until(lambda: api.request("POST", "/apis/constraints.gatekeeper.sh/v1beta1/pullproof", body=constraint))
        path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        await api.request("POST", path, body=registration(port, authority))

        async def create(name: str, *images: str) -> None:
            containers = [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]
            body = {"metadata": {"name": name}, "spec": {"containers": containers}}
            await api.request("POST", "/api/v1/namespaces/shop/pods", body=body, query={"dryRun": "All"})

        async def refused(*images: str) -> str:
            with pytest.raises(Denied) as raised:
                await create("refused", *images)
            return str(raised.value)

        async def enforced() -> None:
            try:
                await create("a", "a//b")
            except Denied as error:
                if "invalid-reference" in str(error):
                    return
            raise ClusterError

        await until(enforced)
        assert "denied the request: [images]" in await refused(f"{app}:1.0", "a//b")
        assert "[latest-tag]" in await refused(f"{app}:latest")
        await create("good", f"{app}:1.0")
        await create("typo", f"{app}:typo")
        await create("private", f"{here.registry}/acme/private:1.0")
        await create("away", "127.0.0.1:1/nobody/answers:1")
        assert here.api.reads == []
        assert json.loads(await api.request("GET", f"{PROVIDERS}/pullproof"))["spec"]["caBundle"]
