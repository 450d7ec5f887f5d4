"""Who may change pods by configuration, from a real API server."""

import asyncio
from typing import Any

import pytest

from webhook.cluster.failure import ClusterError
from webhook.cluster.mutators import UNREAD, MutatingWebhooks, mutating_policies, mutating_webhooks
from webhook.workload.workload import Workload

PATH = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
POD = Workload(kind="Deployment", namespace="shop", name="api", template=True, labels={"app": "api"})


def mutating(name: str = "any", webhook: str = "w.example.com", *, rule: Any = None, **fields: Any) -> dict[str, Any]:
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
    hook = {
        "name": webhook,
        "rules": [pods | (rule or {})],
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Ignore",
    }
    return {"metadata": {"name": name}, "webhooks": [hook | fields]}


def by_name(namespace: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


@pytest.fixture
async def registered(cluster):
    """Register a configuration for the time of a test."""
    names: list[str] = []

    async def register(configuration: dict[str, Any]) -> None:
        names.append(configuration["metadata"]["name"])
        await cluster.request("POST", PATH, body=configuration)

    yield register
    for name in names:
        await cluster.request("DELETE", f"{PATH}/{name}")


@pytest.mark.parametrize(
    ("configuration", "who"),
    [
        pytest.param(mutating("kuik"), ["kube-image-keeper (MutatingWebhookConfiguration kuik)"], id="known"),
        pytest.param(mutating(), ["webhook w.example.com (MutatingWebhookConfiguration any)"], id="unknown"),
        pytest.param(mutating(webhook="vault.hashicorp.com"), [], id="harmless"),
        pytest.param(mutating(rule={"resources": ["services"]}), [], id="not pods"),
        pytest.param(mutating(rule={"resources": ["pods/status"]}), [], id="not pods themselves"),
        pytest.param(mutating(rule={"operations": ["DELETE"]}), [], id="not when they are made"),
        pytest.param(mutating(rule={"apiGroups": ["apps"], "resources": ["*"]}), [], id="another group's"),
        pytest.param(mutating(rule={"resources": ["*"], "scope": "Cluster"}), [], id="not in namespaces"),
        pytest.param(
            mutating(rule={"apiGroups": ["*"], "resources": ["*/*"], "operations": ["*"]}),
            ["webhook w.example.com (MutatingWebhookConfiguration any)"],
            id="everything",
        ),
    ],
)
async def test_webhooks_that_may_change_pods(cluster, registered, configuration, who) -> None:
    await registered(configuration)
    assert [each.title for each in await mutating_webhooks(cluster)] == who


@pytest.mark.parametrize(
    ("fields", "labels", "taken"),
    [
        pytest.param({}, {}, True, id="everywhere"),
        pytest.param(by_name("shop"), {"kubernetes.io/metadata.name": "shop"}, True, id="this namespace"),
        pytest.param(by_name("other"), {"kubernetes.io/metadata.name": "shop"}, False, id="another namespace"),
        pytest.param(by_name("other"), None, True, id="a namespace that is not known"),
        pytest.param({"objectSelector": {"matchLabels": {"app": "api"}}}, {}, True, id="this label"),
        pytest.param({"objectSelector": {"matchLabels": {"mutate": "yes"}}}, {}, False, id="another label"),
    ],
)
async def test_only_those_count_that_would_be_called(
    cluster, registered, running, eventually, fields, labels, taken
) -> None:
    await registered(mutating(**fields))
    webhooks = MutatingWebhooks(cluster, {"shop": labels}.get)
    assert webhooks.taking(POD) == (UNREAD,)
    running(webhooks.watching.run())
    await asyncio.wait_for(webhooks.watching.synced.wait(), 5)
    assert [each.names for each in webhooks.taking(POD)] == [("any", "w.example.com")] * taken


async def test_who_comes_and_goes_is_seen(cluster, running, eventually) -> None:
    webhooks = MutatingWebhooks(cluster, lambda _: None)
    running(webhooks.watching.run())
    await asyncio.wait_for(webhooks.watching.synced.wait(), 5)
    assert webhooks.taking(POD) == ()
    await cluster.request("POST", PATH, body=mutating("later"))
    await eventually(lambda: bool(webhooks.taking(POD)))
    await cluster.request("DELETE", f"{PATH}/later")
    await eventually(lambda: not webhooks.taking(POD))


async def test_mutating_admission_policies_that_write_images(cluster) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}

    def policy(name: str, expression: str) -> dict[str, Any]:
        mutation = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
        spec = {
            "matchConstraints": {"resourceRules": [rule]},
            "mutations": [mutation],
            "failurePolicy": "Ignore",
            "reinvocationPolicy": "Never",
        }
        return {"metadata": {"name": name}, "spec": spec}

    secret = 'Object{spec: Object.spec{imagePullSecrets: [Object.spec.imagePullSecrets{name: "s"}]}}'
    account = 'Object{spec: Object.spec{serviceAccountName: "puller"}}'
    for name, expression in (
        ("pull", secret),
        ("account", account),
        ("host", 'Object{spec: Object.spec{hostname: "h"}}'),
    ):
        await cluster.request("POST", path, body=policy(name, expression))
    assert await mutating_policies(cluster) == {
        f"MutatingAdmissionPolicy {name}": f"MutatingAdmissionPolicy {name} writes images or pull secrets"
        for name in ("account", "pull")
    }
    for name in ("pull", "account", "host"):
        await cluster.request("DELETE", f"{path}/{name}")


async def test_what_may_not_be_listed(login) -> None:
    """Policies then add nothing; without the list of webhooks anybody may change pods."""
    from webhook.cluster.client import open_cluster

    async with open_cluster(login("someone")) as api:
        assert await mutating_policies(api) == {}
        with pytest.raises(ClusterError):
            await mutating_webhooks(api)
