"""Documents of any kind."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.workload.decoding import MalformedObject
from webhook.workload.extract import workloads_of
from webhook.workload.fieldpath import parse_path
from webhook.workload.workload import Placement, Role


def images(obj: dict[str, object]) -> list[tuple[str, str, str]]:
    return [(image.name, image.image, image.field) for workload in workloads_of(obj) for image in workload.images]


POD = {"containers": [{"name": "c", "image": "x:1"}]}


def test_a_pod_from_a_file_is_still_to_be_made_and_a_live_one_is_complete() -> None:
    (from_file,) = workloads_of({"apiVersion": "v1", "kind": "Pod", "spec": POD})
    (live,) = workloads_of({"apiVersion": "v1", "kind": "Pod", "metadata": {"uid": "u"}, "spec": POD})
    assert from_file.takes_account_secrets
    assert not live.takes_account_secrets


@pytest.mark.parametrize("version", ["apps/v1", "apps/v1beta2", "extensions/v1beta1"])
def test_old_api_versions(version: str) -> None:
    (workload,) = workloads_of({"apiVersion": version, "kind": "Deployment", "spec": {"template": {"spec": POD}}})
    assert workload.images[0].field == "spec.template.spec.containers[0].image"


@pytest.mark.parametrize(
    ("kind", "version", "item"),
    [
        ("List", "v1", {"apiVersion": "v1", "kind": "Pod", "spec": POD}),
        ("PodList", "v1", {"spec": POD}),
        ("List", "v1", {"apiVersion": "v1", "kind": "PodList", "items": [{"spec": POD}]}),
    ],
)
def test_lists(kind: str, version: str, item: dict[str, object]) -> None:
    obj = {"apiVersion": version, "kind": kind, "items": [{"apiVersion": "v1", "kind": "Service"}, None, item]}
    (workload,) = workloads_of(obj)
    assert workload.kind == "Pod"
    node: object = obj
    for step in parse_path(workload.images[0].field):
        node = node[step]  # type: ignore[index]
    assert node == "x:1"


def test_argo_rollout() -> None:
    obj = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "shop", "annotations": {"a": "b"}},
        "spec": {
            "template": {
                "spec": {**POD, "imagePullSecrets": [{"name": "s"}], "nodeSelector": {"kubernetes.io/arch": "arm64"}}
            }
        },
    }
    (workload,) = workloads_of(obj)
    assert (workload.kind, workload.name, workload.namespace, workload.pull_secrets) == (
        "Rollout",
        "web",
        "shop",
        ("s",),
    )
    assert workload.placement == Placement(node_selector={"kubernetes.io/arch": "arm64"})
    assert workload.annotations == {"a": "b"}
    assert images(obj) == [("c", "x:1", "spec.template.spec.containers[0].image")]


def test_a_job_of_another_group_is_found_by_shape() -> None:
    obj = {
        "apiVersion": "batch.volcano.sh/v1alpha1",
        "kind": "Job",
        "spec": {"tasks": [{"template": {"spec": POD}}, {"template": {"spec": POD}}]},
    }
    assert [field for _, _, field in images(obj)] == [
        "spec.tasks[0].template.spec.containers[0].image",
        "spec.tasks[1].template.spec.containers[0].image",
    ]


def test_tekton() -> None:
    obj = {
        "apiVersion": "tekton.dev/v1",
        "kind": "Task",
        "spec": {
            "stepTemplate": {"image": "base:1"},
            "steps": [
                {"name": "build", "image": "kaniko:1"},
                {"script": "echo"},
                {"image": "sh:1"},
                {"image": "$(params.image)"},
            ],
            "sidecars": [{"name": "docker", "image": "dind:1"}],
        },
    }
    assert images(obj) == [
        ("build", "kaniko:1", "spec.steps[0].image"),
        ("steps[2]", "sh:1", "spec.steps[2].image"),
        ("docker", "dind:1", "spec.sidecars[0].image"),
        ("stepTemplate", "base:1", "spec.stepTemplate.image"),
    ]


def test_argo_workflow_inherits_its_pull_secrets() -> None:
    obj = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "spec": {
            "imagePullSecrets": [{"name": "regcred"}],
            "serviceAccountName": "runner",
            "templates": [
                {"name": "a", "container": {"image": "a:1"}, "sidecars": [{"name": "s", "image": "s:1"}]},
                {"name": "b", "script": {"image": "b:1", "source": "x"}},
                {"name": "dag", "dag": {"tasks": []}},
                {"name": "c", "container": {"image": "{{inputs.parameters.image}}"}},
            ],
        },
    }
    assert images(obj) == [
        ("s", "s:1", "spec.templates[0].sidecars[0].image"),
        ("a", "a:1", "spec.templates[0].container.image"),
        ("b", "b:1", "spec.templates[1].script.image"),
    ]
    assert {workload.pull_secrets for workload in workloads_of(obj)} == {("regcred",)}
    assert {workload.service_account for workload in workloads_of(obj)} == {"runner"}


def test_kubevirt() -> None:
    volume = {"name": "root", "containerDisk": {"image": "disk:1", "imagePullSecret": "s"}}
    obj = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "spec": {"template": {"spec": {"volumes": [volume]}}},
    }
    (workload,) = workloads_of(obj)
    assert workload.pull_secrets == ("s",)
    assert workload.images[0].role is Role.VOLUME
    assert images(obj) == [("root", "disk:1", "spec.template.spec.volumes[0].containerDisk.image")]


@pytest.mark.parametrize(
    ("spec", "skip"), [({"replicas": 0}, "scaled to 0"), ({"suspend": True}, "suspended"), ({"replicas": False}, None)]
)
def test_an_idle_object_of_unknown_kind(spec: dict[str, object], skip: str | None) -> None:
    obj = {"apiVersion": "x/v1", "kind": "Thing", "spec": {**spec, "template": {"spec": POD}}}
    assert workloads_of(obj)[0].skip == skip


@pytest.mark.parametrize(
    "obj",
    [
        {},
        {"kind": "Service", "apiVersion": "v1", "spec": {"containers": "x"}},
        {"kind": "CustomResourceDefinition", "spec": POD},
        {"kind": "ConfigMap", "data": {"x": POD}},
        {"kind": "Prometheus", "spec": {"image": "prom:1", "containers": [{"name": "patch"}]}},
        {"kind": "List", "items": {"a": 1}},
        {1: {"containers": [1, None]}},
    ],
)
def test_no_pods(obj: dict[str, object]) -> None:
    assert workloads_of(obj) == ()


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        ({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": 1.5}]}}, "spec.containers[0].image"),
        (
            {"kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": 1}}]},
            "items[0].spec.containers",
        ),
        (
            {"kind": "Rollout", "spec": {"x": {"containers": [{"image": "a"}, {"image": 2}]}}},
            "spec.x.containers[1].image",
        ),
        ({"kind": "Rollout", "metadata": {"name": 3}, "spec": POD}, "metadata.name"),
        (
            {"kind": "Rollout", "spec": {"a.b": {"containers": [{"image": "a", "name": 2}]}}},
            'spec["a.b"].containers[0].name',
        ),
    ],
)
def test_malformed(obj: dict[str, object], path: str) -> None:
    with pytest.raises(MalformedObject) as caught:
        workloads_of(obj)
    assert caught.value.path == path


def nested(depth: int) -> object:
    node: object = POD
    for _ in range(depth):
        node = {"x": node}
    return node


def test_hostile_documents_end_soon() -> None:
    bomb: object = POD
    for _ in range(40):
        bomb = [bomb, bomb]  # what YAML aliases make of a few lines
    loop: dict[str, object] = {}
    loop["self"] = loop
    lists: dict[str, object] = {"kind": "List"}
    lists["items"] = [lists]
    for hostile in (
        {"kind": "X", "spec": bomb},
        {"kind": "X", "spec": loop},
        {"kind": "X", "spec": nested(5000)},
        lists,
    ):
        with pytest.raises(MalformedObject):
            workloads_of(hostile)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["spec", "template", "containers", "image", "name", "steps", "items", "kind", "volumes", "os", "a b"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
objects = st.dictionaries(st.sampled_from(["spec", "metadata", "items", "template"]), json_values).flatmap(
    lambda obj: st.sampled_from(["Pod", "List", "Deployment", "Rollout", "CronJob"]).map(
        lambda kind: {
            **obj,
            "kind": kind,
            "apiVersion": {"Deployment": "apps/v1", "CronJob": "batch/v1"}.get(kind, "v1"),
        }
    )
)


@given(objects)
def test_any_document_is_read_or_refused_and_every_field_leads_to_its_image(obj: dict[str, object]) -> None:
    try:
        workloads = workloads_of(json.loads(json.dumps(obj)))
    except MalformedObject:
        return
    for workload in workloads:
        for image in workload.images:
            node: object = obj
            for step in parse_path(image.field):
                if isinstance(node, dict) and step not in node and step == "image":
                    node = ""  # a Pod's container without an image is kept, to be reported
                    break
                node = node[step]  # type: ignore[index]
            assert (node or "") == image.image
