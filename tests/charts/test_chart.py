"""The chart as rendered: consistent with its documentation, with the program, and with what it promises.

`PULLPROOF_RENEW=1 pytest tests/charts` writes what is derived: charts/pullproof.yaml and the schema of `config`.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from webhook.cli.serve import serve
from webhook.settings.decoding import decode
from webhook.settings.publishing import schema
from webhook.wiring.registration import CertificateKeeper, load_registration

CHART = Path(__file__).parents[2] / "charts/pullproof"
RENDERED = CHART.parent / "pullproof.yaml"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
RENEW = os.environ.get("PULLPROOF_RENEW") == "1"

HEAD = """\
# pullproof, rendered from charts/pullproof with no value set, for `kubectl apply -f`.
apiVersion: v1
kind: Namespace
metadata:
  name: pullproof-system
"""


def one(objects: list[dict[str, Any]], kind: str, name: str | None = None) -> dict[str, Any]:
    found = [each for each in objects if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    assert len(found) == 1, (kind, name, [each["metadata"]["name"] for each in found])
    return found[0]


def pod_spec(objects: list[dict[str, Any]]) -> dict[str, Any]:
    return one(objects, "Deployment")["spec"]["template"]["spec"]


def test_lint_finds_nothing(helm) -> None:
    done = helm("lint", "--strict", "--quiet", str(CHART))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_manifest_beside_the_chart_is_the_chart_rendered(template) -> None:
    text = HEAD + re.sub(r"(?s)---\n# Source: pullproof/templates/tests/.*?(?=---|\Z)", "", template())
    if RENEW:
        RENDERED.write_text(text)
    assert RENDERED.read_text() == text, "renew it: PULLPROOF_RENEW=1 pytest tests/charts"


def test_the_schema_of_the_configuration_is_the_programs_own() -> None:
    path = CHART / "values.schema.json"
    found = json.loads(path.read_text())
    wanted = schema()["$defs"]
    if RENEW:
        path.write_text(json.dumps(found | {"$defs": wanted}, indent=1) + "\n")
        found = json.loads(path.read_text())
    assert found["$defs"] == wanted, "renew it: PULLPROOF_RENEW=1 pytest tests/charts"
    assert found["properties"]["config"] == {"$ref": schema()["$ref"]}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else key)
    else:
        yield path, value


def documented() -> dict[str, str]:
    rows = re.findall(r"^\| `([^`]+)` \| `?(.*?)`? \|", (CHART / "README.md").read_text(), re.MULTILINE)
    return {name: default for name, default in rows if name != "config"}


def test_every_value_is_documented_with_its_default() -> None:
    said = {name: yaml.safe_load(default) for name, default in documented().items()}
    assert said == dict(leaves(VALUES))


def test_every_value_is_in_the_schema() -> None:
    def known(schema: dict[str, Any], value: Any, path: str) -> None:
        if not isinstance(value, dict) or "properties" not in schema:
            return
        assert set(value) == set(schema["properties"]) - {"global"}, path
        for key, each in value.items():
            known(schema["properties"][key], each, f"{path}.{key}")

    known(json.loads((CHART / "values.schema.json").read_text()), VALUES, "values")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("webhok.timeoutSeconds=3", "webhok"),
        ("webhook.timeoutSeconds=31", "timeoutSeconds"),
        ("webhook.failurePolicy=fail", "failurePolicy"),
        ("config.defaults.enforce=Strict", "enforce"),
        ("config.exemption=x", "exemption"),
        ("certificates.mode=manual", "mode"),
        ("certificates.mode=secret", "certificates.secretName is required"),
        ("rbac.secretAccess=namespaces", "rbac.secretNamespaces"),
    ],
)
def test_wrong_values_are_refused(helm, value: str, message: str) -> None:
    done = helm("template", "x", str(CHART), f"--set={value}")
    assert done.returncode != 0
    assert message in done.stderr


VARIANTS = {
    "as-it-comes": (),
    "cert-manager": ("certificates.mode=certManager",),
    "own-issuer": ("certificates.mode=certManager", "certificates.issuerRef.name=ca"),
    "given-secret": ("certificates.mode=secret", "certificates.secretName=mine"),
    "fail": ("webhook.failurePolicy=Fail", "events.enabled=true"),
    "namespaces": ("rbac.secretAccess=namespaces", "rbac.secretNamespaces={a,b}"),
    "none": ("rbac.secretAccess=none",),
    "everything": (
        "autoscaling.enabled=true",
        "networkPolicy.enabled=true",
        "serviceMonitor.enabled=true",
        "serviceMonitor.labels.a=b",
        "prometheusRule.enabled=true",
        "prometheusRule.labels.a=b",
        "hostNetwork=true",
        "commonLabels.team=platform",
        "podLabels.a=b",
        "podAnnotations.a=b",
        "imagePullSecrets[0].name=s",
        "env[0].name=HTTPS_PROXY",
        "env[0].value=http://proxy:3128",
        "extraArgs={--verbose}",
        "extraVolumes[0].name=ca",
        "extraVolumes[0].configMap.name=ca",
        "extraVolumeMounts[0].name=ca",
        "extraVolumeMounts[0].mountPath=/ca",
        "affinity.nodeAffinity.a=b",
        "nodeSelector.a=b",
        "tolerations[0].operator=Exists",
        "image.digest=sha256:" + "a" * 64,
        "config.scan.enabled=true",
        "config.scan.policyReports=true",
        "logLevel=debug",
        "service.annotations.a=b",
        "serviceAccount.annotations.a=b",
        "webhook.matchConditions[0].name=n",
        "webhook.matchConditions[0].expression=1 == 1",
        "webhook.objectSelector.matchLabels.a=b",
        "webhook.namespaceSelector.matchLabels.a=b",
    ),
}


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def objects(render, request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return render(*request.param)


def test_the_program_takes_its_configuration(objects) -> None:
    settings = decode(one(objects, "ConfigMap", "pullproof")["data"]["config.yaml"])
    ports = {port["name"]: port["containerPort"] for port in pod_spec(objects)["containers"][0]["ports"]}
    assert (settings.server.port, settings.server.metrics_port) == (ports["https"], ports["metrics"])
    grace = pod_spec(objects)["terminationGracePeriodSeconds"]
    assert grace > settings.server.drain + 15
    mounts = [mount["mountPath"] for mount in pod_spec(objects)["containers"][0]["volumeMounts"]]
    if settings.server.cert_file:
        assert str(Path(settings.server.cert_file).parent) in mounts


def test_the_program_takes_its_registration(objects, tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    path.write_text(one(objects, "ConfigMap", "pullproof-registration")["data"]["registration.yaml"])
    found = load_registration(path)
    assert found.name == one(objects, "ValidatingWebhookConfiguration")["metadata"]["name"]
    assert found.service == one(objects, "Service")["metadata"]["name"]
    assert found.lease == one(objects, "Lease")["metadata"]["name"]
    if found.certificates is CertificateKeeper.SELF_MANAGED:
        assert found.secret == one(objects, "Secret")["metadata"]["name"]
    else:
        assert found.ca_file
    for webhook in found.webhooks:
        (selector,) = [
            each
            for each in webhook["namespaceSelector"]["matchExpressions"]
            if each["key"] == "kubernetes.io/metadata.name"
        ]
        assert {"kube-system", "kube-node-lease", "pullproof-system"} <= set(selector["values"])
        assert webhook["timeoutSeconds"] == 5
        assert webhook["matchPolicy"] == "Equivalent"


def test_the_program_takes_its_arguments(objects) -> None:
    app = typer.Typer()
    app.command()(serve)
    known = {text for parameter in typer.main.get_command(app).params for text in parameter.opts}
    command, *arguments = pod_spec(objects)["containers"][0]["args"]
    assert command == "serve"
    assert {argument.partition("=")[0] for argument in arguments} <= known


def test_the_configuration_of_webhooks_is_empty_and_the_charts_own(objects) -> None:
    assert "webhooks" not in one(objects, "ValidatingWebhookConfiguration")


def test_pods_are_restricted(objects) -> None:
    """As the level `restricted` of Pod Security Admission demands, and more."""
    for spec in (pod_spec(objects), one(objects, "Pod")["spec"]):
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def rules(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in objects:
        if each["kind"] in {"ClusterRole", "Role"}:
            for rule in each["rules"]:
                yield each["kind"], rule


def test_rights_are_few(objects) -> None:
    for kind, rule in rules(objects):
        assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
        if "secrets" in rule["resources"]:
            allowed = {"get", "patch"} if rule.get("resourceNames") else {"get"}
            assert set(rule["verbs"]) <= allowed
        if "delete" in rule["verbs"] or "create" in rule["verbs"]:
            assert set(rule["resources"]) <= {"events", "policyreports"}
        if set(rule["verbs"]) & {"update", "patch"} and kind == "ClusterRole":
            assert rule.get("resourceNames") or rule["resources"] == ["policyreports"]


@pytest.mark.parametrize(
    ("values", "cluster", "roles"),
    [
        ((), True, set()),
        (("rbac.secretAccess=none",), False, set()),
        (("rbac.secretAccess=namespaces", "rbac.secretNamespaces={a,b}"), False, {"a", "b"}),
    ],
    ids=["cluster", "none", "namespaces"],
)
def test_secrets_are_read_where_it_was_said(render, values, cluster: bool, roles: set[str]) -> None:
    objects = render(*values)
    open_ones = [
        kind for kind, rule in rules(objects) if "secrets" in rule["resources"] and "resourceNames" not in rule
    ]
    assert ("ClusterRole" in open_ones) is cluster
    found = {
        each["metadata"]["namespace"]
        for each in objects
        if each["kind"] == "Role" and each["metadata"]["name"].endswith("-secrets")
    }
    assert found == roles


def test_two_releases_do_not_meet(render) -> None:
    """Cluster-wide objects of two releases have names of their own."""
    wide = {
        "ClusterRole",
        "ClusterRoleBinding",
        "PriorityClass",
        "ValidatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
    names = [
        {(each["kind"], each["metadata"]["name"]) for each in render(namespace=namespace) if each["kind"] in wide}
        for namespace in ("pullproof-system", "other", "third")
    ]
    assert not (names[0] & names[1]) | (names[1] & names[2])
    assert {kind for kind, _ in names[0]} == wide


def test_a_changed_registration_restarts_and_a_changed_configuration_does_not(render) -> None:
    def annotations(*values: str) -> dict[str, str]:
        return one(render(*values), "Deployment")["spec"]["template"]["metadata"]["annotations"]

    assert annotations() == annotations("config.defaults.enforce=off")
    assert annotations() != annotations("webhook.timeoutSeconds=7")


def test_every_object_is_labelled(objects) -> None:
    for each in objects:
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == "pullproof"


def test_events_have_side_effects(render) -> None:
    for values, expected in (((), "None"), (("events.enabled=true",), "NoneOnDryRun")):
        text = one(render(*values), "ConfigMap", "pullproof-registration")["data"]["registration.yaml"]
        assert {each["sideEffects"] for each in yaml.safe_load(text)["webhooks"]} == {expected}


def test_notes_tell_the_way_to_enforcement(helm) -> None:
    done = helm("install", "pullproof", str(CHART), "-n", "pullproof-system", "--dry-run=client", "--hide-notes=false")
    for text in ("pullproof scan -A --would-deny", "pullproof doctor", "helm test pullproof", "enforce: off"):
        assert text in done.stdout
