"""The periodic re-check on a real API server: what runs is listed, judged, counted and reported."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from webhook.cluster.failure import ClusterError, NotFound
from webhook.cluster.policyreports import GROUP, PolicyReports, owner_of
from webhook.metrics import Metrics
from webhook.policy.decision import Judged, Verdict
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.reports.stored_report import CONTENT, OWNED
from webhook.server.rechecking import Recheck
from webhook.settings.decoding import decode

CRD = Path(__file__).parent / "policyreports.yaml"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GONE = Finding(
    code=Code.IMAGE_NOT_FOUND,
    cls=FindingClass.FAIL,
    message="tag not found",
    brief=" not found",
    fix="push it",
    certainty=Certainty.CERTAIN,
)
LATE = Finding(code=Code.NOT_VERIFIED, cls=FindingClass.ERROR, message="out of time", brief="", fix="wait")
SCANNING = decode("scan: {enabled: true, policyReports: true, interval: 60s}")


class Scripted:
    """Judges by the image's tag, and remembers how many it had at once."""

    def __init__(self) -> None:
        self.at_once = self.most = 0
        self.gone: set[str] = set()

    async def inspect(self, workload, deadline, *, user="") -> Verdict:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        judged = tuple(Judged(image=each, findings=self._findings(each.image)) for each in workload.images)
        return Verdict(workload=workload, judged=judged)

    def _findings(self, image: str) -> tuple[Finding, ...]:
        if image in self.gone:
            return (GONE,)
        return (LATE,) if image.endswith(":late") else ()


class Writer:
    held = True


@pytest.fixture
async def reports_crd(cluster) -> AsyncIterator[None]:
    body = yaml.safe_load(CRD.read_text())
    await cluster.request("POST", CRDS, body=body)
    async with asyncio.timeout(20):
        while True:
            try:
                await cluster.request("GET", f"{GROUP}/policyreports")
                break
            except ClusterError:  # not known yet, then "storage is (re)initializing"
                await asyncio.sleep(0.05)
    yield
    await cluster.request("DELETE", f"{CRDS}/{body['metadata']['name']}")
    async with asyncio.timeout(20):
        while True:
            try:
                await cluster.request("GET", f"{CRDS}/{body['metadata']['name']}")
                await asyncio.sleep(0.05)
            except NotFound:
                break


@pytest.fixture
def deploy(cluster, namespace):
    async def make(name: str, *images: str) -> None:
        labels = {"app": name}
        containers = [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
        body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
        await cluster.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body=body)

    return make


@pytest.fixture
def stored(cluster, namespace):
    async def read() -> list[dict]:
        body = await cluster.request("GET", f"{GROUP}/namespaces/{namespace}/policyreports")
        return json.loads(body)["items"]

    return read


@pytest.fixture
def recheck(cluster):
    def make(inspector=None, *, settings=SCANNING, writer=None, metrics=None, **more) -> Recheck:
        return Recheck(
            cluster, inspector or Scripted(), lambda: settings, writer or Writer(), metrics or Metrics(), **more
        )

    return make


def gauges(metrics: Metrics) -> dict[str, float]:
    lines = [line for line in metrics.render()[0].decode().splitlines() if line.startswith("pullproof_scan_images{")]
    return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines}


async def test_what_runs_is_counted_and_reported(cluster, namespace, deploy, stored, recheck, reports_crd) -> None:
    await deploy("api", "reg.example/a:1", "reg.example/b:late")
    await deploy("web", "reg.example/a:gone")
    inspector, metrics = Scripted(), Metrics()
    inspector.gone.add("reg.example/a:gone")
    owner = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "path": "/apis/rbac.authorization.k8s.io/v1/clusterroles/view",
    }

    async def owned():
        return await owner_of(cluster, owner["path"], api_version=owner["apiVersion"], kind=owner["kind"])

    look = recheck(inspector, metrics=metrics, owner=owned)
    found = await look.look()
    assert found.complete
    ours = [image for image in found.images if image.namespace == namespace]
    assert [image.outcome.value for image in ours] == ["pass", "error", "fail"]
    assert gauges(metrics)["fail"] >= 1
    assert set(gauges(metrics)) == {"pass", "warn", "fail", "error", "skip"}
    assert inspector.most <= 2
    (report,) = await stored()
    assert report["metadata"]["name"] == "pullproof"
    assert report["metadata"]["labels"][OWNED] == "pullproof"
    assert [(each["kind"], each["name"]) for each in report["metadata"]["ownerReferences"]] == [("ClusterRole", "view")]
    assert report["summary"] == {"pass": 1, "warn": 0, "fail": 1, "error": 1, "skip": 0}
    first = report["results"][0]
    assert (first["rule"], first["result"], first["severity"]) == ("image-not-found", "fail", "high")
    assert first["resources"] == [
        {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": namespace, "name": "web"}
    ]

    # Nothing changed: nothing is written. A fixed image: it is. Nothing runs: the report goes.
    version = report["metadata"]["resourceVersion"]
    await look.look()
    (same,) = await stored()
    assert same["metadata"]["resourceVersion"] == version
    inspector.gone.clear()
    await look.look()
    (fixed,) = await stored()
    assert fixed["summary"]["fail"] == 0
    assert fixed["metadata"]["annotations"][CONTENT] != report["metadata"]["annotations"][CONTENT]
    for name in ("api", "web"):
        await cluster.request("DELETE", f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    await look.look()
    assert await stored() == []


async def test_reports_of_others_stay(cluster, namespace, stored, recheck, reports_crd) -> None:
    body = {"apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "PolicyReport", "metadata": {"name": "kyverno"}}
    await cluster.request("POST", f"{GROUP}/namespaces/{namespace}/policyreports", body=body)
    await recheck().look()
    assert [each["metadata"]["name"] for each in await stored()] == ["kyverno"]


async def test_two_writers_do_no_harm(cluster, namespace, deploy, stored, recheck, reports_crd) -> None:
    await deploy("api", "reg.example/a:1")
    await asyncio.gather(*(recheck().look() for _ in range(4)))
    (report,) = await stored()
    assert report["summary"]["pass"] == 1


async def test_an_object_that_cannot_be_read_holds_up_no_other(
    cluster, namespace, deploy, stored, recheck, reports_crd, caplog
) -> None:
    await deploy("api", "reg.example/a:1")
    body = json.loads(await cluster.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/api"))
    taints = [{"key": f"example.com/taint-{number}", "operator": "Exists"} for number in range(2049)]
    body["metadata"] = {"name": "large"}
    body["spec"]["template"]["spec"]["tolerations"] = taints
    await cluster.request("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body=body)
    assert (await recheck().look()).complete
    (report,) = await stored()
    assert report["summary"]["pass"] == 1
    assert f"cannot read Deployment '{namespace}/large'" in caplog.text


async def test_without_the_definition_the_look_is_counted_all_the_same(namespace, deploy, recheck) -> None:
    await deploy("api", "reg.example/a:1")
    metrics = Metrics()
    with pytest.raises(ClusterError):
        await recheck(metrics=metrics).look()
    assert gauges(metrics)["pass"] >= 1


async def test_one_namespace_that_refuses_holds_up_no_other(cluster, namespace, stored, reports_crd) -> None:
    reports = PolicyReports(cluster, label=OWNED, name="pullproof", content=CONTENT)
    body = {"apiVersion": "wgpolicyk8s.io/v1alpha2", "kind": "PolicyReport", "metadata": {"name": "pullproof"}}
    wrong = {**body, "results": [{"result": "odd"}]}
    done = await reports.write({"absent": body, namespace: body, "default": wrong})
    assert (done.written, done.failed) == (2, 1)
    assert len(await stored()) == 1


async def test_only_the_holder_looks_and_only_where_it_is_asked_for(recheck, running, eventually) -> None:
    metrics, writer = Metrics(), Writer()
    settings = [decode("scan: {enabled: false}")]
    inspector = Scripted()
    look = recheck(inspector, writer=writer, metrics=metrics, tick=0.01, settle=0.0)
    look._settings = lambda: settings[0]
    running(look.run())
    await asyncio.sleep(0.1)
    assert gauges(metrics) == {}
    settings[0] = decode("scan: {enabled: true}")
    await eventually(lambda: bool(gauges(metrics)))
    writer.held = False
    await eventually(lambda: gauges(metrics) == {})
