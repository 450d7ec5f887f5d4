"""Certificates in a Secret and our registration, on a real API server."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from certs.rotate import State, Terms
from certs.store import ensure
from webhook.cluster.certificates import (
    CONFIGURATIONS,
    GivenCertificates,
    NotServing,
    Registration,
    SecretStore,
    ServiceEndpoints,
    SharedCertificates,
)
from webhook.cluster.client import open_cluster
from webhook.cluster.failure import ClusterError, Conflict, Denied, NotFound

NOW = datetime(2030, 1, 1, tzinfo=UTC)
NAMES = ("pullproof.system.svc",)
WEBHOOK = {
    "name": "workloads.pullproof.dev",
    "clientConfig": {"service": {"namespace": "system", "name": "pullproof", "path": "/validate", "port": 443}},
    "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}],
    "failurePolicy": "Ignore",
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "timeoutSeconds": 5,
}


class Always:
    held = True

    async def ready(self) -> bool:
        return True


class Never:
    held = False

    async def ready(self) -> bool:
        return False


@pytest.fixture
async def configuration(cluster, namespace):
    """The chart's empty configuration, applied as Helm applies it."""
    await apply(cluster, namespace)
    yield namespace
    await cluster.request("DELETE", f"{CONFIGURATIONS}/{namespace}")


async def apply(cluster, name: str, **labels: str) -> None:
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "pullproof"} | labels},
    }
    query = {"fieldManager": "helm"}
    await cluster.request(
        "PATCH", f"{CONFIGURATIONS}/{name}", query=query, body=body, content_type="application/apply-patch+yaml"
    )


async def stored(cluster, name: str) -> list[dict]:
    return json.loads(await cluster.request("GET", f"{CONFIGURATIONS}/{name}")).get("webhooks", [])


def registration(cluster, name: str, *webhooks: dict, serving: bool = True, endpoints=None) -> Registration:
    return Registration(cluster, name, webhooks or (WEBHOOK,), serving=lambda: serving, endpoints=endpoints or Always())


async def some_state() -> State:
    class Memory:
        state = State()

        async def load(self) -> State:
            return self.state

        async def save(self, state: State) -> None:
            self.state = state

        async def published(self) -> bytes:
            return b""

        async def publish(self, bundle: bytes) -> None:
            del bundle

    return await ensure(Memory(), Memory(), NAMES, NOW)


async def test_a_secret_is_made_and_read_back(cluster, namespace) -> None:
    store = SecretStore(cluster, namespace, "certs")
    assert await store.load() == State()
    state = await some_state()
    await store.save(state)
    assert await SecretStore(cluster, namespace, "certs").load() == state


async def test_the_charts_empty_secret_is_filled_and_keeps_its_labels(cluster, namespace) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets"
    await cluster.request("POST", path, body={"metadata": {"name": "certs", "labels": {"a": "b"}}})
    store = SecretStore(cluster, namespace, "certs")
    assert await store.load() == State()
    await store.save(await some_state())
    secret = json.loads(await cluster.request("GET", f"{path}/certs"))
    assert secret["metadata"]["labels"] == {"a": "b"}
    assert {"ca.crt", "tls.crt", "tls.key"} <= set(secret["data"])


async def test_what_is_gone_from_the_state_goes_from_the_secret(cluster, namespace) -> None:
    store = SecretStore(cluster, namespace, "certs")
    await store.load()
    await store.save(await some_state())
    await store.save(State())
    assert await SecretStore(cluster, namespace, "certs").load() == State()


async def test_of_two_writers_the_second_fails(cluster, namespace) -> None:
    one, two = (SecretStore(cluster, namespace, "certs") for _ in range(2))
    await one.load()
    await two.load()
    await one.save(await some_state())
    with pytest.raises(Conflict):
        await two.save(await some_state())
    await two.load()
    await one.save(await some_state())
    with pytest.raises(Conflict):
        await two.save(State())


async def test_registers_once_it_serves(cluster, configuration) -> None:
    state = await some_state()
    early = registration(cluster, configuration, serving=False)
    with pytest.raises(NotServing):
        await early.publish(state.bundle)
    assert await stored(cluster, configuration) == []
    assert await early.published() == b""
    ours = registration(cluster, configuration)
    await ours.publish(state.bundle)
    assert ours.registered
    (webhook,) = await stored(cluster, configuration)
    assert base64.b64decode(webhook["clientConfig"]["caBundle"]) == state.bundle
    assert (webhook["failurePolicy"], webhook["timeoutSeconds"]) == ("Ignore", 5)
    assert await ours.published() == state.bundle


async def test_an_upgrade_of_the_chart_undoes_nothing_and_tampering_is_mended(cluster, configuration) -> None:
    state = await some_state()
    ours = registration(cluster, configuration)
    await ours.publish(state.bundle)
    await apply(cluster, configuration, version="2")
    assert len(await stored(cluster, configuration)) == 1
    body = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"}]
    await cluster.request(
        "PATCH", f"{CONFIGURATIONS}/{configuration}", body=body, content_type="application/json-patch+json"
    )
    await ours.publish(state.bundle)
    assert [each["failurePolicy"] for each in await stored(cluster, configuration)] == ["Ignore"]


async def test_applying_again_changes_nothing(cluster, configuration) -> None:
    state = await some_state()
    ours = registration(cluster, configuration)

    async def version() -> str:
        return json.loads(await cluster.request("GET", f"{CONFIGURATIONS}/{configuration}"))["metadata"][
            "resourceVersion"
        ]

    await ours.publish(state.bundle)
    before = await version()
    await ours.publish(state.bundle)
    assert await version() == before


async def test_a_webhook_that_is_no_longer_wanted_goes(cluster, configuration) -> None:
    state = await some_state()
    await registration(cluster, configuration, WEBHOOK, WEBHOOK | {"name": "pods.pullproof.dev"}).publish(state.bundle)
    assert len(await stored(cluster, configuration)) == 2
    await registration(cluster, configuration).publish(state.bundle)
    assert [each["name"] for each in await stored(cluster, configuration)] == ["workloads.pullproof.dev"]


async def test_fail_waits_for_a_ready_endpoint(cluster, configuration, namespace) -> None:
    state = await some_state()
    endpoints = ServiceEndpoints(cluster, namespace, "pullproof")
    ours = registration(cluster, configuration, WEBHOOK | {"failurePolicy": "Fail"}, endpoints=endpoints)
    await ours.publish(state.bundle)
    assert [each["failurePolicy"] for each in await stored(cluster, configuration)] == ["Ignore"]
    for ready, policy in ((False, "Ignore"), (True, "Fail")):
        body = {
            "metadata": {"name": f"s{ready}".lower(), "labels": {"kubernetes.io/service-name": "pullproof"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}],
        }
        await cluster.request("POST", f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", body=body)
        await ours.publish(state.bundle)
        assert [each["failurePolicy"] for each in await stored(cluster, configuration)] == [policy]
    nobody = registration(cluster, configuration, WEBHOOK | {"failurePolicy": "Fail"}, endpoints=Never())
    await nobody.publish(state.bundle)
    assert [each["failurePolicy"] for each in await stored(cluster, configuration)] == ["Fail"]
    await registration(cluster, configuration).publish(state.bundle)
    assert [each["failurePolicy"] for each in await stored(cluster, configuration)] == ["Ignore"]


async def test_without_the_right_to_create_nothing_comes_back(cluster, login, namespace) -> None:
    rule = {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["validatingwebhookconfigurations"],
        "resourceNames": [namespace],
        "verbs": ["get", "patch"],
    }
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    await cluster.request("POST", f"{rbac}/clusterroles", body={"metadata": {"name": "registrar"}, "rules": [rule]})
    group = "rbac.authorization.k8s.io"
    body = {
        "metadata": {"name": "registrar"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "registrar"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "writer"}],
    }
    await cluster.request("POST", f"{rbac}/clusterrolebindings", body=body)
    await apply(cluster, namespace)
    state = await some_state()
    async with open_cluster(login("writer")) as api:
        ours = registration(api, namespace)
        await ours.publish(state.bundle)
        assert len(await stored(cluster, namespace)) == 1
        await cluster.request("DELETE", f"{CONFIGURATIONS}/{namespace}")
        assert await ours.published() == b""
        with pytest.raises(Denied):
            await ours.publish(state.bundle)
    with pytest.raises(NotFound):
        await stored(cluster, namespace)


async def test_the_writer_makes_and_registers_the_others_follow(cluster, configuration, namespace) -> None:
    writer = SharedCertificates(
        SecretStore(cluster, namespace, "certs"), registration(cluster, configuration), Always(), NAMES
    )
    follower = SharedCertificates(
        SecretStore(cluster, namespace, "certs"), registration(cluster, configuration), Never(), NAMES
    )
    assert (await follower.refresh(NOW)).leaf is None
    made = await writer.refresh(NOW)
    assert made.leaf is not None
    assert set(NAMES) <= made.leaf.names
    assert (await follower.refresh(NOW)).leaf == made.leaf
    assert base64.b64decode((await stored(cluster, configuration))[0]["clientConfig"]["caBundle"]) == made.bundle


async def test_before_it_serves_it_makes_but_does_not_register(cluster, configuration, namespace) -> None:
    early = SharedCertificates(
        SecretStore(cluster, namespace, "certs"),
        registration(cluster, configuration, serving=False),
        Always(),
        NAMES,
    )
    assert (await early.refresh(NOW)).leaf is not None
    assert early.trouble == ""
    assert await stored(cluster, configuration) == []


async def test_what_cannot_be_registered_is_told_and_still_served(cluster, namespace) -> None:
    class Refusing:
        async def request(self, method, path, **more):
            if method == "PATCH" and path.startswith(CONFIGURATIONS):
                raise Denied("may not patch")
            return await cluster.request(method, path, **more)

    shared = SharedCertificates(
        SecretStore(cluster, namespace, "certs"), registration(Refusing(), namespace), Always(), NAMES
    )
    assert (await shared.refresh(NOW)).leaf is not None
    assert shared.trouble == "may not patch"


async def test_a_whole_rotation_leaves_no_moment_untrusted(cluster, configuration, namespace) -> None:
    """At every step the leaf that is served verifies against the bundle that the API server holds."""
    terms = Terms(authority=timedelta(days=30), leaf=timedelta(days=9), overlap=timedelta(hours=1))
    shared = SharedCertificates(
        SecretStore(cluster, namespace, "certs"), registration(cluster, configuration), Always(), NAMES
    )
    authorities, leaves = set(), set()
    now = NOW
    while now < NOW + timedelta(days=45):
        state = await shared.refresh(now, terms)
        (webhook,) = await stored(cluster, configuration)
        bundle = base64.b64decode(webhook["clientConfig"]["caBundle"])
        assert state.authority is not None
        assert state.leaf is not None
        assert state.leaf.signed_by(state.authority)
        assert state.authority.certificate.strip() in bundle
        authorities.add(state.authority.certificate)
        leaves.add(state.leaf.certificate)
        now += timedelta(hours=12)
    assert len(authorities) >= 2
    assert len(leaves) >= 5


async def test_given_certificates_are_only_registered(cluster, configuration) -> None:
    bundle = (await some_state()).bundle
    await GivenCertificates(registration(cluster, configuration), Never()).refresh(bundle)
    await GivenCertificates(registration(cluster, configuration, serving=False), Always()).refresh(bundle)
    assert await stored(cluster, configuration) == []
    await GivenCertificates(registration(cluster, configuration), Always()).refresh(bundle)
    assert len(await stored(cluster, configuration)) == 1


async def test_endpoints_that_cannot_be_read_are_not_ready() -> None:
    class Broken:
        async def request(self, *_, **__):
            raise ClusterError("no")

    assert not await ServiceEndpoints(Broken(), "a", "b").ready()
