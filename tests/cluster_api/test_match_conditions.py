"""What the API server sends us, by the chart's rules and CEL, against what `changed` would judge: a real API server.

The chart's webhooks are registered as they are rendered, but for the address: they call a recorder in this process.
"""

import asyncio
import base64
import contextlib
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from certs.issue import issue_authority, issue_leaf
from webhook.cluster.failure import Conflict
from webhook.cluster.workloads import RESOURCES, Resource
from webhook.workload.change import changed
from webhook.workload.kinds import pod_bearing

CHART = Path(__file__).parents[2] / "charts/pullproof"
CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/recorder"
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
BY_KIND = {resource.kind: resource for resource in RESOURCES} | {
    "PodTemplate": Resource("", "PodTemplate", "podtemplates")
}


class Recorder(BaseHTTPRequestHandler):
    """Allows everything and remembers (operation, kind, name)."""

    calls: list[tuple[str, str, str, str]]

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["content-length"])))
        request = review["request"]
        name = request["object"]["metadata"].get("name", "")
        self.calls.append((request["operation"], request["kind"]["kind"], name, request.get("subResource", "")))
        answer = {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": {"uid": request["uid"], "allowed": True},
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def recorder(tmp_path_factory) -> Iterator[tuple[str, bytes, list]]:
    """URL, authority and calls of a webhook that records."""
    folder = tmp_path_factory.mktemp("recorder")
    now = datetime.now(UTC)
    authority = issue_authority(now, timedelta(days=1))
    leaf = issue_leaf(authority, ["127.0.0.1"], now, timedelta(days=1))
    (folder / "pair.pem").write_bytes(leaf.certificate + leaf.key)
    calls: list[tuple[str, str, str, str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Recorder,), {"calls": calls}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pair.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}/validate", authority.certificate, calls
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def rendered(parts: Path) -> list[dict]:
    """The webhooks that the chart registers, with a failure policy that shows an error of CEL."""
    command = [
        parts / "helm",
        "template",
        "pullproof",
        CHART,
        "-n",
        "pullproof-system",
        "--set",
        "webhook.failurePolicy=Fail",
    ]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    documents = [each for each in yaml.safe_load_all(text) if each]
    found = next(each for each in documents if each["metadata"]["name"] == "pullproof-registration")
    return yaml.safe_load(found["data"]["registration.yaml"])["webhooks"]


@pytest.fixture
async def called(cluster, namespace, recorder, rendered):
    """Register; give a function that returns the calls since it was last asked."""
    url, authority, calls = recorder
    bundle = base64.b64encode(authority).decode()
    webhooks = [each | {"clientConfig": {"url": url, "caBundle": bundle}} for each in rendered]
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "recorder"},
        "webhooks": webhooks,
    }
    await cluster.request(
        "PATCH",
        CONFIGURATION,
        query={"fieldManager": "test"},
        body=body,
        content_type="application/apply-patch+yaml",
    )
    probe = {"metadata": {"generateName": "probe-"}, "template": {"spec": SPEC}}
    async with asyncio.timeout(10):
        while not calls:
            await cluster.request("POST", f"/api/v1/namespaces/{namespace}/podtemplates", body=probe)
            await asyncio.sleep(0.1)
    calls.clear()

    def since() -> list:
        found = list(calls)
        calls.clear()
        return found

    yield since
    await cluster.request("DELETE", CONFIGURATION)


SPEC: dict = {
    "containers": [{"name": "c", "image": "nginx:1", "env": [{"name": "A", "value": "1"}]}],
    "serviceAccountName": "default",
}
LABELS = {"app": "x"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": SPEC}
ONCE = {"metadata": {"labels": LABELS}, "spec": SPEC | {"restartPolicy": "Never"}}
SELECTED = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
OBJECTS: dict[str, dict] = {
    "Deployment": {"spec": SELECTED},
    "StatefulSet": {"spec": SELECTED | {"serviceName": "x"}},
    "DaemonSet": {"spec": SELECTED},
    "ReplicaSet": {"spec": SELECTED},
    "ReplicationController": {"spec": {"selector": LABELS, "template": TEMPLATE}},
    "CronJob": {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": ONCE}}}},
    "Job": {"spec": {"template": ONCE}},
    "PodTemplate": {"template": TEMPLATE},
    "Pod": {"spec": SPEC},
}
PATHS: dict[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}


def nested(kind: str, spec: dict) -> dict:
    """A patch of an object's pod spec."""
    patch: dict = spec
    for key in reversed(PATHS.get(kind, ("spec", "template", "spec"))):
        patch = {key: patch}
    return patch


TERMS = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}
POD_CHANGES: dict[str, dict] = {
    "image": {"containers": [{"name": "c", "image": "nginx:2"}]},
    "pull-policy": {"containers": [{"name": "c", "imagePullPolicy": "Always"}]},
    "env": {"containers": [{"name": "c", "env": [{"name": "A", "value": "2"}]}]},
    "resources": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1m"}}}]},
    "another-container": {"containers": [{"name": "d", "image": "redis:7"}]},
    "init-container": {"initContainers": [{"name": "i", "image": "busybox:1"}]},
    "pull-secret": {"imagePullSecrets": [{"name": "s"}]},
    "account": {"serviceAccountName": "other"},
    "node-selector": {"nodeSelector": {"zone": "a"}},
    "node-name": {"nodeName": "n1"},
    "os": {"os": {"name": "linux"}},
    "toleration": {"tolerations": [{"key": "gpu", "operator": "Exists"}]},
    "required-affinity": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": TERMS}}},
    "preferred-affinity": {
        "affinity": {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "preference": TERMS["nodeSelectorTerms"][0]}
                ]
            }
        }
    },
    "pod-affinity": {
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "zone", "labelSelector": {"matchLabels": LABELS}}
                ]
            }
        }
    },
    "image-volume": {"volumes": [{"name": "v", "image": {"reference": "ghcr.io/a/model:1"}}]},
    "other-volume": {"volumes": [{"name": "v", "emptyDir": {}}]},
    "termination": {"terminationGracePeriodSeconds": 7},
}
LABEL = {"metadata": {"labels": {"new": "label"}}}

CASES = [
    *((kind, name, nested(kind, change)) for kind in ("Deployment", "CronJob") for name, change in POD_CHANGES.items()),
    *((kind, "label", LABEL) for kind in OBJECTS),
    *(
        (kind, name, nested(kind, POD_CHANGES[name]))
        for kind in ("StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "PodTemplate")
        for name in ("image", "env", "pull-secret")
    ),
    ("Pod", "image", nested("Pod", POD_CHANGES["image"])),
    ("Pod", "toleration", nested("Pod", POD_CHANGES["toleration"])),
    *(
        (kind, "scaled-up", {"spec": {"replicas": 3}})
        for kind in ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
    ),
    ("Deployment", "scaled-to-0", {"spec": {"replicas": 0}}),
    ("Deployment", "scaled-to-0-with-image", {"spec": {"replicas": 0, "template": {"spec": POD_CHANGES["image"]}}}),
    ("CronJob", "suspended", {"spec": {"suspend": True}}),
    ("CronJob", "schedule", {"spec": {"schedule": "1 * * * *"}}),
    ("Job", "suspended", {"spec": {"suspend": True}}),
    ("Job", "parallelism", {"spec": {"parallelism": 3}}),
    ("Deployment", "strategy", {"spec": {"minReadySeconds": 3}}),
]
IDLE = [
    ("Deployment", {"replicas": 0}, {"replicas": 1}),
    ("StatefulSet", {"replicas": 0}, {"replicas": 2}),
    ("CronJob", {"suspend": True}, {"suspend": False}),
    ("Job", {"suspend": True}, {"suspend": False}),
    ("Job", {"parallelism": 0}, {"parallelism": 1}),
    ("Deployment", {"replicas": 0}, {"minReadySeconds": 3}),
    ("CronJob", {"suspend": True}, {"schedule": "1 * * * *"}),
]


@pytest.fixture
def edit(cluster, namespace):
    """Make an object, change it, and return it before and after as the API server keeps it."""

    async def edit(kind: str, patch: dict, spec: dict | None = None) -> tuple[bytes, bytes]:
        resource = BY_KIND[kind]
        body = json.loads(json.dumps(OBJECTS[kind])) | {"metadata": {"name": "x"}}
        body.get("spec", {}).update(spec or {})
        await cluster.request("POST", resource.path(namespace), body=body)
        path = resource.path(namespace, "x")
        before = await cluster.request("GET", path)
        await cluster.request("PATCH", path, body=patch, content_type=STRATEGIC)
        return before, await cluster.request("GET", path)

    return edit


def judged(kind: str, before: bytes | None, after: bytes) -> bool:
    """Tell whether our own rules find something to judge."""
    reader = pod_bearing(BY_KIND[kind].group, kind)
    assert reader is not None
    new = reader.decode(after)
    return (changed(reader.decode(before), new) if before else new).skip is None


@pytest.mark.parametrize(("kind", "name", "patch"), CASES, ids=[f"{kind}-{name}" for kind, name, _ in CASES])
async def test_an_update_is_sent_if_and_only_if_it_is_judged(called: Callable, edit, kind, name, patch) -> None:
    before, after = await edit(kind, patch)
    assert called() == [("CREATE", kind, "x", "")] + [("UPDATE", kind, "x", "")] * judged(kind, before, after)


@pytest.mark.parametrize(("kind", "spec", "patch"), IDLE, ids=[f"{kind}-{patch}" for kind, _, patch in IDLE])
async def test_waking_up_is_sent(called: Callable, edit, kind, spec, patch) -> None:
    before, after = await edit(kind, {"spec": patch}, spec)
    assert called() == [("UPDATE", kind, "x", "")] * judged(kind, before, after)


def test_the_cases_hold_both_kinds() -> None:
    assert len(CASES) + len(IDLE) > 70


async def test_ephemeral_containers_are_sent(called, cluster, namespace) -> None:
    pods = BY_KIND["Pod"]
    await cluster.request("POST", pods.path(namespace), body={"metadata": {"name": "p"}} | OBJECTS["Pod"])
    body = {"spec": {"ephemeralContainers": [{"name": "e", "image": "busybox:1"}]}}
    await cluster.request(
        "PATCH", f"{pods.path(namespace, 'p')}/ephemeralcontainers", body=body, content_type=STRATEGIC
    )
    assert called() == [("CREATE", "Pod", "p", ""), ("UPDATE", "Pod", "p", "ephemeralcontainers")]


async def test_what_was_judged_at_its_owner_is_not_sent(called, cluster, namespace) -> None:
    for kind, owner, group in (("ReplicaSet", "Deployment", "apps"), ("Job", "CronJob", "batch")):
        reference = {"apiVersion": f"{group}/v1", "kind": owner, "name": "o", "uid": "u", "controller": True}
        metadata = {"name": "owned", "ownerReferences": [reference]}
        await cluster.request("POST", BY_KIND[kind].path(namespace), body={"metadata": metadata} | OBJECTS[kind])
    reference = {"apiVersion": "example.com/v1", "kind": "Deployment", "name": "o", "uid": "u", "controller": True}
    metadata = {"name": "other", "ownerReferences": [reference]}
    await cluster.request(
        "POST", BY_KIND["ReplicaSet"].path(namespace), body={"metadata": metadata} | OBJECTS["ReplicaSet"]
    )
    assert called() == [("CREATE", "ReplicaSet", "other", "")]


async def cached(cluster, path: str, shows: Callable[[dict], bool]) -> None:
    """Wait until the API server's cache shows an object so: a PATCH begins with what is there, and asks us of that."""
    async with asyncio.timeout(20):
        while not shows(json.loads(await cluster.request("GET", path, query={"resourceVersion": "0"}))):  # noqa: ASYNC110 - a server, not a task of ours
            await asyncio.sleep(0.02)


async def test_what_is_going_finished_or_mirrored_is_not_sent(called, cluster, namespace) -> None:
    pods = BY_KIND["Pod"]
    metadata = {"name": "going", "finalizers": ["example.com/hold"]}
    await cluster.request("POST", pods.path(namespace), body={"metadata": metadata} | OBJECTS["Pod"])
    called()
    await cluster.request("DELETE", pods.path(namespace, "going"), query={"gracePeriodSeconds": "0"})
    await cached(cluster, pods.path(namespace, "going"), lambda pod: "deletionTimestamp" in pod["metadata"])
    patch = {"metadata": {"finalizers": None}, "spec": POD_CHANGES["image"]}
    await cluster.request("PATCH", pods.path(namespace, "going"), body=patch, content_type=STRATEGIC)
    await cluster.request("POST", pods.path(namespace), body={"metadata": {"name": "done"}} | OBJECTS["Pod"])
    called()
    status = {"status": {"phase": "Succeeded"}}
    await cluster.request("PATCH", f"{pods.path(namespace, 'done')}/status", body=status, content_type=MERGE)
    await cached(cluster, pods.path(namespace, "done"), lambda pod: pod["status"].get("phase") == "Succeeded")
    body = {"spec": POD_CHANGES["image"]}
    await cluster.request("PATCH", pods.path(namespace, "done"), body=body, content_type=STRATEGIC)
    mirror = {"name": "mirror", "annotations": {"kubernetes.io/config.mirror": "hash"}}
    spec = SPEC | {"nodeName": "n1"}
    del spec["serviceAccountName"]
    await cluster.request("POST", pods.path(namespace), body={"metadata": mirror, "spec": spec})
    assert called() == []


async def test_excluded_namespaces_are_not_sent(called, cluster) -> None:
    body = {"metadata": {"name": "quiet"}, "template": {"spec": SPEC}}
    for name in ("kube-system", "kube-node-lease", "pullproof-system"):
        with contextlib.suppress(Conflict):
            await cluster.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
        await cluster.request("POST", f"/api/v1/namespaces/{name}/podtemplates", body=body)
    assert called() == []


async def test_a_pod_of_a_thousand_containers_is_within_the_cost_of_cel(called, cluster, namespace) -> None:
    pods = BY_KIND["Pod"]
    containers = [{"name": f"c{number}", "image": f"reg.example/team/app-{number}:1"} for number in range(1000)]
    body = {"metadata": {"name": "big"}, "spec": {"containers": containers}}
    await cluster.request("POST", pods.path(namespace), body=body)
    patch = {"spec": {"containers": [{"name": "c999", "image": "reg.example/team/app-999:2"}]}}
    await cluster.request("PATCH", pods.path(namespace, "big"), body=patch, content_type=STRATEGIC)
    assert called() == [("CREATE", "Pod", "big", ""), ("UPDATE", "Pod", "big", "")]


def many(count: int, of: Callable[[int], dict]) -> list[dict]:
    return [of(number) for number in range(count)]


LONG = "reg.example/" + "/".join("a" * 60 for _ in range(3))
LARGE = {
    "containers": {"containers": many(2000, lambda n: {"name": f"c{n}", "image": f"{LONG}/app-{n}:1"})},
    "init-containers": {"initContainers": many(2000, lambda n: {"name": f"i{n}", "image": f"{LONG}/app-{n}:1"})},
    "image-volumes": {
        "volumes": many(3000, lambda n: {"name": f"v{n}", "image": {"reference": f"{LONG}/model-{n}:1"}})
    },
    "tolerations": {"tolerations": many(4000, lambda n: {"key": f"example.com/taint-{n}", "operator": "Exists"})},
    "pull-secrets": {"imagePullSecrets": many(8000, lambda n: {"name": f"secret-{n}"})},
    "affinity": {
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": many(
                        1000,
                        lambda n: {
                            "matchExpressions": [{"key": "zone", "operator": "In", "values": [f"zone-{n}"] * 20}]
                        },
                    )
                }
            }
        }
    },
}


@pytest.mark.parametrize("spec", LARGE.values(), ids=LARGE.keys())
@pytest.mark.parametrize("kind", ["Deployment", "CronJob"])
async def test_what_is_as_large_as_etcd_takes_is_within_the_cost_of_cel(
    called, cluster, namespace, kind: str, spec: dict
) -> None:
    """Under Fail, as it is registered here, a condition that costs too much would refuse the request."""
    resource = BY_KIND[kind]
    body = json.loads(json.dumps(OBJECTS[kind])) | {"metadata": {"name": "large"}}
    inner = body
    for key in PATHS.get(kind, ("spec", "template", "spec")):
        inner = inner[key]
    inner.update(spec)
    await cluster.request("POST", resource.path(namespace), body=body)
    path = resource.path(namespace, "large")
    await cluster.request("PATCH", path, body=LABEL, content_type=STRATEGIC)
    assert called() == [("CREATE", kind, "large", "")]
    patch = nested(kind, {"containers": [{"name": "c", "image": "nginx:2"}]})
    await cluster.request("PATCH", path, body=patch, content_type=STRATEGIC)
    # an API server whose cache lags behind its store asks again
    assert set(called()) == {("UPDATE", kind, "large", "")}
