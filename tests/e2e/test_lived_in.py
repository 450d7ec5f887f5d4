"""Into a cluster that lives: its nodes hold logins that the webhook lacks, and something changes its pods.

Everything runs before the webhook is there. Then all of it is restarted, taken away and applied again: nothing is
denied, for what nodes and mutators know is learnt from the pods that run.
"""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
from installation import CHART, SYSTEM, until
from kube import Api
from mutator import SECRET, mutating

HELD = "held.corp.example/shop/app:1"
"""Private: the node holds a login for it, and no pod does."""
GIVEN = "given.corp.example/shop/app:1"
"""Private: the mutator adds the pull secret."""
NAMESPACE = "lived-in"
pytestmark = pytest.mark.long
ALL = {"image": "gone.corp.example/never:1", "held": HELD, "secret": GIVEN}
VALUES = {
    "config": {
        "registries": [
            {"match": "*.corp.example", "caFile": "/etc/pullproof/ca/ca.crt"},
            {"match": "open.test", "caFile": "/etc/pullproof/ca/ca.crt"},
        ]
    },
    "extraVolumes": [{"name": "ca", "configMap": {"name": "corp-ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/pullproof/ca", "readOnly": True}],
}


@pytest.fixture(scope="module")
def mutator(background, cluster, authority):
    """A mutating webhook that rewrites images and adds pull secrets, as pods are labelled."""
    stack = AsyncExitStack()

    async def begin():
        configuration = await stack.enter_async_context(mutating(authority))
        api = await stack.enter_async_context(Api(cluster))
        reply = await api.create(configuration)
        assert reply.created, reply.message

    asyncio.run_coroutine_threadsafe(begin(), background).result(30)
    yield
    asyncio.run_coroutine_threadsafe(stack.aclose(), background).result(30)


def template(how):
    labels = {"app": how} | ({} if how == "held" else {"mutate": how})
    container = {"name": "app", "image": ALL[how], "imagePullPolicy": "Always"}
    return {"metadata": {"labels": labels}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}


def controlled(kind, how):
    spec = {"selector": {"matchLabels": {"app": how, "kind": kind.lower()}}, "template": template(how)}
    spec["template"]["metadata"]["labels"]["kind"] = kind.lower()
    if kind != "DaemonSet":
        spec["replicas"] = 1
    name = f"{kind.lower()}-{how}"
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def bare(how):
    made = template(how)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made["metadata"] | {"name": f"bare-{how}"}} | {
        "spec": made["spec"]
    }


def scheduled(how):
    made = template(how)
    made["spec"]["restartPolicy"] = "Never"
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": made}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": f"cron-{how}"}, "spec": spec}


WORKLOADS = [
    *(controlled(kind, how) for kind in ("Deployment", "StatefulSet", "DaemonSet") for how in ALL),
    *(bare(how) for how in ALL),
    *(scheduled(how) for how in ALL),
]
DOCUMENTS = json.dumps({"apiVersion": "v1", "kind": "List", "items": WORKLOADS})
RUNNING = sum(workload["kind"] != "CronJob" for workload in WORKLOADS)


@pytest.fixture(scope="module")
def lived_in(kubectl, world, mutator, chart):
    """The cluster with everything running and no webhook of ours, into which it is then installed."""
    if chart.values is not None:
        chart.uninstall()
    chart.trust()
    kubectl("create", "namespace", NAMESPACE)
    login = ("--docker-server=given.corp.example", "--docker-username=bob", "--docker-password=s3cret")
    kubectl("create", "secret", "docker-registry", SECRET, "-n", NAMESPACE, *login)
    done = kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=DOCUMENTS)
    assert done.returncode == 0, done.stderr
    until("that all of it runs", lambda: ready(kubectl) == RUNNING)
    chart.helm("install", "pullproof", str(CHART), values=VALUES)
    chart.values = VALUES
    rolled = kubectl("rollout", "status", "-n", SYSTEM, "deployment/pullproof", "--timeout=90s")
    assert rolled.returncode == 0, rolled.stderr
    until("that pods are judged", lambda: denied_pod(kubectl))
    yield chart
    kubectl("delete", "mutatingwebhookconfiguration", "mutator")
    kubectl("delete", "namespace", NAMESPACE)
    chart.uninstall()


def ready(kubectl):
    pods = json.loads(kubectl("get", "pods", "-n", NAMESPACE, "-o", "json").stdout)["items"]
    conditions = [pod["status"].get("conditions", ()) for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return sum(any(each["type"] == "Ready" and each["status"] == "True" for each in pod) for pod in conditions)


def denied_pod(kubectl):
    """A pod comes after whatever changes pods: what cannot run is denied in spite of them."""
    spec = {"containers": [{"name": "c", "image": "No/Reference:At/All"}]}
    probe = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": spec})
    return kubectl("create", "-n", "default", "--dry-run=server", "-f", "-", stdin=probe).returncode == 1


def test_everything_is_applied_and_restarted_before_anything_is_learnt(lived_in, kubectl):
    """Right after the installation: also what nobody had the time to learn denies nothing."""
    templates = [workload for workload in WORKLOADS if workload["kind"] != "Pod"]
    documents = json.dumps({"apiVersion": "v1", "kind": "List", "items": templates})
    again = documents.replace('"terminationGracePeriodSeconds": 1', '"terminationGracePeriodSeconds": 2')
    assert again != documents
    assert_none_denied(kubectl("apply", "-n", NAMESPACE, "--dry-run=server", "-f", "-", stdin=again))
    assert_none_denied(kubectl("rollout", "restart", "-n", NAMESPACE, "deployment,statefulset,daemonset"))


def test_what_was_learnt_is_told_by_doctor(lived_in, kubectl):
    def told():
        return [line[2] for line in lived_in.doctor() if line[1] in ("evidence", "mutators")]

    until("a proof of the node's login", lambda: any("held.corp.example" in line for line in told()))
    lines = told()
    assert any(
        line.startswith("nodes hold a login (or a mirror) for held.corp.example: pod lived-in/") for line in lines
    )
    assert any(line.startswith("pods are changed before they run: ") for line in lines)
    assert not any("given.corp.example" in line and "login" in line for line in lines)


@pytest.mark.parametrize("level", ["", "pullproof.dev/enforce=strict"], ids=["baseline", "strict"])
def test_everything_is_restarted_deleted_and_applied_again_and_nothing_is_denied(lived_in, kubectl, cluster, level):
    kubectl("label", "namespace", NAMESPACE, level or "pullproof.dev/enforce-")
    assert_none_denied(kubectl("rollout", "restart", "-n", NAMESPACE, "deployment,statefulset,daemonset"))
    assert_none_denied(kubectl("replace", "--force", "--grace-period=1", "-n", NAMESPACE, "-f", "-", stdin=DOCUMENTS))
    for how in ALL:
        name = f"job-{how}"
        assert_none_denied(kubectl("create", "job", name, "-n", NAMESPACE, f"--from=cronjob/cron-{how}"))
    until("that all of it runs again", lambda: ready(kubectl) >= RUNNING)
    kubectl("delete", "job", "--all", "-n", NAMESPACE)
    lines = (cluster / "audit.log").read_text().splitlines()
    ours = [line for line in lines if f'"namespace":"{NAMESPACE}"' in line]
    assert not [line for line in ours if 'pullproof.dev/decision":"denied"' in line]
    assert [line for line in ours if 'pullproof.dev/decision":"warned"' in line], "they were judged"


def assert_none_denied(done):
    assert done.returncode == 0, done.stderr
    assert "denied the request" not in done.stderr
