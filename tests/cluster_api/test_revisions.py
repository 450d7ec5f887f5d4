"""Earlier revisions and differences, from a real API server."""

import asyncio

import pytest

from webhook.cluster.api import decode
from webhook.cluster.revisions import Difference, PodSpec, Revisions

APPS = "/apis/apps/v1/namespaces"


def owner(uid: str, kind: str = "Deployment") -> dict:
    return {"apiVersion": "apps/v1", "kind": kind, "name": "api", "uid": uid, "controller": True}


def spec(image: str, *secrets: str, **more: str) -> dict:
    containers = [{"name": "c", "image": image}, *({"name": k, "image": v} for k, v in more.items())]
    return {"containers": containers, "imagePullSecrets": [{"name": each} for each in secrets]}


def pod(image: str, *secrets: str, **more: str) -> PodSpec:
    import json

    return decode(json.dumps(spec(image, *secrets, **more)).encode(), PodSpec)


@pytest.fixture
async def replica_set(cluster, namespace):
    async def make(name: str, template: dict, *, uid: str = "u1", replicas: int = 0, ready: int = 0) -> None:
        labels = {"app": name}
        body = {
            "metadata": {"name": name, "ownerReferences": [owner(uid)]},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": template},
            },
        }
        await cluster.request("POST", f"{APPS}/{namespace}/replicasets", body=body)
        if ready:
            status = {"status": {"replicas": replicas, "readyReplicas": ready}}
            path = f"{APPS}/{namespace}/replicasets/{name}/status"
            await cluster.request("PATCH", path, body=status, content_type="application/merge-patch+json")

    return make


@pytest.fixture
async def watched(cluster, running):
    async def watch() -> Revisions:
        revisions = Revisions(cluster)
        for watching in revisions.watchings:
            running(watching.run())
            await asyncio.wait_for(watching.synced.wait(), 5)
        return revisions

    return watch


async def test_an_earlier_revision_ran_the_image(watched, replica_set, namespace, eventually, cluster) -> None:
    await replica_set("old", spec("api:1"))
    await replica_set("now", spec("api:2", sidecar="envoy:3"), replicas=2, ready=1)
    await replica_set("stuck", spec("api:3"), replicas=2)
    revisions = await watched()
    found = {image: revisions.ran("u1", image) for image in ("api:1", "api:2", "envoy:3", "api:3", "api:4")}
    assert found == {"api:1": True, "api:2": True, "envoy:3": True, "api:3": False, "api:4": False}
    assert not revisions.ran("u2", "api:1")
    assert not revisions.ran("", "api:1")
    await cluster.request("DELETE", f"{APPS}/{namespace}/replicasets/old")
    await eventually(lambda: not revisions.ran("u1", "api:1"))
    assert revisions.ran("u1", "api:2")


async def test_an_image_that_ran_anywhere_is_known(watched, replica_set, namespace, eventually, cluster) -> None:
    image = f"{namespace}/ran-here:1"
    assert Revisions(cluster).may_have_run_here(image), "nothing is read yet"
    await replica_set("old", spec(image))
    revisions = await watched()
    assert revisions.may_have_run_here(image)
    assert not revisions.may_have_run_here(f"{namespace}/never:1")
    await cluster.request("DELETE", f"{APPS}/{namespace}/replicasets/old")
    await eventually(lambda: not revisions.may_have_run_here(image))


async def test_controller_revisions_count(watched, cluster, namespace) -> None:
    data = {"spec": {"template": {"spec": spec("db:1")}}}
    for name, content in (("db-1", data), ("odd", {"spec": "not a template"}), ("odder", {"a": [1]})):
        metadata = {"name": name, "ownerReferences": [owner("s1", "StatefulSet")]}
        body = {"metadata": metadata, "revision": 1, "data": content}
        await cluster.request("POST", f"{APPS}/{namespace}/controllerrevisions", body=body)
    revisions = await watched()
    assert revisions.ran("s1", "db:1")


DIFFERENCES = {
    "the same": (spec("a:1", "s"), pod("a:1", "s"), None),
    "a sidecar was added": (spec("a:1"), pod("a:1", istio="proxy:1"), None),
    "another image": (spec("a:1"), pod("mirror.example/a:1"), Difference.IMAGE),
    "a digest was added": (spec("a:1"), pod("a:1@sha256:" + "0" * 64), Difference.IMAGE),
    "another secret": (spec("a:1", "s"), pod("a:1", "t"), Difference.SECRETS),
    "one more secret": (spec("a:1", "s"), pod("a:1", "s", "t"), Difference.SECRETS),
    "secrets of the account": (spec("a:1"), pod("a:1", "s"), None),
}


async def test_differences(watched, replica_set, namespace) -> None:
    for number, (template, _, _) in enumerate(DIFFERENCES.values()):
        await replica_set(f"r{number}", template, replicas=1)
    revisions = await watched()
    found = {
        name: revisions.difference(f"{namespace}/r{number}", each)
        for number, (name, (_, each, _)) in enumerate(DIFFERENCES.items())
    }
    assert found == {name: expected for name, (_, _, expected) in DIFFERENCES.items()}
    assert revisions.difference(f"{namespace}/unknown", pod("a:1")) is None
    assert revisions.names_secrets(f"{namespace}/r0")
    assert not revisions.names_secrets(f"{namespace}/r1")
