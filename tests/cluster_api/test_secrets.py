"""Pull secrets from a real API server, with RBAC of every mode."""

import asyncio
import base64
from collections.abc import Mapping

import pytest

from webhook.cluster.client import open_cluster
from webhook.cluster.failure import Unavailable
from webhook.cluster.secrets import MOST, ClusterPullSecrets, SecretAccess, SecretMode
from webhook.credentials.pullsecret import PullSecret, SecretState
from webhook.workload.workload import Workload

ANY_AGE = float("-inf")


def as_read(name: str, kind: str, data: Mapping[str, bytes]) -> PullSecret:
    """Stand in for the kubelet's decoding, which has tests of its own."""
    return PullSecret(name=name, state=SecretState.USABLE, reason=f"{kind} {sorted(data.items())}")


def now() -> float:
    return asyncio.get_running_loop().time()


def pod(namespace: str, *names: str) -> Workload:
    return Workload(kind="Pod", namespace=namespace, name="p", pull_secrets=names)


def template(namespace: str, *names: str, account: str = "default", blocks: bool = False) -> Workload:
    return Workload(
        kind="Deployment",
        namespace=namespace,
        name="d",
        template=True,
        pull_secrets=names,
        service_account=account,
        blocks_account_copy=blocks,
    )


@pytest.fixture
async def secrets(cluster):
    source = ClusterPullSecrets(cluster, as_read)
    yield source
    await source.close()


@pytest.fixture
def put(cluster):
    async def put(namespace: str, name: str, text: str, method: str = "POST") -> None:
        data = {".dockerconfigjson": base64.b64encode(text.encode()).decode()}
        body = {"metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson", "data": data}
        path = f"/api/v1/namespaces/{namespace}/secrets" + (f"/{name}" if method == "PUT" else "")
        await cluster.request(method, path, body=body)

    return put


async def ask(source, workload, *, not_before=ANY_AGE, seconds=5.0):
    return await source.pull_secrets(workload, deadline=now() + seconds, not_before=not_before)


async def test_reads_named_secrets_in_order_with_doubles(secrets, namespace, put) -> None:
    await put(namespace, "b", '{"auths":{}}')
    found = await ask(secrets, pod(namespace, "b", "absent", "b"))
    assert [(each.name, each.state) for each in found.secrets] == [
        ("b", SecretState.USABLE),
        ("absent", SecretState.MISSING),
        ("b", SecretState.USABLE),
    ]
    assert found.secrets[0].reason == """kubernetes.io/dockerconfigjson [('.dockerconfigjson', b'{"auths":{}}')]"""
    assert found.account is None
    assert not found.complete


async def test_a_pod_is_taken_as_it_comes(secrets, namespace, cluster) -> None:
    await _account(cluster, namespace, "puller", "one")
    found = await ask(secrets, Workload(kind="Pod", namespace=namespace, name="p", service_account="puller"))
    assert found.secrets == ()
    assert found.account is None


async def test_a_template_without_secrets_takes_its_accounts(secrets, namespace, cluster, put) -> None:
    await _account(cluster, namespace, "puller", "one", "", "two")
    await put(namespace, "one", "{}")
    found = await ask(secrets, template(namespace, account="puller"))
    assert found.account == "puller"
    assert [(each.name, each.state) for each in found.secrets] == [
        ("one", SecretState.USABLE),
        ("two", SecretState.MISSING),
    ]


async def test_there_is_no_merge(secrets, namespace, cluster) -> None:
    await _account(cluster, namespace, "puller", "one")
    found = await ask(secrets, template(namespace, "two", account="puller"))
    assert [each.name for each in found.secrets] == ["two"]
    found = await ask(secrets, template(namespace, account="puller", blocks=True))
    assert (found.secrets, found.account) == ((), None)


async def test_an_absent_account_is_said(secrets, namespace) -> None:
    found = await ask(secrets, template(namespace, account="ghost"))
    assert found.account_missing
    assert not found.complete


async def test_a_corrected_secret_is_seen_by_the_second_look(secrets, namespace, put) -> None:
    await put(namespace, "s", '{"old": 1}')
    await ask(secrets, pod(namespace, "s"))
    await put(namespace, "s", '{"new": 1}', "PUT")
    asked = now()
    assert "old" in (await ask(secrets, pod(namespace, "s"))).secrets[0].reason
    assert "new" in (await ask(secrets, pod(namespace, "s"), not_before=asked)).secrets[0].reason


async def test_two_hundred_pods_cost_one_read(namespace, put, cluster) -> None:
    await put(namespace, "s", "{}")
    counted = Counted(cluster)
    source = ClusterPullSecrets(counted, as_read)
    await asyncio.gather(*(ask(source, pod(namespace, "s")) for _ in range(200)))
    assert counted.paths == [f"/api/v1/namespaces/{namespace}/secrets/s"]


async def test_what_was_read_is_looked_up_without_a_read(namespace, put, cluster) -> None:
    await put(namespace, "s", "{}")
    counted = Counted(cluster)
    source = ClusterPullSecrets(counted, as_read)
    for workload in (pod(namespace, "s", "s"), pod(namespace), template(namespace), template(namespace, "s")):
        read = await ask(source, workload)
        reads = list(counted.paths)
        assert source.lookup(workload) == read
        assert counted.paths == reads
    assert source.lookup(pod(namespace, "s", "other")) is None
    assert source.lookup(template(namespace, account="other")) is None
    await source.close()
    assert source.lookup(pod(namespace, "s")) is None


async def test_what_may_not_be_read_is_not_looked_up(namespace, cluster) -> None:
    source = ClusterPullSecrets(cluster, as_read, access=SecretAccess(mode=SecretMode.NONE))
    assert source.lookup(pod(namespace, "s")) is None
    assert source.lookup(pod(namespace)) == await ask(source, pod(namespace))


async def test_what_rbac_forbids_is_unreadable(login, namespace) -> None:
    async with open_cluster(login("someone")) as api:
        source = ClusterPullSecrets(api, as_read)
        found = await ask(source, pod(namespace, "s"))
        assert found.secrets[0].state is SecretState.UNREADABLE
        assert found.secrets[0].reason == f"RBAC does not let us get secrets in namespace {namespace!r}"
        assert "serviceaccounts" in (await ask(source, template(namespace))).account_unreadable


@pytest.mark.parametrize(
    ("access", "reason"),
    [
        (SecretAccess(mode=SecretMode.NONE), "reading Secrets is switched off (secretAccess: none)"),
        (
            SecretAccess(mode=SecretMode.NAMESPACES, namespaces=frozenset({"shop"})),
            "reading Secrets is not switched on for namespace 'other'",
        ),
    ],
)
async def test_modes_spare_the_call(access: SecretAccess, reason: str) -> None:
    counted = Counted(None)
    found = await ask(ClusterPullSecrets(counted, as_read, access=access), pod("other", "s"))
    assert (found.secrets[0].state, found.secrets[0].reason) == (SecretState.UNREADABLE, reason)
    assert counted.paths == []


async def test_a_silent_server_is_unreadable_in_time() -> None:
    class Silent(Counted):
        async def request(self, method, path, **_):
            await asyncio.sleep(3600)

    source = ClusterPullSecrets(Silent(None), as_read)
    found = await ask(source, pod("shop", "a", "b"), seconds=0.02)
    assert {each.reason for each in found.secrets} == {"the API server did not answer in time"}
    assert (await ask(source, template("shop"), seconds=0.02)).account_unreadable
    await source.close()


async def test_a_failing_server_is_unreadable() -> None:
    class Failing(Counted):
        async def request(self, method, path, **_):
            raise Unavailable("etcd leader changed")

    found = await ask(ClusterPullSecrets(Failing(None), as_read), pod("shop", "a"))
    assert found.secrets[0].reason == "etcd leader changed"


@pytest.mark.parametrize("answer", [b"{}", b'{"metadata":{"name":"other"}}', b"[]", b'{"metadata":{"name":"a\xff"}}'])
async def test_an_answer_that_is_not_the_object_is_unreadable(answer) -> None:
    """What stands before an API server may answer 200 to all; a Secret without a login would deny a pod."""

    class Strange(Counted):
        async def request(self, method, path, **_):
            return answer

    source = ClusterPullSecrets(Strange(None), as_read)
    found = await ask(source, pod("shop", "a"))
    assert found.secrets[0].state is SecretState.UNREADABLE
    assert not found.complete
    assert (await ask(source, template("shop"))).account_unreadable


async def test_a_pod_with_a_thousand_secrets_costs_few_reads(namespace, cluster) -> None:
    counted = Counted(cluster)
    source = ClusterPullSecrets(counted, as_read)
    found = await ask(source, pod(namespace, *(f"s{n}" for n in range(1000))))
    assert len(counted.paths) == MOST
    assert found.secrets[-1].state is SecretState.UNREADABLE


@pytest.mark.parametrize("name", ["../pods", "a/b", "a?b", "..", "", "a%2f", "a\n"])
async def test_a_name_never_changes_the_path(name: str) -> None:
    counted = Counted(None)
    found = await ask(ClusterPullSecrets(counted, as_read), pod("shop", name))
    assert found.secrets[0].state is SecretState.UNREADABLE
    assert counted.paths == []


class Counted:
    """An API server whose requests are counted on their way."""

    def __init__(self, api) -> None:
        self.api = api
        self.paths: list[str] = []

    async def request(self, method, path, **more):
        self.paths.append(path)
        return await self.api.request(method, path, **more)

    def lines(self, path, **more):
        return self.api.lines(path, **more)


async def _account(cluster, namespace: str, name: str, *secrets: str) -> None:
    body = {"metadata": {"name": name}, "imagePullSecrets": [{"name": each} for each in secrets]}
    await cluster.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body=body)
