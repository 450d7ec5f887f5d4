"""The chart, installed by Helm into a real API server (no nodes: nothing of it runs), and what its account may do."""

import asyncio
import itertools
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from certs.issue import issue_authority
from certs.rotate import State
from webhook.cluster.certificates import CONFIGURATIONS, Registration, SecretStore, ServiceEndpoints
from webhook.cluster.client import open_cluster
from webhook.cluster.events import Event, Events, Subject
from webhook.cluster.failure import Denied, NotFound
from webhook.cluster.leases import Lease
from webhook.cluster.mutators import MutatingWebhooks, mutating_policies, mutating_webhooks
from webhook.cluster.namespaces import ClusterNamespaces
from webhook.cluster.nodes import ClusterNodes
from webhook.cluster.notebook import Notebook
from webhook.cluster.revisions import Revisions
from webhook.cluster.secrets import ClusterPullSecrets
from webhook.cluster.survey import Survey
from webhook.credentials.dockerconfig import decode_secret
from webhook.credentials.pullsecret import SecretState
from webhook.wiring.registration import Registered, load_registration
from webhook.workload.workload import Workload

CHART = Path(__file__).parents[2] / "charts/pullproof"
SYSTEM = "pullproof-system"
MERGE = "application/merge-patch+json"
LABEL = {"labelSelector": "app.kubernetes.io/instance=pullproof"}
KINDS = (
    "/api/v1/configmaps",
    "/api/v1/secrets",
    "/api/v1/serviceaccounts",
    "/api/v1/services",
    "/apis/apps/v1/deployments",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/coordination.k8s.io/v1/leases",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
    CONFIGURATIONS,
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
)


@pytest.fixture
def helm(parts, apiserver, tmp_path):
    """Run helm as the cluster's admin."""

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [parts / "helm", *arguments, "-n", SYSTEM],
            env={"KUBECONFIG": apiserver.kubeconfig("admin"), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def installed(helm):
    """Install with values, and uninstall at the end."""
    there = []

    def install(*values: str) -> str:
        there.append(True)
        return helm("install", "pullproof", str(CHART), "--create-namespace", *(f"--set={each}" for each in values))

    yield install
    if there:
        helm("uninstall", "pullproof")


@pytest.fixture
async def account(cluster, apiserver):
    """Open the cluster as the webhook's own ServiceAccount."""
    opened = []

    async def as_account():
        path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/pullproof/token"
        answer = await cluster.request("POST", path, body={"spec": {"expirationSeconds": 600}})
        token = json.loads(answer)["status"]["token"]
        way = open_cluster(apiserver.kubeconfig("pullproof", namespace=SYSTEM, token=token))
        opened.append(way)
        return await way.__aenter__()

    yield as_account
    for way in opened:
        await way.__aexit__(None, None, None)


async def found(cluster) -> set[str]:
    names = set()
    for path in KINDS:
        for item in json.loads(await cluster.request("GET", path, query=LABEL))["items"]:
            names.add(f"{path.rpartition('/')[2]}/{item['metadata']['name']}")
    return names


async def registered(cluster, tmp_path: Path) -> Registered:
    """The registration as the webhook would read it from its mounted ConfigMap."""
    path = f"/api/v1/namespaces/{SYSTEM}/configmaps/pullproof-registration"
    (tmp_path / "registration.yaml").write_text(
        json.loads(await cluster.request("GET", path))["data"]["registration.yaml"]
    )
    return load_registration(tmp_path / "registration.yaml")


@pytest.fixture(scope="module")
def ca() -> bytes:
    """Any certificate that the API server takes for a bundle."""
    return issue_authority(datetime.now(UTC), timedelta(days=1)).certificate


class Ready:
    async def ready(self) -> bool:
        return True


async def test_nothing_is_left_after_uninstall_though_the_webhook_filled_things_in(
    cluster, helm, account, tmp_path, ca
) -> None:
    for _ in range(2):  # reinstalling works
        helm("install", "pullproof", str(CHART), "--create-namespace")
        api = await account()
        stated = await registered(cluster, tmp_path)
        store = SecretStore(api, SYSTEM, stated.secret)
        await store.load()
        await store.save(State())
        await Registration(api, stated.name, stated.webhooks, serving=lambda: True, endpoints=Ready()).publish(ca)
        await Lease(api, SYSTEM, stated.lease, "pod-1").attempt()
        await Notebook(api, SYSTEM, "pullproof-learnt").note(lambda known: known.with_logins({"a": "p"}, 1.0))
        assert "validatingwebhookconfigurations/pullproof" in await found(cluster)
        helm("uninstall", "pullproof")
        assert await found(cluster) == set()
        with pytest.raises((Denied, NotFound)):
            await Registration(api, stated.name, stated.webhooks, serving=lambda: True, endpoints=Ready()).publish(ca)
        with pytest.raises(NotFound):
            await cluster.request("GET", f"{CONFIGURATIONS}/pullproof")


async def test_an_upgrade_keeps_what_the_webhook_filled_in(cluster, installed, helm, account, tmp_path, ca) -> None:
    installed()
    api = await account()
    stated = await registered(cluster, tmp_path)
    registration = Registration(api, stated.name, stated.webhooks, serving=lambda: True, endpoints=Ready())
    await registration.publish(ca)
    book = Notebook(api, SYSTEM, "pullproof-learnt")
    await book.note(lambda known: known.with_logins({"a.example": "p"}, 1.0))
    helm("upgrade", "pullproof", str(CHART), "--set=webhook.timeoutSeconds=7", "--set=replicaCount=3")
    assert await registration.published() == ca
    assert set((await book.read()).logins) == {"a.example"}
    stated = await registered(cluster, tmp_path)
    await Registration(api, stated.name, stated.webhooks, serving=lambda: True, endpoints=Ready()).publish(ca)
    webhooks = json.loads(await cluster.request("GET", f"{CONFIGURATIONS}/pullproof"))["webhooks"]
    assert {each["timeoutSeconds"] for each in webhooks} == {7}
    assert {each["failurePolicy"] for each in webhooks} == {"Ignore"}
    helm("rollback", "pullproof", "1")
    assert await registration.published() == ca


async def test_its_account_may_do_what_it_does(cluster, installed, account, namespace, running, tmp_path) -> None:
    installed("events.enabled=true")
    api = await account()
    stated = await registered(cluster, tmp_path)
    namespaces, nodes, revisions = ClusterNamespaces(api), ClusterNodes(api), Revisions(api)
    webhooks = MutatingWebhooks(api, namespaces.known)
    for watching in (namespaces.watching, nodes.watching, *revisions.watchings, webhooks.watching):
        running(watching.run())
        await asyncio.wait_for(watching.synced.wait(), 5)
    secrets = ClusterPullSecrets(api, decode_secret)
    later = asyncio.get_running_loop().time() + 5
    pod = Workload(kind="Pod", namespace=namespace, name="p", pull_secrets=("absent",))
    read = await secrets.pull_secrets(pod, deadline=later, not_before=float("-inf"))
    assert read.secrets[0].state is SecretState.MISSING
    assert await secrets.account_names(namespace, "default") == frozenset()
    await Survey(api, revisions, secrets.account_names).look()
    assert isinstance(await mutating_webhooks(api), tuple)
    await mutating_policies(api)
    await ServiceEndpoints(api, SYSTEM, stated.service).ready()
    assert await Lease(api, SYSTEM, stated.lease, "pod-1").attempt()
    store = SecretStore(api, SYSTEM, stated.secret)
    await store.load()
    await store.save(State())
    await api.request("GET", f"/api/v1/namespaces/{namespace}/events", query={"fieldSelector": "involvedObject.uid=u"})
    watched = {"fieldSelector": "metadata.name=pullproof"}
    await api.request("GET", f"/api/v1/namespaces/{SYSTEM}/configmaps", query=watched)
    events = Events(api, "pod-1", pause=0)
    events.tell(
        Event(
            about=Subject(api_version="v1", kind="Pod", namespace=namespace, name="p"), reason="R", action="A", note="n"
        )
    )
    running(events.run())
    await asyncio.sleep(0.2)
    assert events.dropped == 0


EVERYWHERE = {
    "get,list,watch namespaces",
    "list,watch nodes",
    "get serviceaccounts",
    "get,list pods",
    "list events",
    "list,watch replicasets.apps",
    "list,watch controllerrevisions.apps",
    "list,watch mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "list mutatingadmissionpolicies.admissionregistration.k8s.io",
    "get,patch validatingwebhookconfigurations.admissionregistration.k8s.io pullproof",
}
AT_HOME = {
    "get,patch configmaps pullproof-learnt",
    "get,list,watch configmaps pullproof",
    "get configmaps pullproof-registration",
    "get,patch leases.coordination.k8s.io pullproof",
    "get,patch secrets pullproof-certificates",
    "list endpointslices.discovery.k8s.io",
    "create events.events.k8s.io",
    "get deployments.apps pullproof",
    "get services pullproof",
    "list networkpolicies.networking.k8s.io",
}
SECRETS = {"get secrets"}
RECHECK = {
    "list deployments.apps",
    "list statefulsets.apps",
    "list daemonsets.apps",
    "list jobs.batch",
    "list cronjobs.batch",
    "list replicationcontrollers",
}
REPORTS = {"create,delete,get,list,patch,update policyreports.wgpolicyk8s.io"}


async def rights(api, namespace: str) -> set[str]:
    """What an account may do in a namespace beyond what every account may, as the API server says."""
    body = {"spec": {"namespace": namespace}}
    answer = await api.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", body=body)
    found: dict[str, set[str]] = {}
    for rule in json.loads(answer)["status"]["resourceRules"]:
        for group, resource in itertools.product(rule["apiGroups"], rule["resources"]):
            for name in rule.get("resourceNames") or [""]:
                what = f"{resource}.{group}" if group else resource
                found.setdefault(f"{what} {name}".strip(), set()).update(rule["verbs"])
    everybody = ("selfsubject", "clustertrustbundles")
    return {f"{','.join(sorted(verbs))} {what}" for what, verbs in found.items() if not what.startswith(everybody)}


@pytest.mark.parametrize(
    ("values", "here", "elsewhere"),
    [
        ((), SECRETS, SECRETS),
        (("rbac.secretAccess=namespaces", "rbac.secretNamespaces[0]={namespace}"), SECRETS, set()),
        (("rbac.secretAccess=none",), set(), set()),
    ],
    ids=["cluster", "namespaces", "none"],
)
async def test_its_rights_are_these_and_no_others(installed, account, namespace, values, here, elsewhere) -> None:
    installed(*(each.format(namespace=namespace) for each in values))
    api = await account()
    assert await rights(api, namespace) == EVERYWHERE | here
    assert await rights(api, "kube-public") == EVERYWHERE | elsewhere
    assert await rights(api, SYSTEM) == EVERYWHERE | AT_HOME | elsewhere


@pytest.mark.parametrize(
    ("values", "more"),
    [
        (("events.enabled=true",), {"create events.events.k8s.io"}),
        (("config.scan.enabled=true",), RECHECK),
        (("config.scan.enabled=true", "config.scan.policyReports=true"), RECHECK | REPORTS),
        (("config.scan.policyReports=true",), set()),
        (("imageReview.enabled=true",), set()),
    ],
    ids=["events", "scan", "reports", "reports without a scan", "imagereview"],
)
async def test_what_is_switched_on_brings_its_rights(installed, account, namespace, values, more) -> None:
    installed(*values)
    assert await rights(await account(), namespace) == EVERYWHERE | SECRETS | more


FORBIDDEN = [
    ("GET", "/api/v1/secrets"),
    ("GET", "/api/v1/namespaces/{namespace}/secrets"),
    ("GET", "/api/v1/configmaps"),
    ("GET", "/api/v1/namespaces/pullproof-system/configmaps"),
    ("POST", "/api/v1/namespaces/{namespace}/pods"),
    ("POST", "/api/v1/namespaces/{namespace}/secrets"),
    ("POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"),
    ("GET", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"),
    ("GET", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/other"),
    ("DELETE", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/pullproof"),
    ("DELETE", "/api/v1/namespaces/pullproof-system/secrets/pullproof-certificates"),
    ("PATCH", "/api/v1/namespaces/pullproof-system/configmaps/pullproof"),
    ("POST", "/apis/events.k8s.io/v1/namespaces/{namespace}/events"),
    ("POST", "/api/v1/namespaces/{namespace}/serviceaccounts/default/token"),
]


async def test_its_account_may_do_nothing_else(installed, account, namespace) -> None:
    installed()
    api = await account()
    for method, path in FORBIDDEN:
        with pytest.raises(Denied):
            await api.request(method, path.format(namespace=namespace), body={"metadata": {}}, content_type=MERGE)


@pytest.mark.parametrize(
    ("values", "here", "elsewhere"),
    [
        (("rbac.secretAccess=none",), SecretState.UNREADABLE, SecretState.UNREADABLE),
        (
            ("rbac.secretAccess=namespaces", "rbac.secretNamespaces[0]={namespace}"),
            SecretState.MISSING,
            SecretState.UNREADABLE,
        ),
        ((), SecretState.MISSING, SecretState.MISSING),
    ],
    ids=["none", "namespaces", "cluster"],
)
async def test_modes_of_reading_secrets(installed, account, namespace, values, here, elsewhere) -> None:
    installed(*(each.format(namespace=namespace) for each in values))
    secrets = ClusterPullSecrets(await account(), decode_secret)
    later = asyncio.get_running_loop().time() + 5
    states = {}
    for place in (namespace, "default"):
        pod = Workload(kind="Pod", namespace=place, name="p", pull_secrets=("absent",))
        read = await secrets.pull_secrets(pod, deadline=later, not_before=float("-inf"))
        states[place] = read.secrets[0].state
    assert (states[namespace], states["default"]) == (here, elsewhere)


async def test_wrong_levels_are_refused_as_they_are_written(cluster, installed, namespace, eventually) -> None:
    path = f"/api/v1/namespaces/{namespace}"

    async def label(key: str, value: str | None) -> str:
        body = {"metadata": {"labels": {key: value}}}
        try:
            await cluster.request("PATCH", path, body=body, content_type=MERGE)
        except Exception as error:  # noqa: BLE001 - its text is what is tested
            return str(error)
        return ""

    await label("pullproof.dev/audit", "old-mistake")
    installed()

    attempts = itertools.count()

    async def in_force() -> bool:
        return bool(await label("pullproof.dev/warn", f"loud-{next(attempts)}"))

    await eventually(in_force)
    refusal = await label("pullproof.dev/enforce", "Strict")
    assert 'label pullproof.dev/enforce: "Strict" is not a level; use off, baseline or strict' in refusal
    for value in ("off", "baseline", "strict", None):
        assert await label("pullproof.dev/enforce", value) == ""
    assert await label("team", "a") == ""
    assert "audit" in await label("pullproof.dev/audit", "new-mistake")
    await label("pullproof.dev/audit", None)
    await label("pullproof.dev/warn", None)
    body = {"metadata": {"name": f"{namespace}-new", "labels": {"pullproof.dev/enforce": "nope"}}}
    with pytest.raises(Exception, match="is not a level"):
        await cluster.request("POST", "/api/v1/namespaces", body=body)


async def test_every_option_is_taken_by_the_api_server(installed) -> None:
    installed(
        "autoscaling.enabled=true",
        "networkPolicy.enabled=true",
        "events.enabled=true",
        "hostNetwork=true",
        "server.port=9443",
        "webhook.failurePolicy=Fail",
        "webhook.objectSelector.matchLabels.a=b",
        "webhook.namespaceSelector.matchLabels.c=d",
        "rbac.secretAccess=namespaces",
        "rbac.secretNamespaces={default,kube-public}",
        "config.scan.enabled=true",
        "priorityClass.create=false",
        "topologySpreadConstraints[0].maxSkew=1",
        "topologySpreadConstraints[0].topologyKey=zone",
        "topologySpreadConstraints[0].whenUnsatisfiable=DoNotSchedule",
    )
