"""Everything that bears pods, listed from a real API server."""

import json

import pytest

from webhook.cluster.client import open_cluster
from webhook.cluster.failure import NotFound, Unavailable
from webhook.cluster.workloads import RESOURCES, Resource, Unlisted, Unread, list_workloads, read_workload
from webhook.workload.workload import Workload

POD = {"containers": [{"name": "c", "image": "nginx:1"}]}
TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": POD}
ONCE = {"metadata": {"labels": {"app": "x"}}, "spec": POD | {"restartPolicy": "Never"}}
SELECTED = {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE}
SPECS = {
    "Deployment": SELECTED,
    "StatefulSet": SELECTED | {"serviceName": "x"},
    "DaemonSet": SELECTED,
    "CronJob": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": ONCE}}},
    "Job": {"template": ONCE},
    "ReplicaSet": SELECTED,
    "ReplicationController": {"selector": {"app": "x"}, "template": TEMPLATE},
    "Pod": POD,
}


@pytest.fixture
async def filled(cluster, namespace):
    """One object of each kind, labelled with its kind."""
    for resource in RESOURCES:
        metadata = {"name": resource.kind.lower(), "labels": {"kind": resource.kind}}
        body = {"metadata": metadata, "spec": SPECS[resource.kind]}
        await cluster.request("POST", resource.path(namespace), body=body)
    return namespace


async def test_every_kind_of_a_namespace(cluster, filled) -> None:
    found = [each async for each in list_workloads(cluster, filled)]
    assert [each.kind for each in found] == [resource.kind for resource in RESOURCES]
    assert {image.image for each in found for image in each.images} == {"nginx:1"}
    assert {each.namespace for each in found} == {filled}


async def test_by_label(cluster, filled) -> None:
    found = [each.name async for each in list_workloads(cluster, filled, selector="kind in (Job,Pod)")]
    assert found == ["job", "pod"]


async def test_pages(cluster, namespace) -> None:
    pods = Resource("", "Pod", "pods")
    for number in range(7):
        body = {"metadata": {"name": f"p{number}"}, "spec": POD}
        await cluster.request("POST", pods.path(namespace), body=body)
    found = [each.name async for each in list_workloads(cluster, namespace, resources=[pods], size=2)]
    assert found == [f"p{number}" for number in range(7)]


async def test_what_may_not_be_listed_is_told_and_the_rest_goes_on(cluster, login, filled) -> None:
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{filled}"
    await cluster.request("POST", f"{rbac}/roles", body={"metadata": {"name": "r"}, "rules": [rule]})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    subject = {"kind": "User", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"}
    body = {"metadata": {"name": "r"}, "roleRef": reference, "subjects": [subject]}
    await cluster.request("POST", f"{rbac}/rolebindings", body=body)
    async with open_cluster(login("reader")) as api:
        found = [each async for each in list_workloads(api, filled)]
    assert isinstance(found[0], Workload)
    assert [each.kind for each in found[1:] if isinstance(each, Unlisted)] == [each.kind for each in RESOURCES[1:]]
    assert 'cannot list resource "pods"' in found[-1].reason


async def test_one_by_name(cluster, filled) -> None:
    assert (await read_workload(cluster, RESOURCES[0], filled, "deployment")).kind == "Deployment"
    with pytest.raises(NotFound):
        await read_workload(cluster, RESOURCES[0], filled, "absent")


async def test_an_object_that_cannot_be_read_is_told_and_the_rest_goes_on(cluster, namespace) -> None:
    deployments = RESOURCES[0]
    taints = [{"key": f"example.com/taint-{number}", "operator": "Exists"} for number in range(2049)]
    large = {"metadata": TEMPLATE["metadata"], "spec": POD | {"tolerations": taints}}
    for name, template in (("a", TEMPLATE), ("b", large), ("c", TEMPLATE)):
        body = {"metadata": {"name": name}, "spec": SELECTED | {"template": template}}
        await cluster.request("POST", deployments.path(namespace), body=body)
    first, second, third = [each async for each in list_workloads(cluster, namespace)]
    assert isinstance(first, Workload)
    assert isinstance(third, Workload)
    assert isinstance(second, Unread)
    assert str(second) == (
        f"cannot read Deployment '{namespace}/b': spec.template.spec.tolerations: expected array of length <= 2048"
    )
    with pytest.raises(Unavailable, match="malformed Deployment: spec"):
        await read_workload(cluster, deployments, namespace, "b")


async def test_a_kind_that_bears_no_pod_cannot_be_read() -> None:
    class Odd:
        async def request(self, *_, **__):
            return json.dumps({"metadata": {}, "items": [{"spec": {"containers": 3}}, 7]}).encode()

    pods = Resource("", "Pod", "pods")
    unread, unlisted = [each async for each in list_workloads(Odd(), None, resources=[pods])]
    assert unread == Unread(kind="Pod", namespace="", name="", reason=unread.reason)
    assert "spec.containers" in unread.reason
    assert unlisted == Unlisted(kind="Pod", reason=unlisted.reason)
    with pytest.raises(Unavailable, match="bears no pod"):
        await read_workload(Odd(), Resource("", "Service", "services"), "a", "b")
