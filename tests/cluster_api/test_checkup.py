"""What doctor says: of an installation in a real API server, of certificates, policies and sockets."""

import asyncio
import contextlib
import io
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import typer

from certs.issue import issue_authority, issue_leaf
from certs.keypair import KeyPair
from webhook.cli.doctor import configured, doctor, render
from webhook.cli.session import Session
from webhook.cluster.api import decode
from webhook.cluster.certificates import CONFIGURATIONS, Registration, SecretStore, SharedCertificates
from webhook.cluster.checkup.certificate import check_served, judge_certificate
from webhook.cluster.checkup.egress import Policy, judge_egress
from webhook.cluster.checkup.images import registries_in_use
from webhook.cluster.checkup.knowledge import check_labels, check_learnt, check_mutators, check_node_mirrors
from webhook.cluster.checkup.line import Grade, Line, fail, ok
from webhook.cluster.checkup.reach import check_registry
from webhook.cluster.checkup.registration import check_registration
from webhook.cluster.checkup.rights import needs
from webhook.cluster.checkup.site import Registration as Names
from webhook.cluster.checkup.site import Site, read_site
from webhook.cluster.failure import Rejected
from webhook.cluster.leases import Lease
from webhook.cluster.notebook import Notebook
from webhook.policy.statements import Statements
from webhook.wiring.registration import load_registration

CHART = Path(__file__).parents[2] / "charts/pullproof"
SYSTEM = "pullproof-system"
MERGE = "application/merge-patch+json"
NOW = datetime.now(UTC)
SITE = Site(namespace=SYSTEM, name="pullproof", registration=Names(name="pullproof", service="pullproof"))


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return issue_authority(NOW, timedelta(days=100))


class Always:
    held = True

    async def ready(self) -> bool:
        return True


# --- an installation ---


@pytest.fixture
def helm(parts, apiserver, tmp_path):
    def run(*arguments: str) -> None:
        environment = {"KUBECONFIG": apiserver.kubeconfig("admin"), "HOME": str(tmp_path)}
        command = [parts / "helm", *arguments, "-n", SYSTEM]
        subprocess.run(command, env=environment, check=True, capture_output=True)

    return run


@pytest.fixture
async def installed(cluster, helm, tmp_path) -> AsyncIterator[None]:
    """The chart, and what its replicas would have filled in: certificate, registration, lease, endpoints."""
    helm("install", "pullproof", str(CHART), "--create-namespace")
    path = f"/api/v1/namespaces/{SYSTEM}/configmaps/pullproof-registration"
    text = json.loads(await cluster.request("GET", path))["data"]["registration.yaml"]
    (tmp_path / "registration.yaml").write_text(text)
    stated = load_registration(tmp_path / "registration.yaml")
    registration = Registration(cluster, stated.name, stated.webhooks, serving=lambda: True, endpoints=Always())
    store = SecretStore(cluster, SYSTEM, stated.secret)
    await SharedCertificates(store, registration, Always(), stated.dns_names(SYSTEM)).refresh()
    await Lease(cluster, SYSTEM, stated.lease, "pullproof-1").attempt()
    await Notebook(cluster, SYSTEM, "pullproof-learnt").note(
        lambda known: known.with_seen(mirrors={}, mutators={}, now=NOW.timestamp())
    )
    await endpoints(cluster, True, True)
    yield
    await cluster.request("DELETE", SLICES, query={"labelSelector": "kubernetes.io/service-name=pullproof"})
    helm("uninstall", "pullproof")


SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{SYSTEM}/endpointslices"


async def endpoints(cluster, *ready: bool) -> None:
    await cluster.request("DELETE", SLICES, query={"labelSelector": "kubernetes.io/service-name=pullproof"})
    body = {
        "metadata": {"generateName": "pullproof-", "labels": {"kubernetes.io/service-name": "pullproof"}},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [f"10.0.0.{number + 1}"], "conditions": {"ready": each}} for number, each in enumerate(ready)
        ],
    }
    await cluster.request("POST", SLICES, body=body)


def run(apiserver, *arguments: str, user: str = "admin", **environ: str) -> tuple[int, str]:
    """Run the command as a person would, in a thread of its own: it makes its own event loop."""
    out = io.StringIO()
    session = Session(argv=arguments, environ=environ, stdin=io.BytesIO(), out=out, err=io.StringIO())
    app = typer.Typer()
    app.command()(doctor)
    command = typer.main.get_command(app)
    offline = [] if "--online" in arguments else ["--offline"]
    given = [each for each in arguments if each != "--online"]
    words = ["--kubeconfig", apiserver.kubeconfig(user), *offline, *given]
    code = command.main(words, standalone_mode=False, obj=session)
    return code, out.getvalue()


@pytest.fixture
def examine(apiserver):
    async def examine(*arguments: str, **more: str) -> tuple[int, list[Line]]:
        code, text = await asyncio.to_thread(run, apiserver, "-o", "json", *arguments, **more)
        rows = json.loads(text)["lines"]
        return code, [Line(**row | {"grade": Grade(row["grade"])}) for row in rows]

    return examine


def worst(lines: list[Line], topic: str) -> Line:
    found = [line for line in lines if line.topic == topic]
    assert found, (topic, [line.topic for line in lines])
    return max(found, key=lambda line: list(Grade).index(line.grade))


async def test_a_well_installation_is_well(installed, examine) -> None:
    code, lines = await examine()
    assert [line for line in lines if line.grade is not Grade.OK] == []
    assert code == 0
    topics = {line.topic for line in lines}
    assert {
        "api server",
        "registration",
        "certificate",
        "endpoints",
        "writer",
        "rights",
        "egress",
        "evidence",
    } <= topics


async def test_nothing_installed_is_said(examine) -> None:
    code, lines = await examine("-n", "nowhere")
    assert code == 1
    assert worst(lines, "installation").fix.startswith("helm install")


async def test_a_wrong_cabundle_is_found(installed, cluster, examine, authority) -> None:
    import base64

    path = f"{CONFIGURATIONS}/pullproof"
    webhooks = json.loads(await cluster.request("GET", path))["webhooks"]
    for each in webhooks:
        each["clientConfig"]["caBundle"] = base64.b64encode(authority.certificate).decode()
    await cluster.request("PATCH", path, body={"webhooks": webhooks}, content_type=MERGE)
    code, lines = await examine()
    assert code == 1
    assert "caBundle does not hold the authority" in worst(lines, "certificate").message
    assert "rollout restart" in worst(lines, "certificate").fix


async def test_an_expired_certificate_is_found(installed, cluster, examine, authority) -> None:
    import base64

    old = issue_leaf(authority, [f"pullproof.{SYSTEM}.svc"], NOW - timedelta(days=9), timedelta(days=8))
    body = {"data": {"tls.crt": base64.b64encode(old.certificate).decode()}}
    path = f"/api/v1/namespaces/{SYSTEM}/secrets/pullproof-certificates"
    await cluster.request("PATCH", path, body=body, content_type=MERGE)
    code, lines = await examine()
    assert code == 1
    assert any(line.message.startswith("expired at") and line.grade is Grade.FAIL for line in lines)


async def test_a_missing_role_is_found(installed, cluster, examine) -> None:
    await cluster.request("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/pullproof")
    _, lines = await examine()
    missing = [line for line in lines if line.topic == "rights" and line.grade is not Grade.OK]
    assert any("get secrets" in line.message and line.grade is Grade.WARN for line in missing)
    assert any("patch validatingwebhookconfigurations" in line.message and line.grade is Grade.FAIL for line in missing)


async def test_no_endpoint_and_one_of_two_are_found(installed, cluster, examine) -> None:
    for states, grade in (((False, False), Grade.FAIL), ((True, False), Grade.WARN), ((True, True), Grade.OK)):
        await endpoints(cluster, *states)
        _, lines = await examine()
        assert worst(lines, "endpoints").grade is grade


async def test_no_egress_is_found(installed, cluster, examine) -> None:
    path = f"/apis/networking.k8s.io/v1/namespaces/{SYSTEM}/networkpolicies"
    spec = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "pullproof"}}, "policyTypes": ["Egress"]}
    await cluster.request("POST", path, body={"metadata": {"name": "deny"}, "spec": spec})
    _, lines = await examine()
    assert "deny lets nothing out" in worst(lines, "egress").message
    await cluster.request("DELETE", f"{path}/deny")


async def test_an_empty_registration_and_none_are_found(installed, cluster, examine) -> None:
    body = {"webhooks": None}
    await cluster.request("PATCH", f"{CONFIGURATIONS}/pullproof", body=body, content_type=MERGE)
    _, lines = await examine()
    assert "is empty: nobody is judged" in worst(lines, "registration").message
    await cluster.request("DELETE", f"{CONFIGURATIONS}/pullproof")
    _, lines = await examine()
    assert "is not there" in worst(lines, "registration").message


async def test_a_bad_edit_and_the_kill_switch_are_found(installed, cluster, examine) -> None:
    path = f"/api/v1/namespaces/{SYSTEM}/configmaps/pullproof"
    for text, grade, message in (
        ("enforce: off\n", Grade.WARN, "nothing is denied"),
        ("enforc: off\n", Grade.FAIL, "did you mean 'enforce'"),
    ):
        await cluster.request("PATCH", path, body={"data": {"config.yaml": text}}, content_type=MERGE)
        _, lines = await examine()
        assert worst(lines, "configuration").grade is grade
        assert message in worst(lines, "configuration").message


async def test_a_lapsed_writer_is_found(installed, cluster, examine) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases/pullproof"
    await cluster.request(
        "PATCH", path, body={"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}}, content_type=MERGE
    )
    await cluster.request(
        "DELETE", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/pullproof-namespace-labels"
    )
    _, lines = await examine()
    assert "has not renewed" in worst(lines, "writer").message


async def test_fewer_rights_hide_little(installed, cluster, examine, login) -> None:
    """Somebody who may read hardly anything is told what could not be read, and nothing fails for that."""
    code, lines = await examine(user="someone")
    assert code == 0
    assert {line.grade for line in lines} <= {Grade.OK, Grade.WARN}
    assert any("cannot read" in line.message for line in lines)


async def test_levels_that_are_none_are_found(cluster, namespace, eventually) -> None:
    async def labelled() -> bool:
        """The policy of an installation that is gone is in force for another moment."""
        body = {"metadata": {"labels": {"pullproof.dev/warn": "loud", "pullproof.dev/enforce": "off"}}}
        with contextlib.suppress(Rejected):
            await cluster.request("PATCH", f"/api/v1/namespaces/{namespace}", body=body, content_type=MERGE)
            return True
        return False

    await eventually(labelled)
    found = [line.message for line in await check_labels(cluster) if namespace in line.message]
    assert found == [f"{namespace} pullproof.dev/warn='loud' is no level and is ignored"]
    body = {"metadata": {"labels": {"pullproof.dev/warn": None}}}
    await cluster.request("PATCH", f"/api/v1/namespaces/{namespace}", body=body, content_type=MERGE)


async def test_mutators_are_told(cluster) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
    webhook = {
        "name": "agent.zarf.example.com",
        "rules": [rule],
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Ignore",
    }
    assert [line.grade for line in await check_mutators(cluster, Statements())] == [Grade.OK]
    await cluster.request("POST", path, body={"metadata": {"name": "zarf"}, "webhooks": [webhook]})
    (line,) = await check_mutators(cluster, Statements())
    assert line.grade is Grade.WARN
    assert line.message.startswith("Zarf (MutatingWebhookConfiguration zarf): pods are judged after it")
    assert line.fix.startswith("nodes.harmlessMutators: [agent.zarf.example.com]")
    stated, rest = await check_mutators(cluster, Statements(harmless_mutators=("*.zarf.example.com",)))
    assert (stated.grade, rest.grade) == (Grade.OK, Grade.OK)
    assert stated.message == "Zarf (MutatingWebhookConfiguration zarf): harmless, as stated"
    await cluster.request("DELETE", f"{path}/zarf")


async def test_nodes_that_come_with_mirrors_are_told(cluster) -> None:
    assert [line.grade for line in await check_node_mirrors(cluster, Statements())] == [Grade.OK]
    await cluster.request("POST", "/api/v1/nodes", body={"metadata": {"name": "small"}})
    system = dict.fromkeys(
        [
            "machineID",
            "systemUUID",
            "bootID",
            "kernelVersion",
            "osImage",
            "containerRuntimeVersion",
            "kubeProxyVersion",
            "operatingSystem",
            "architecture",
        ],
        "x",
    )
    status = {"status": {"nodeInfo": system | {"kubeletVersion": "v1.31.5+k3s1"}}}
    await cluster.request("PATCH", "/api/v1/nodes/small/status", body=status, content_type=MERGE)
    (line,) = await check_node_mirrors(cluster, Statements())
    assert line.grade is Grade.WARN
    assert "registries.yaml" in line.message
    assert "(node small): what a registry lacks only warns" in line.message
    (stated,) = await check_node_mirrors(cluster, Statements(mirrors_declared=True))
    assert stated.grade is Grade.OK
    await cluster.request("DELETE", "/api/v1/nodes/small")


async def test_the_account_may_do_all_that_doctor_asks_for(installed, cluster) -> None:
    """Needs and chart agree, in both directions that can be told: each need is granted."""
    site = await read_site(cluster, SYSTEM, "pullproof")
    assert site.account == "pullproof"
    assert len(needs(site)) > 20


async def test_as_the_account_itself(installed, cluster, apiserver, examine) -> None:
    """As `helm test` runs it: inside, as the webhook's account."""
    path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/pullproof/token"
    token = json.loads(await cluster.request("POST", path, body={"spec": {}}))["status"]["token"]
    config = apiserver.kubeconfig("pullproof", namespace=SYSTEM, token=token)
    code, text = await asyncio.to_thread(
        run, apiserver, "--kubeconfig", config, "-o", "json", KUBERNETES_SERVICE_HOST="10.96.0.1", POD_NAMESPACE=SYSTEM
    )
    found = [(row["topic"], row["message"]) for row in json.loads(text)["lines"] if row["grade"] != "ok"]
    assert (code, found) == (0, [])


# --- failure policy ---


async def test_failure_policy_and_timeout_are_judged() -> None:
    def answer(policy: str, excluded: list[str], timeout: int) -> bytes:
        service = {"namespace": SYSTEM, "name": "pullproof"}
        requirement = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": excluded}
        webhook = {
            "name": "w",
            "clientConfig": {"service": service, "caBundle": ""},
            "failurePolicy": policy,
            "timeoutSeconds": timeout,
            "namespaceSelector": {"matchExpressions": [requirement]},
        }
        return json.dumps({"webhooks": [webhook]}).encode()

    class Scripted:
        async def request(self, *_, **__) -> bytes:
            return answer(*self.says)

    api = Scripted()
    for says, topic, grade in (
        (("Ignore", [], 5), "failure policy", Grade.OK),
        (("Fail", ["kube-system", SYSTEM], 5), "failure policy", Grade.WARN),
        (("Fail", [SYSTEM], 5), "failure policy", Grade.FAIL),
        (("Fail", ["kube-system"], 5), "failure policy", Grade.FAIL),
        (("Ignore", [], 30), "timeout", Grade.WARN),
    ):
        api.says = says
        lines, _ = await check_registration(api, SITE)
        assert worst(lines, topic).grade is grade, says


# --- certificates ---


def test_certificates_are_judged(authority) -> None:
    name = f"pullproof.{SYSTEM}.svc"
    good = issue_leaf(authority, [name], NOW, timedelta(days=60)).certificate
    other = issue_authority(NOW, timedelta(days=100)).certificate

    def grade(leaf: bytes, bundle: bytes, at: datetime = NOW) -> Grade:
        return worst(judge_certificate(leaf, bundle, SITE, at), "certificate").grade

    assert grade(good, authority.certificate) is Grade.OK
    assert grade(good, other + authority.certificate) is Grade.OK
    assert grade(good, other) is Grade.FAIL
    assert grade(good, authority.certificate, NOW + timedelta(days=55)) is Grade.WARN
    assert grade(good, authority.certificate, NOW + timedelta(days=61)) is Grade.FAIL
    assert (
        grade(issue_leaf(authority, ["other"], NOW, timedelta(days=60)).certificate, authority.certificate)
        is Grade.FAIL
    )
    assert grade(b"", authority.certificate) is Grade.FAIL
    assert grade(b"nonsense", authority.certificate) is Grade.FAIL
    assert grade(good, b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----") is Grade.FAIL


@pytest.fixture
async def server(tmp_path, authority):
    """A TLS server of these names that answers every request with one status."""
    servers = []

    async def start(*names: str, status: int = 401, plain: bool = False, silent: bool = False) -> int:
        context = None
        if not plain:
            leaf = issue_leaf(authority, names, NOW, timedelta(days=60))
            path = tmp_path / f"{len(servers)}.pem"
            path.write_bytes(leaf.certificate + leaf.key)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(path)

        async def answer(reader, writer) -> None:
            with contextlib.suppress(OSError):
                if silent:
                    await reader.read()
                else:
                    await reader.readline()
                    writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode())
            writer.transport.abort()

        made = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        servers.append(made)
        return made.sockets[0].getsockname()[1]

    yield start
    for each in servers:
        each.close()
    await asyncio.sleep(0.05)


async def test_what_is_served_is_judged_by_a_real_handshake(server, authority) -> None:
    port = await server(f"pullproof.{SYSTEM}.svc")
    wrong = await server("other")
    stranger = issue_authority(NOW, timedelta(days=9)).certificate

    async def found(bundle: bytes, at: int) -> Line:
        lines = await check_served(SITE, bundle, host="127.0.0.1", port=at, seconds=2)
        return max(lines, key=lambda line: list(Grade).index(line.grade))

    assert (await found(authority.certificate, port)).grade is Grade.OK
    assert "does not verify by caBundle" in (await found(stranger, port)).message
    assert "does not verify by caBundle" in (await found(authority.certificate, wrong)).message
    assert "cannot be reached" in (await found(authority.certificate, 1)).message
    assert await check_served(SITE, b"") == []


# --- registries ---


async def test_registries_are_tried_step_by_step(server, authority) -> None:
    trust = ssl.create_default_context(cadata=authority.certificate.decode())

    async def message(port: int, scheme: str = "https", host: str = "127.0.0.1") -> tuple[Grade, str]:
        line = await check_registry("reg", f"{scheme}://{host}:{port}/v2", trust=trust, seconds=0.3)
        return line.grade, line.message

    assert await message(await server("127.0.0.1")) == (Grade.OK, "DNS, TCP, TLS and /v2/ answer (401)")
    assert (await message(await server("127.0.0.1", status=404)))[0] is Grade.WARN
    assert (await message(await server("other")))[1].startswith("TLS: ")
    assert (await message(await server(plain=True)))[1].startswith("TLS: ")
    assert (await message(await server(plain=True), "http")) == (Grade.OK, "answers without TLS (401)")
    assert "no answer" in (await message(await server(plain=True, silent=True), "http"))[1]
    assert (await message(1))[1].startswith("TCP: 127.0.0.1 port 1: ")
    assert (await message(443, host="absent.invalid"))[1].startswith("DNS: absent.invalid: ")


async def test_registries_in_use_are_counted(cluster, namespace) -> None:
    for number, image in enumerate(
        ("reg-a.example/x:1", "reg-a.example/y:1", "reg-b.example/x:1", "localhost:5000/x:1")
    ):
        body = {"metadata": {"name": f"p{number}"}, "spec": {"containers": [{"name": "c", "image": image}]}}
        await cluster.request("POST", f"/api/v1/namespaces/{namespace}/pods", body=body)
    found = await registries_in_use(cluster, most=50)
    assert found.index("reg-a.example") < found.index("reg-b.example")
    assert not [name for name in found if "localhost" in name]


async def test_a_registry_fails_only_where_it_is_configured_and_tried_from_inside(
    installed, cluster, apiserver
) -> None:
    def grades(*arguments: str, **environ: str) -> dict[str, str]:
        _, text = run(apiserver, "--registry", "127.0.0.1:1", "-o", "json", *arguments, **environ)
        rows = json.loads(text)["lines"]
        return {row["topic"]: row["grade"] for row in rows if row["topic"].startswith("registry ")}

    outside = await asyncio.to_thread(grades, "--online")
    inside = await asyncio.to_thread(grades, "--online", KUBERNETES_SERVICE_HOST="10.96.0.1")
    assert (outside["registry 127.0.0.1:1"], inside["registry 127.0.0.1:1"]) == ("warn", "fail")


# --- NetworkPolicies ---

LABELS = {"app": "pullproof"}
DNS = {"ports": [{"port": 53, "protocol": "UDP"}]}
HTTPS = {"ports": [{"port": 443}]}
EGRESS = {
    "none": ([], Grade.OK),
    "of others": ([{"podSelector": {"matchLabels": {"app": "x"}}, "policyTypes": ["Egress"]}], Grade.OK),
    "ingress only": ([{"policyTypes": ["Ingress"]}], Grade.OK),
    "types by content": ([{"egress": [DNS, HTTPS]}], Grade.OK),
    "deny all": ([{"policyTypes": ["Egress"]}], Grade.FAIL),
    "no dns": ([{"egress": [HTTPS]}], Grade.FAIL),
    "no https": ([{"egress": [DNS]}], Grade.FAIL),
    "adds up": ([{"egress": [DNS]}, {"egress": [HTTPS]}], Grade.OK),
    "everything": ([{"egress": [{}]}], Grade.OK),
    "to one block": ([{"egress": [DNS, HTTPS | {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}], Grade.WARN),
    "to the world": ([{"egress": [DNS, HTTPS | {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}], Grade.OK),
    "port range": ([{"egress": [{"ports": [{"port": 1, "endPort": 500}]}, DNS]}], Grade.OK),
    "by expression": (
        [
            {
                "podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["pullproof"]}]},
                "policyTypes": ["Egress"],
            }
        ],
        Grade.FAIL,
    ),
    "not by expression": (
        [
            {
                "podSelector": {
                    "matchExpressions": [
                        {"key": "app", "operator": "NotIn", "values": ["pullproof"]},
                        {"key": "app", "operator": "Exists"},
                        {"key": "b", "operator": "DoesNotExist"},
                    ]
                },
                "policyTypes": ["Egress"],
            }
        ],
        Grade.OK,
    ),
}


@pytest.mark.parametrize(("specs", "grade"), EGRESS.values(), ids=EGRESS.keys())
def test_egress_is_judged(specs: list[dict], grade: Grade) -> None:
    policies = [decode(json.dumps({"metadata": {"name": "p"}, "spec": spec}).encode(), Policy) for spec in specs]
    assert worst(judge_egress(policies, LABELS), "egress").grade is grade


# --- configuration, evidence, rendering ---


def test_configuration_is_judged() -> None:
    def lines(text: str | None) -> list[Grade]:
        return [line.grade for line in configured(text, date(2027, 1, 1))[1]]

    assert lines(None) == []
    assert lines("defaults: {enforce: baseline}") == [Grade.OK]
    assert lines("enforce: off") == [Grade.WARN]
    ended = "exemptions: [{namespaces: [a], reason: old, expires: 2026-12-31}]"
    assert lines(ended) == [Grade.OK, Grade.WARN]
    assert lines("nonsense: [") == [Grade.FAIL]


async def test_evidence_is_told_and_measured_against_statements(cluster, namespace) -> None:
    site = Site(namespace=namespace, name="pullproof", registration=Names(name="n", service="s"))
    book = Notebook(cluster, namespace, "pullproof-learnt")
    assert "not looked over yet" in (await check_learnt(cluster, site, ""))[0].message
    await book.note(lambda known: known.with_seen(mirrors={}, mutators={"zarf": "w"}, now=1.0))
    lines = await check_learnt(cluster, site, "unknown")
    assert [line.message for line in lines] == [
        "pods are changed before they run: zarf: w",
        "no running pod proves a login of the nodes; nodes.logins: none would let refused pulls deny",
    ]
    await book.note(lambda known: known.with_logins({"a.example": "pod x"}, 1.0).with_contradiction("b", "c", "p", 1.0))
    lines = await check_learnt(cluster, site, "none")
    assert [line.grade for line in lines] == [Grade.OK, Grade.OK, Grade.OK, Grade.WARN, Grade.WARN]


def test_lines_are_rendered_with_their_fix() -> None:
    text = render([ok("a", "well\x1b[31m"), fail("longer", "not well", "mend it")])
    assert text == "ok    a       well\nfail  longer  not well\n              fix: mend it"
    assert "\x1b[32mok" in render([ok("a", "well")], colours=True)
