"""Several replicas and one certificate, on a real API server."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from certs.keypair import KeyPair
from certs.rotate import Terms
from webhook.cluster.certificates import CONFIGURATIONS
from webhook.cluster.deployment import CertificateMode, Deployment, InvalidDeployment, load_deployment
from webhook.cluster.failure import Denied
from webhook.cluster.replica import open_replica
from webhook.cluster.secrets import SecretMode

WEBHOOK = {
    "name": "workloads.pullproof.dev",
    "clientConfig": {"service": {"namespace": "system", "name": "pullproof", "path": "/validate"}},
    "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}],
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
}


def deployment(name: str, **more) -> Deployment:
    given = {
        "service": "pullproof",
        "lease": "pullproof",
        "evidence": "pullproof-evidence",
        "certificate_secret": "pullproof-certs",
        "registration": name,
        "webhooks": (WEBHOOK,),
    }
    return Deployment(**(given | more))


@pytest.fixture
async def configuration(cluster, namespace):
    await cluster.request("POST", CONFIGURATIONS, body={"metadata": {"name": namespace}})
    yield namespace
    await cluster.request("DELETE", f"{CONFIGURATIONS}/{namespace}")


async def webhooks(cluster, name: str) -> list[dict]:
    return json.loads(await cluster.request("GET", f"{CONFIGURATIONS}/{name}")).get("webhooks", [])


async def test_two_replicas_serve_one_certificate_and_register_once_one_serves(
    cluster, configuration, namespace, running, eventually
) -> None:
    got: dict[str, list[KeyPair]] = {"one": [], "two": []}
    serving: set[str] = set()
    stated = deployment(configuration)

    def replica(name: str):
        return open_replica(cluster, stated, namespace=namespace, identity=name, serving=lambda: name in serving)

    async with replica("one") as one:
        await eventually(lambda: one.lease.held)
        async with replica("two") as two:
            running(two.run(got["two"].append))
            running(one.run(got["one"].append))
            await eventually(lambda: bool(got["one"] and got["two"]))
            assert got["one"][0] == got["two"][0]
            assert f"pullproof.{namespace}.svc" in got["one"][0].names
            assert await webhooks(cluster, configuration) == []
            assert not one.settled
            assert two.settled
            serving.add("one")
            await eventually(lambda: one.settled)
            assert len(await webhooks(cluster, configuration)) == 1


async def test_the_next_holder_goes_on_where_the_last_ended(cluster, configuration, namespace) -> None:
    stated = deployment(configuration)
    got: list[KeyPair] = []
    for name in ("one", "two"):
        async with open_replica(cluster, stated, namespace=namespace, identity=name, serving=lambda: True) as replica:
            await replica.lease.attempt()
            assert await replica.refresh(got.append)
    assert got[0] == got[1]


async def test_terms_reach_the_certificates(cluster, configuration, namespace) -> None:
    got: list[KeyPair] = []
    terms = Terms(leaf=timedelta(hours=5))
    stated = deployment(configuration)
    async with open_replica(
        cluster, stated, namespace=namespace, identity="one", serving=lambda: True, terms=terms
    ) as replica:
        await replica.lease.attempt()
        await replica.refresh(got.append)
    assert got[0].not_after - got[0].not_before <= timedelta(hours=6)


async def test_given_files_are_registered(cluster, configuration, namespace, tmp_path: Path) -> None:
    got: list[KeyPair] = []
    stated = deployment(configuration)
    async with open_replica(cluster, stated, namespace=namespace, identity="one", serving=lambda: True) as replica:
        await replica.lease.attempt()
        await replica.refresh(got.append)
    (tmp_path / "ca.crt").write_bytes(got[0].certificate)
    given = deployment(configuration, certificates=CertificateMode.FILES, ca_file=str(tmp_path / "ca.crt"))
    async with open_replica(cluster, given, namespace=namespace, identity="two", serving=lambda: True) as replica:
        await replica.lease.attempt()
        assert await replica.refresh(got.append)
        assert len(got) == 1
        assert replica.settled
        assert len(await webhooks(cluster, configuration)) == 1


async def test_where_somebody_else_registers_us_a_certificate_is_kept_all_the_same(cluster, namespace) -> None:
    got: list[KeyPair] = []
    stated = deployment("")
    async with open_replica(cluster, stated, namespace=namespace, identity="one", serving=lambda: True) as replica:
        await replica.lease.attempt()
        for _ in range(2):
            await replica.refresh(got.append)
        path = f"/api/v1/namespaces/{namespace}/secrets/pullproof-certs"
        version = json.loads(await cluster.request("GET", path))["metadata"]["resourceVersion"]
        await replica.refresh(got.append)
        assert json.loads(await cluster.request("GET", path))["metadata"]["resourceVersion"] == version
    assert len({each.certificate for each in got}) == 1


async def test_trouble_is_told_and_goes(cluster, configuration, namespace) -> None:
    class Moody:
        allowed = False

        async def request(self, method, path, **more):
            if method == "PATCH" and path.startswith(CONFIGURATIONS) and not self.allowed:
                raise Denied("may not patch")
            return await cluster.request(method, path, **more)

    got: list[KeyPair] = []
    api, stated = Moody(), deployment(configuration)
    async with open_replica(api, stated, namespace=namespace, identity="one", serving=lambda: True) as replica:
        await replica.lease.attempt()
        assert await replica.refresh(got.append)
        assert (replica.trouble, replica.settled) == ("may not patch", False)
        api.allowed = True
        assert await replica.refresh(got.append)
        assert (replica.trouble, replica.settled) == ("", True)


def test_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deployment.yaml"
    path.write_text(
        json.dumps(
            {
                "service": "pullproof",
                "lease": "l",
                "evidence": "e",
                "certificateSecret": "c",
                "secretAccess": "namespaces",
                "secretNamespaces": ["shop"],
                "webhooks": [WEBHOOK],
            }
        )
    )
    found = load_deployment(path)
    assert found.webhooks == (WEBHOOK,)
    assert found.access.mode is SecretMode.NAMESPACES
    assert found.access.namespaces == {"shop"}
    assert found.server_names("system") == (
        "pullproof.system.svc",
        "pullproof.system",
        "pullproof.system.svc.cluster.local",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("", "expected a mapping"),
        ("a: [", "flow"),
        ("{service: s, lease: l, evidence: e}", "certificateSecret"),
        ("{service: s, lease: l, evidence: e, certificates: files, registration: r}", "caFile"),
        ("{service: s, lease: l, evidence: e, certificateSecret: c, surprise: 1}", "surprise"),
        ("{service: 3}", "service"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "deployment.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidDeployment, match=message) as caught:
        load_deployment(path)
    assert "\n" not in str(caught.value)
