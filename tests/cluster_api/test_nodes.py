"""Nodes of a real API server, and thousands of generated ones."""

import asyncio
import json
import tracemalloc

import pytest

from webhook.cluster.api import decode
from webhook.cluster.nodes import ClusterNodes, WireNode, _rechecks
from webhook.image.platform import Platform
from webhook.image.reference import Reference
from webhook.policy.evidence import NodeFacts, Runtime
from webhook.workload.workload import ContainerImage, Placement, PullPolicy, Role, Workload

IMAGE = ContainerImage(
    role=Role.CONTAINER, name="c", image="nginx:1", pull_policy=PullPolicy.IF_NOT_PRESENT, field="spec.containers[0]"
)
NGINX = Reference.parse("nginx:1")


def pod(**placement) -> Workload:
    return Workload(kind="Pod", namespace="shop", name="p", placement=Placement(**placement))


def status(architecture="amd64", runtime="containerd://2.4.2", kubelet="v1.37.2", system="linux", images=()) -> dict:
    return {
        "nodeInfo": {
            "operatingSystem": system,
            "architecture": architecture,
            "containerRuntimeVersion": runtime,
            "kubeletVersion": kubelet,
            "kernelVersion": "10.0.20348.1",
            "machineID": "m",
            "systemUUID": "u",
            "bootID": "b",
            "osImage": "Debian",
            "kubeProxyVersion": "",
        },
        "images": [{"names": list(names), "sizeBytes": 5} for names in images],
    }


async def test_follows_a_real_api_server(cluster, running, eventually) -> None:
    nodes = ClusterNodes(cluster)
    assert nodes.facts(pod(), IMAGE, NGINX) == NodeFacts(awaited=True, runtimes=frozenset({Runtime.UNKNOWN}))
    metadata = {"name": "real", "labels": {"of": "this-test"}}  # the server is shared, and others have nodes there
    body = {"metadata": metadata, "spec": {"taints": [{"key": "own", "effect": "NoSchedule"}]}}
    await cluster.request("POST", "/api/v1/nodes", body=body)
    await cluster.request(
        "PATCH",
        "/api/v1/nodes/real/status",
        body={"status": status("arm64", images=[["docker.io/library/nginx:1"]])},
        content_type="application/merge-patch+json",
    )
    running(nodes.watching.run())
    await asyncio.wait_for(nodes.watching.synced.wait(), 5)
    here = pod(node_name="real")
    assert nodes.facts(here, IMAGE, NGINX) == NodeFacts(
        known=True,
        eligible=1,
        platforms=frozenset({Platform(os="linux", architecture="arm64")}),
        holding=1,
        listed=True,
        runtimes=frozenset({Runtime.CONTAINERD}),
        rechecks_credentials=True,
    )
    assert nodes.facts(pod(node_selector={"of": "this-test"}), IMAGE, NGINX).eligible == 0
    await cluster.request("DELETE", "/api/v1/nodes/real")
    await eventually(lambda: nodes.facts(here, IMAGE, NGINX).eligible == 0)


@pytest.mark.parametrize(
    ("system", "architecture", "platform"),
    [
        ("linux", "amd64", Platform(os="linux", architecture="amd64")),
        ("linux", "arm", Platform(os="linux", architecture="arm", variant="v7")),
        ("windows", "amd64", Platform(os="windows", architecture="amd64", os_version="10.0.20348.1")),
    ],
)
def test_platforms(system: str, architecture: str, platform: Platform) -> None:
    nodes = ClusterNodes(None)
    nodes.put(wire("n", status(architecture, system=system)))
    nodes.watching.synced.set()
    assert nodes.facts(pod(), IMAGE, NGINX).platforms == {platform}


def test_a_node_that_has_not_reported_is_not_known() -> None:
    nodes = ClusterNodes(None)
    nodes.put(wire("n", {}))
    nodes.watching.synced.set()
    assert nodes.facts(pod(), IMAGE, NGINX) == NodeFacts(known=True)


@pytest.mark.parametrize(
    ("version", "expected"),
    [("v1.34.9", False), ("v1.35.0", True), ("v1.35.0-alpha.1+x", True), ("v1.30.1-eks-abc", False), ("", True)],
)
def test_rechecks_from_1_35(version: str, expected: bool) -> None:
    assert _rechecks(version) is expected


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [("containerd://2", Runtime.CONTAINERD), ("cri-o://1.33", Runtime.CRI_O), ("docker://27", Runtime.UNKNOWN)],
)
def test_runtimes(runtime: str, expected: Runtime) -> None:
    nodes = ClusterNodes(None)
    nodes.put(wire("n", status(runtime=runtime)))
    nodes.watching.synced.set()
    assert nodes.facts(pod(), IMAGE, NGINX).runtimes == {expected}


def wire(name: str, node_status: dict, **labels) -> WireNode:
    return decode(json.dumps({"metadata": {"name": name, "labels": labels}, "status": node_status}).encode(), WireNode)


def test_a_thousand_nodes_are_small() -> None:
    """Each with 50 images of two names and 30 labels."""
    nodes = ClusterNodes(None)
    tracemalloc.start()
    try:
        for number in range(1000):
            held = [
                [f"reg.example/team{n % 90}/app:{n}", f"reg.example/team{n % 90}/app@sha256:{n:064x}"]
                for n in range(number % 100, number % 100 + 50)
            ]
            labels = {f"label-{n}": f"value-{n}" for n in range(29)} | {"host": str(number)}
            nodes.put(wire(f"node-{number}", status(images=held), **labels))
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes / 1000 < 8192


def node(name: str, *, kubelet: str = "v1.37.2", images: list[list[str]] | None = None) -> WireNode:
    said = {"metadata": {"name": name}, "status": status(kubelet=kubelet, images=images or [])}
    return decode(json.dumps(said).encode(), WireNode)


def known(*nodes: WireNode) -> ClusterNodes:
    found = ClusterNodes(None)
    found.watching.synced.set()
    for each in nodes:
        found.put(each)
    return found


@pytest.mark.parametrize(
    ("kubelet", "hub", "quay"),
    [
        ("v1.37.2", "", ""),
        ("v1.31.5+k3s1", "registries.yaml", "registries.yaml"),
        ("v1.31.5+rke2r1", "registries.yaml", "registries.yaml"),
        ("v1.31.4-gke.1372000", "mirror.gcr.io", ""),
        ("v1.31.4-eks-2d5f260", "", ""),
    ],
)
def test_a_kubelets_version_tells_of_mirrors(kubelet: str, hub: str, quay: str) -> None:
    nodes = known(node("plain"), node("n", kubelet=kubelet))
    for image, reason in (("nginx:1", hub), ("quay.io/a/b:1", quay)):
        said = nodes.facts(pod(node_name="n"), IMAGE, Reference.parse(image)).mirrors
        assert (reason in said) if reason else not said
        assert nodes.facts(pod(node_name="plain"), IMAGE, Reference.parse(image)).mirrors == ""
    nodes.put(node("n"))
    assert nodes.facts(pod(), IMAGE, NGINX).mirrors == ""


@pytest.mark.parametrize(
    ("images", "cut"),
    [
        ([[f"a.example/i:{number}"] for number in range(49)], False),
        ([[f"a.example/i:{number}"] for number in range(50)], True),
        ([[f"a.example/i:{number}" for number in range(4)]], False),
        ([[f"a.example/i:{number}" for number in range(5)]], True),
    ],
    ids=["49 images", "50 images", "4 names", "5 names"],
)
def test_a_list_that_is_full_may_be_cut(images: list[list[str]], cut: bool) -> None:
    nodes = known(node("n", images=images), node("other"))
    assert nodes.facts(pod(node_name="n"), IMAGE, NGINX).cut is cut
    assert not nodes.facts(pod(node_name="other"), IMAGE, NGINX).cut
    nodes.put(node("n"))
    assert not nodes.facts(pod(), IMAGE, NGINX).cut


def test_an_image_elsewhere_is_told_apart() -> None:
    nodes = known(node("n"), node("other", images=[["docker.io/library/nginx:1"]]))
    facts = nodes.facts(pod(node_name="n"), IMAGE, NGINX)
    assert (facts.holding, facts.listed) == (0, True)
