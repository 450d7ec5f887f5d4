"""Every pod-bearing kind, from JSON bytes and from a decoded document alike."""

import json

import pytest

from webhook.workload.decoding import MalformedObject
from webhook.workload.kinds import pod_bearing
from webhook.workload.workload import (
    ContainerImage,
    Placement,
    PullPolicy,
    Role,
    Selector,
    Subject,
    Toleration,
    Workload,
)

SPEC = {
    "containers": [
        {"name": "api", "image": "ghcr.io/acme/api:1", "imagePullPolicy": "Always"},
        {"name": "w", "image": "w"},
    ],
    "initContainers": [{"name": "migrate", "image": "reg.example/m:2", "restartPolicy": "Always"}],
    "ephemeralContainers": [{"name": "debug", "image": "busybox@sha256:" + "0" * 64}],
    "volumes": [
        {"name": "cfg", "configMap": {"name": "x"}},
        {"name": "model", "image": {"reference": "reg.example/model:3", "pullPolicy": "Never"}},
        {"name": "empty", "image": {"reference": ""}},
    ],
}

KINDS = [
    ("", "Pod", "spec"),
    ("", "PodTemplate", "template.spec"),
    ("", "ReplicationController", "spec.template.spec"),
    ("apps", "Deployment", "spec.template.spec"),
    ("apps", "StatefulSet", "spec.template.spec"),
    ("apps", "DaemonSet", "spec.template.spec"),
    ("apps", "ReplicaSet", "spec.template.spec"),
    ("batch", "Job", "spec.template.spec"),
    ("batch", "CronJob", "spec.jobTemplate.spec.template.spec"),
]


def put(path: str, value: object) -> dict[str, object]:
    for step in reversed(path.split(".")):
        value = {step: value}
    assert isinstance(value, dict)
    return value


def read(group: str, kind: str, obj: dict[str, object]) -> Workload:
    known = pod_bearing(group, kind)
    assert known is not None
    decoded = known.decode(json.dumps(obj).encode())
    assert decoded == known.convert(obj)
    return decoded


def pod(spec: dict[str, object], **others: object) -> Workload:
    return read("", "Pod", {"spec": spec, **others})


def deployment(**spec: object) -> Workload:
    return read("apps", "Deployment", {"spec": spec})


@pytest.mark.parametrize(("group", "kind", "path"), KINDS, ids=[row[1] for row in KINDS])
def test_every_image_of_every_kind_with_its_path(group: str, kind: str, path: str) -> None:
    obj = put(path, SPEC) | {"metadata": {"name": "shop", "namespace": "team"}}
    workload = read(group, kind, obj)
    assert (workload.kind, workload.namespace, workload.name) == (kind, "team", "shop")
    assert workload.template is (kind != "Pod")
    assert workload.skip is None
    assert [(image.role, image.name, image.image, image.pull_policy, image.field) for image in workload.images] == [
        (Role.CONTAINER, "api", "ghcr.io/acme/api:1", PullPolicy.ALWAYS, f"{path}.containers[0].image"),
        (Role.CONTAINER, "w", "w", PullPolicy.ALWAYS, f"{path}.containers[1].image"),
        (
            Role.INIT_CONTAINER,
            "migrate",
            "reg.example/m:2",
            PullPolicy.IF_NOT_PRESENT,
            f"{path}.initContainers[0].image",
        ),
        (
            Role.EPHEMERAL_CONTAINER,
            "debug",
            "busybox@sha256:" + "0" * 64,
            PullPolicy.IF_NOT_PRESENT,
            f"{path}.ephemeralContainers[0].image",
        ),
        (Role.VOLUME, "model", "reg.example/model:3", PullPolicy.NEVER, f"{path}.volumes[1].image.reference"),
    ]
    assert [image.judged for image in workload.images] == [True, True, True, False, True]


@pytest.mark.parametrize(("group", "kind", "path"), KINDS, ids=[row[1] for row in KINDS])
@pytest.mark.parametrize("hollow", [{}, {"spec": None}, {"metadata": None, "spec": {}}, {"spec": {"template": None}}])
def test_nothing_there_is_nothing_to_check(group: str, kind: str, path: str, hollow: dict[str, object]) -> None:
    assert read(group, kind, hollow).images == ()


@pytest.mark.parametrize("kind", ["Service", "Scale", "PodList", "pod", ""])
def test_other_kinds_bear_no_pod(kind: str) -> None:
    assert pod_bearing("", kind) is None
    assert pod_bearing("apps", "Pod") is None


def test_a_policy_that_is_none_is_filled_in_from_the_image() -> None:
    images = pod({"containers": [{"image": "a:1", "imagePullPolicy": "always"}, {"image": "a:latest"}]}).images
    assert [image.pull_policy for image in images] == [PullPolicy.IF_NOT_PRESENT, PullPolicy.ALWAYS]


def test_a_blank_image_is_a_gap_in_a_template_and_a_mistake_in_a_pod() -> None:
    containers = [{"name": "a", "image": " "}, {"name": "b"}, {"name": "c", "image": ""}, {"name": "d", "image": "x:1"}]
    template = deployment(template={"spec": {"containers": containers}})
    assert [image.field for image in template.images] == ["spec.template.spec.containers[3].image"]
    assert [image.image for image in pod({"containers": containers}).images] == [" ", "", "", "x:1"]


@pytest.mark.parametrize(
    ("spec", "names", "blocks"),
    [
        ({}, (), False),
        ({"imagePullSecrets": None}, (), False),
        ({"imagePullSecrets": []}, (), False),
        ({"imagePullSecrets": [{"name": "b"}, {"name": "a"}, {"name": "b"}]}, ("b", "a", "b"), False),
        ({"imagePullSecrets": [{"name": ""}, {"name": "a"}, {}]}, ("a",), False),
        ({"imagePullSecrets": [{"name": ""}]}, (), True),
        ({"imagePullSecrets": [{}]}, (), True),
    ],
)
def test_pull_secrets_as_the_kubelet_lists_them(spec: dict[str, object], names: tuple[str, ...], blocks: bool) -> None:
    template = deployment(template={"spec": spec})
    assert template.pull_secrets == names
    assert template.blocks_account_copy is blocks
    assert template.takes_account_secrets is (not names and not blocks)
    assert not pod(spec).takes_account_secrets, "a Pod in a webhook is complete"


@pytest.mark.parametrize(
    ("spec", "account"),
    [
        ({}, "default"),
        ({"serviceAccount": "old"}, "old"),
        ({"serviceAccountName": "new", "serviceAccount": "old"}, "new"),
        ({"serviceAccountName": "", "serviceAccount": ""}, "default"),
    ],
)
def test_account(spec: dict[str, object], account: str) -> None:
    assert pod(spec).service_account == account


def test_runtime_class() -> None:
    assert pod({"runtimeClassName": "wasmtime"}).runtime_class == "wasmtime"
    assert pod({}).runtime_class == ""


def test_placement() -> None:
    required = {
        "nodeSelectorTerms": [
            {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]}]},
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]},
            {},
        ]
    }
    spec: dict[str, object] = {
        "nodeName": "n1",
        "nodeSelector": {"disk": "ssd"},
        "os": {"name": "windows"},
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
        "tolerations": [{"operator": "Exists"}, {"key": "arch", "value": "arm64", "effect": "NoSchedule"}],
    }
    assert pod(spec).placement == Placement(
        node_name="n1",
        os="windows",
        node_selector={"disk": "ssd"},
        affinity=(
            ((Selector(key="kubernetes.io/arch", operator="In", values=("arm64",)),), ()),
            ((), (Selector(key="metadata.name", operator="In", values=("n1",)),)),
            ((), ()),
        ),
        tolerations=(
            Toleration(operator="Exists"),
            Toleration(key="arch", value="arm64", effect="NoSchedule"),
        ),
    )
    assert pod({}).placement == Placement()
    assert pod({"affinity": {"podAffinity": {}}}).placement.affinity is None


def _required(*rules: dict[str, object]) -> dict[str, object]:
    terms = {"nodeSelectorTerms": [{"matchExpressions": list(rules)}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        pytest.param(_required(*({"key": f"k{n}", "operator": "Exists"} for n in range(250))), True, id="250 rules"),
        pytest.param(_required(*({"key": f"k{n}", "operator": "Exists"} for n in range(260))), False, id="260 rules"),
        pytest.param(_required({"key": "k", "operator": "In", "values": ["v"] * 2000}), True, id="2,000 values"),
        pytest.param(_required({"key": "k", "operator": "In", "values": ["v"] * 9000}), False, id="9,000 nodes"),
        pytest.param({"tolerations": [{"key": f"k{n}"} for n in range(260)]}, False, id="260 tolerations"),
        pytest.param({"nodeSelector": {f"k{n}": "v" for n in range(260)}}, False, id="260 labels"),
    ],
)
def test_too_many_rules_to_hold_thousands_of_nodes_against_leave_all_in_question(
    spec: dict[str, object], kept: bool
) -> None:
    placement = pod({**spec, "nodeName": "n1", "os": {"name": "linux"}}).placement
    anywhere = Placement(node_name="n1", os="linux", tolerations=(Toleration(operator="Exists"),))
    assert (placement != anywhere) is kept


def test_a_daemon_set_tolerates_what_its_controller_adds() -> None:
    tolerations = read("apps", "DaemonSet", put("spec.template.spec", SPEC)).placement.tolerations
    assert Toleration(key="node.kubernetes.io/unschedulable", operator="Exists", effect="NoSchedule") in tolerations
    assert deployment(template={"spec": SPEC}).placement.tolerations == ()


CONTROLLER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-5d", "uid": "u1", "controller": True}
OWNER = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": "u2"}


@pytest.mark.parametrize(
    ("owners", "subject", "uid"),
    [
        (None, Subject.PODS, ""),
        ([OWNER], Subject.PODS, ""),
        ([OWNER, CONTROLLER], Subject.OWNED_PODS, "u1"),
    ],
)
def test_subject_of_a_pod(owners: list[object] | None, subject: Subject, uid: str) -> None:
    workload = pod(SPEC, metadata={"generateName": "api-", "ownerReferences": owners, "uid": "p"})
    assert (workload.subject, workload.owner_uid, workload.uid, workload.name) == (subject, uid, "p", "api-")
    assert deployment().subject is Subject.WORKLOADS


def owned(api: str, kind: str) -> dict[str, object]:
    return {"ownerReferences": [{"apiVersion": api, "kind": kind, "name": "api", "uid": "u", "controller": True}]}


SKIPS = [
    ("", "Pod", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "being deleted"),
    ("", "Pod", {"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}}, "mirror pod of a static pod"),
    ("", "Pod", {"status": {"phase": "Succeeded"}}, "finished"),
    ("", "Pod", {"status": {"phase": "Failed"}}, "finished"),
    ("", "Pod", {"status": {"phase": "Pending"}}, None),
    ("apps", "Deployment", {"spec": {"replicas": 0}}, "scaled to 0"),
    ("apps", "Deployment", {"spec": {"replicas": 1}}, None),
    ("apps", "StatefulSet", {"spec": {"replicas": 0}}, "scaled to 0"),
    ("", "ReplicationController", {"spec": {"replicas": 0}}, "scaled to 0"),
    ("apps", "ReplicaSet", {"metadata": owned("apps/v1", "Deployment")}, 'owned by Deployment "api"'),
    ("apps", "ReplicaSet", {"metadata": owned("argoproj.io/v1alpha1", "Rollout")}, None),
    ("apps", "ReplicaSet", {"metadata": owned("example.com/v1", "Deployment")}, None),
    ("apps", "Deployment", {"metadata": owned("apps/v1", "Deployment")}, None),
    ("batch", "Job", {"metadata": owned("batch/v1", "CronJob")}, 'owned by CronJob "api"'),
    ("batch", "Job", {"metadata": owned("jobset.x-k8s.io/v1", "JobSet")}, None),
    ("batch", "Job", {"spec": {"suspend": True}}, "suspended"),
    ("batch", "Job", {"spec": {"parallelism": 0}}, "scaled to 0"),
    ("batch", "Job", {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}, "finished"),
    ("batch", "Job", {"status": {"conditions": [{"type": "Failed", "status": "False"}]}}, None),
    ("batch", "CronJob", {"spec": {"suspend": True}}, "suspended"),
    ("batch", "CronJob", {"spec": {"jobTemplate": {"spec": {"suspend": True}}}}, None),
    ("apps", "DaemonSet", {"spec": {}}, None),
]


@pytest.mark.parametrize(("group", "kind", "obj", "reason"), SKIPS)
def test_skips(group: str, kind: str, obj: dict[str, object], reason: str | None) -> None:
    assert read(group, kind, obj).skip == reason


def test_annotations_and_labels_of_the_template_win() -> None:
    metadata = {"annotations": {"a": "object", "b": "object"}, "labels": {"l": "object"}}
    inner = {"annotations": {"a": "template"}, "labels": {"m": "template"}}
    workload = read("apps", "Deployment", {"metadata": metadata, "spec": {"template": {"metadata": inner}}})
    assert workload.annotations == {"a": "template", "b": "object"}
    assert workload.labels == {"l": "object", "m": "template"}


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        (b'{"spec":{"containers":[{"image":5}]}}', "spec.containers[0].image", "expected str, got int"),
        (b'{"spec":{"containers":{}}}', "spec.containers", "expected array, got object"),
        (b'{"metadata":{"annotations":{"a":1}}}', "metadata.annotations[...]", "expected str, got int"),
        (b'{"metadata":{"annotations":{"a - at `$.x`":1}}}', "metadata.annotations[...]", "expected str, got int"),
        (b'{"spec":[]}', "spec", "expected object, got array"),
        (b"null", "", "expected object, got null"),
        (b"", "", "input data was truncated"),
        (b'{"spec":', "", "input data was truncated"),
        (b'{"metadata":{"name":"\xff"}}', "", "a string is not valid UTF-8"),
        (b'{"x":' + b"[" * 100_000, "", "nested too deeply"),
    ],
)
def test_malformed(text: bytes, path: str, reason: str) -> None:
    known = pod_bearing("", "Pod")
    assert known is not None
    with pytest.raises(MalformedObject) as caught:
        known.decode(text)
    assert (caught.value.path, caught.value.reason) == (path, reason)


@pytest.mark.parametrize("key", ["containers", "initContainers", "volumes", "tolerations", "imagePullSecrets"])
def test_lists_are_bounded(key: str) -> None:
    assert pod({key: [{}] * 2048}).skip is None
    with pytest.raises(MalformedObject, match=rf"^spec\.{key}: expected array of length <= 2048$"):
        pod({key: [{}] * 2049})


def test_equal_images_keep_their_own_fields() -> None:
    images = pod({"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "x:1"}]}).images
    assert images == tuple(
        ContainerImage(
            role=Role.CONTAINER,
            name=name,
            image="x:1",
            pull_policy=PullPolicy.IF_NOT_PRESENT,
            field=f"spec.containers[{index}].image",
        )
        for index, name in enumerate("ab")
    )
