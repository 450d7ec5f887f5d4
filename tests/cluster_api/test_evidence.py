"""What the cluster teaches, from pods and webhooks of a real API server; only the registry's answers are made up."""

import asyncio
import json

import pytest

from webhook.cluster.evidence import UNSURVEYED, ClusterFactsSource, Learner, Writer
from webhook.cluster.learnt import Learnt
from webhook.cluster.mutators import UNREAD, MutatingWebhooks
from webhook.cluster.notebook import Notebook
from webhook.cluster.revisions import Revisions
from webhook.cluster.secrets import ClusterPullSecrets
from webhook.cluster.survey import prove_logins
from webhook.credentials.dockerconfig import decode_secret
from webhook.image.reference import Reference
from webhook.policy.evidence import ClusterFacts
from webhook.registry.resolution import Failure, Resolved, Unresolved
from webhook.wiring.kubernetes import Learning
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload

MERGE = "application/merge-patch+json"
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def pod(cluster, namespace):
    """Make a running pod as kubelet and controllers would leave it."""

    async def make(
        name: str, image: str, *, owner: str = "", kind: str = "ReplicaSet", secrets=(), host_path=""
    ) -> None:
        metadata: dict = {"name": name}
        if owner:
            reference = {"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "o", "controller": True}
            metadata["ownerReferences"] = [reference]
        spec: dict = {"containers": [{"name": "c", "image": image}]}
        spec["imagePullSecrets"] = [{"name": each} for each in secrets]
        if host_path:
            spec["volumes"] = [{"name": "v", "hostPath": {"path": host_path}}]
        path = f"/api/v1/namespaces/{namespace}/pods"
        await cluster.request("POST", path, body={"metadata": metadata, "spec": spec})
        container = {"name": "c", "image": image, "imageID": DIGEST, "ready": True, "restartCount": 0}
        status = {"status": {"phase": "Running", "containerStatuses": [container]}}
        await cluster.request("PATCH", f"{path}/{name}/status", body=status, content_type=MERGE)

    return make


@pytest.fixture
def replica_set(cluster, namespace):
    async def make(name: str, image: str, *secrets: str) -> None:
        labels = {"app": name}
        spec = {
            "containers": [{"name": "c", "image": image}],
            "imagePullSecrets": [{"name": each} for each in secrets],
        }
        template = {"metadata": {"labels": labels}, "spec": spec}
        body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
        await cluster.request("POST", f"/apis/apps/v1/namespaces/{namespace}/replicasets", body=body)

    return make


@pytest.fixture
async def clean(cluster):
    """Surveys look at the whole cluster: leave no pods of other tests behind."""
    path = "/api/v1/namespaces"
    for item in json.loads(await cluster.request("GET", path))["items"]:
        pods = f"{path}/{item['metadata']['name']}/pods"
        await cluster.request("DELETE", pods, query={"gracePeriodSeconds": "0"})


class Registry:
    """Answers look-ups by registry and remembers them."""

    def __init__(self, **failures: Failure) -> None:
        self.failures = failures
        self.asked: list[tuple[str, list[str]]] = []

    async def resolve(self, reference, credentials, *, deadline, not_before, content=False, fresh=False):
        self.asked.append((str(reference), [each.username for each in credentials]))
        failure = self.failures.get(reference.registry.partition(".")[0])
        if failure is None:
            return Resolved(reference=reference, digest=DIGEST, media_type="")
        return Unresolved(reference=reference, failure=failure, message="401 from the registry")


class Held:
    held = True


class Another:
    held = False


@pytest.fixture
async def learner(cluster, namespace, running, clean):
    async def make(registry, writer: Writer | None = None) -> tuple[Learner, ClusterFactsSource, Notebook]:
        revisions = Revisions(cluster)
        for watching in revisions.watchings:
            running(watching.run())
            await asyncio.wait_for(watching.synced.wait(), 5)
        secrets = ClusterPullSecrets(cluster, decode_secret)
        notebook = Notebook(cluster, namespace, "evidence")
        made = Learning(cluster, notebook, revisions, secrets).learner(registry, writer or Held(), lambda *_: None)
        webhooks = MutatingWebhooks(cluster, lambda _: None)
        running(webhooks.watching.run())
        await asyncio.wait_for(webhooks.watching.synced.wait(), 5)
        return made, ClusterFactsSource(notebook, revisions, webhooks), notebook

    return make


def ask(source: ClusterFactsSource, image: str, *, uid: str = "", template: bool = True):
    workload = Workload(kind="Deployment", namespace="shop", name="api", template=template, uid=uid)
    one = ContainerImage(
        role=Role.CONTAINER, name="c", image=image, pull_policy=PullPolicy.IF_NOT_PRESENT, field="spec"
    )
    return source.facts(workload, one, Reference.parse(image))


def who(facts: ClusterFacts) -> list[str]:
    return [each.title for each in facts.mutators]


async def test_until_the_webhooks_are_read_anyone_may_change_a_template(cluster, namespace, learner) -> None:
    one, known, notebook = await learner(Registry())
    await one.survey()
    source = ClusterFactsSource(notebook, Revisions(cluster), MutatingWebhooks(cluster, lambda _: None))
    assert who(ask(source, "a.example/x:1")) == [UNREAD.title]
    assert who(ask(source, "a.example/x:1", template=False)) == []
    assert who(ask(known, "a.example/x:1")) == []


async def test_before_the_first_survey_all_is_in_doubt(learner) -> None:
    one, source, _ = await learner(Registry())
    facts = ask(source, "a.example/x:1")
    assert (who(facts), facts.mirrors) == ([UNSURVEYED], UNSURVEYED)
    await one.survey()
    facts = ask(source, "a.example/x:1")
    assert (who(facts), facts.mirrors) == ([], "")


async def test_a_pod_that_runs_what_it_cannot_pull_proves_a_login(learner, pod, namespace) -> None:
    await pod("api", "private.example/x:1")
    await pod("web", "open.example/x:1")
    await pod("gone", "deleted.example/x:1")
    await pod("own", "localhost:5000/x:1")
    registry = Registry(private=Failure.LOGIN_WANTED, deleted=Failure.NOT_FOUND)
    one, source, _ = await learner(registry)
    await one.survey()
    assert ask(source, "private.example/other:2").node_logins == (
        f"pod {namespace}/api runs private.example/x:1, which its own logins cannot pull: 401 from the registry"
    )
    assert ask(source, "open.example/x:1").node_logins == ""
    assert ask(source, "deleted.example/x:1").node_logins == ""
    assert not [image for image, _ in registry.asked if "localhost" in image]


async def test_a_login_of_the_pods_own_is_tried_and_a_missing_secret_proves_nothing(
    learner, pod, cluster, namespace
) -> None:
    config = '{"auths": {"private.example": {"username": "robot", "password": "p"}}}'
    body = {
        "metadata": {"name": "s"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": config},
    }
    await cluster.request("POST", f"/api/v1/namespaces/{namespace}/secrets", body=body)
    await pod("api", "private.example/x:1", secrets=["s"])
    await pod("lost", "other.example/x:1", secrets=["absent"])
    registry = Registry(other=Failure.LOGIN_WANTED)
    one, source, _ = await learner(registry)
    await one.survey()
    assert registry.asked == [("private.example/x:1", ["robot"])]
    assert ask(source, "other.example/x:1").node_logins == ""


async def test_a_container_that_never_got_its_image_proves_nothing(learner, pod, cluster, namespace) -> None:
    await pod("api", "private.example/x:1")
    status = {"status": {"containerStatuses": [{"name": "c", "image": "x", "imageID": "", "ready": False}]}}
    status["status"]["containerStatuses"][0]["restartCount"] = 0
    await cluster.request("PATCH", f"/api/v1/namespaces/{namespace}/pods/api/status", body=status, content_type=MERGE)
    registry = Registry(private=Failure.LOGIN_WANTED)
    one, _, _ = await learner(registry)
    await one.survey()
    assert registry.asked == []


async def test_proved_registries_are_tried_again_after_a_day_and_few_at_a_time(learner, pod, cluster) -> None:
    for number in range(15):
        await pod(f"p{number}", f"r{number}.example/x:1")
    registry = Registry(**{f"r{number}": Failure.FORBIDDEN for number in range(15)})
    one, _, notebook = await learner(registry)
    await one.survey()
    assert len(notebook.learnt.logins) == len(registry.asked) == 10
    await one.survey()
    assert len(notebook.learnt.logins) == len(registry.asked) == 15
    await one.survey()
    assert len(registry.asked) == 15


async def test_a_pod_that_differs_from_its_template_proves_a_mutator(learner, pod, replica_set, namespace) -> None:
    await replica_set("api", "shop/api:1")
    await pod("api-1", "mirror.example/shop/api:1", owner="api")
    one, source, _ = await learner(Registry())
    await one.survey()
    assert who(ask(source, "x:1")) == ["a pod mutator"]
    assert f"pod {namespace}/api-1 differs from its ReplicaSet in an image" in one._notebook.learnt.encode()


async def test_a_secret_from_nowhere_proves_a_mutator(learner, pod, replica_set, cluster, namespace) -> None:
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
    body = {"imagePullSecrets": [{"name": "account"}]}
    await cluster.request("PATCH", path, body=body, content_type=MERGE)
    await replica_set("api", "shop/api:1")
    await pod("api-1", "shop/api:1", owner="api", secrets=["account"])
    one, source, _ = await learner(Registry())
    await one.survey()
    assert who(ask(source, "x:1")) == []
    await pod("api-2", "shop/api:1", owner="api", secrets=["injected"])
    await one.survey()
    assert who(ask(source, "x:1")) == ["a pod mutator"]


async def test_mirrors_on_nodes_are_seen(learner, pod) -> None:
    await pod("plain", "x:1", owner="d", kind="DaemonSet", host_path="/var/log")
    one, source, _ = await learner(Registry())
    await one.survey()
    assert ask(source, "x:1").mirrors == ""
    await pod("agent", "ghcr.io/spegel-org/spegel:v1", owner="d", kind="DaemonSet")
    await one.survey()
    assert ask(source, "x:1").mirrors == "spegel"
    await pod("writer", "x:1", owner="d", kind="DaemonSet", host_path="/etc/containerd/certs.d")
    await one.survey()
    assert len(one._notebook.learnt.mirrors) == 2


async def test_rollbacks_and_contradictions(learner, cluster, namespace, eventually) -> None:
    one, source, notebook = await learner(Registry())
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "uid": "u9", "controller": True}
    labels = {"app": "old"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "shop/api:1"}]}}
    body = {
        "metadata": {"name": "old", "ownerReferences": [reference]},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }
    await cluster.request("POST", f"/apis/apps/v1/namespaces/{namespace}/replicasets", body=body)
    await eventually(lambda: ask(source, "shop/api:1", uid="u9").ran_before)
    assert not ask(source, "shop/api:1", uid="u9", template=False).ran_before
    assert not ask(source, "shop/api:2", uid="u9").ran_before

    told = []
    one._on_contradiction = lambda *what: told.append(what)
    await one._contradicted("docker.io", "image-not-found", "pod a/b: its node pulled x")
    assert told == [("docker.io", "image-not-found")]
    assert ask(source, "nginx:1").contradicted == {"image-not-found"}
    assert ask(source, "quay.io/x:1").contradicted == frozenset()
    assert notebook.learnt.contradicted


async def test_all_of_it_runs_by_itself(learner, pod, namespace, running, eventually) -> None:
    await pod("api", "private.example/x:1")
    one, source, _ = await learner(Registry(private=Failure.HIDDEN))
    running(one.run())
    await eventually(lambda: bool(ask(source, "private.example/x:1").node_logins))


async def test_a_replica_soon_hears_of_the_first_survey_of_another(learner, running, eventually) -> None:
    """Until then it is sure of nothing, and lets in what the other denies."""
    one, source, _ = await learner(Registry(), Another())
    running(one.run())
    await asyncio.sleep(0.2)
    assert who(ask(source, "quay.io/x:1")) == [UNSURVEYED]
    writing, _, _ = await learner(Registry())
    await writing.survey()
    await eventually(lambda: who(ask(source, "quay.io/x:1")) == [])


async def test_a_registry_that_is_down_proves_nothing() -> None:
    from webhook.cluster.survey import Seen

    async def pulls_as(workload, reference) -> str:
        return ""

    workload = Workload(kind="Pod", namespace="a", name="b")
    seen = Seen(samples={"r": [(workload, Reference.parse("r.example/x:1"))]})
    assert await prove_logins(seen, {}, pulls_as, now=0.0) == {}


def test_nothing_learnt_is_the_default() -> None:
    assert Learnt() == Learnt.decode("{}")
