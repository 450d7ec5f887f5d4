"""`helm install` with no value set: what kubectl prints then, by namespace label; and that nothing is left of it."""

import json
from contextlib import suppress

import pytest
from installation import SYSTEM, NotThere, until
from workloads import WARNED, WRONG, denied, deployment

ALLOWED = ("deployment.apps/api created\n", "")


@pytest.fixture(scope="module")
def notes(chart, world):
    """What Helm printed when it installed the chart with no value set."""
    if chart.values is not None:
        chart.uninstall()
    return chart.install()


@pytest.fixture
def apply(kubectl, notes, namespace):
    """Apply a Deployment of one image in a namespace of the test's own, for real or as a dry run."""

    def apply(image, *arguments):
        done = kubectl("apply", "-n", namespace, "-f", "-", *arguments, stdin=deployment(image))
        return done.stdout, done.stderr

    return apply


@pytest.fixture
def level(kubectl, namespace):
    """Label the test's namespace."""

    def level(*labels):
        done = kubectl("label", "namespace", namespace, *labels)
        return done.returncode, done.stderr

    return level


class TestAsItComes:
    def test_the_notes_tell_the_way_to_enforcement(self, notes):
        assert "pullproof scan -A --would-deny" in notes
        assert "pullproof doctor" in notes

    def test_all_that_runs_is_ready(self, chart, notes):
        assert chart.ready() == 2
        assert {hook["failurePolicy"] for hook in chart.webhooks()} == {"Ignore"}
        assert {hook["timeoutSeconds"] for hook in chart.webhooks()} == {5}

    @pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
    def test_doctor_finds_nothing_wrong(self, chart, notes, inside):
        lines = chart.doctor(inside=inside)
        where = "" if inside else "from this machine: "  # nothing but the node has a name here
        unreachable = ("warn", "registry ghcr.io", f"{where}DNS: ghcr.io: Name or service not known")
        wrong = [line for line in lines if line[0] != "ok" and not line[1].endswith(".corp.example")]
        assert wrong == [unreachable]  # pods of other tests may run from those, whose authority nobody here trusts
        topics = {line[1] for line in lines}
        assert {"certificate", "endpoints", "rights", "egress", "failure policy", "writer"} <= topics

    def test_helm_test_passes(self, chart, notes):
        assert "Succeeded" in chart.helm("test", "pullproof")

    @pytest.mark.parametrize("dry", [(), ("--dry-run=server",)], ids=["real", "dry-run"])
    def test_what_cannot_run_is_denied(self, apply, namespace, dry):
        assert apply(WRONG, *dry) == ("", denied(namespace))

    @pytest.mark.parametrize("dry", [(), ("--dry-run=server",)], ids=["real", "dry-run"])
    def test_what_cannot_be_asked_is_let_in_with_a_warning(self, apply, dry):
        out, err = apply("nowhere.example/x:1", *dry)
        assert out == f"deployment.apps/api created{' (server dry run)' if dry else ''}\n"
        words = "not verified: registry nowhere.example unreachable (dns) [registry-unreachable]"
        assert err == f'Warning: container "api": nowhere.example/x:1 {words}\n'

    def test_an_edit_of_the_configuration_is_all_that_another_registry_needs(self, kubectl, chart, apply):
        shown = kubectl("get", "configmap", "pullproof", "-n", SYSTEM, "-o", "json")
        text = json.loads(shown.stdout)["data"]["config.yaml"]
        edit = f"{text}\nregistries: [{{match: '*.corp.example', insecureSkipVerify: true}}]\n"
        for change in (edit, text):
            patch = json.dumps({"data": {"config.yaml": change}})
            kubectl("patch", "configmap", "pullproof", "-n", SYSTEM, "--type=merge", "-p", patch)
            if change == edit:
                until("that it trusts", lambda: apply("open.corp.example/app:1", "--dry-run=server")[1] == "")
                assert apply("open.corp.example/app:1") == ALLOWED


class TestLabels:
    def test_enforce_off_warns(self, apply, level):
        level("pullproof.dev/enforce=off")
        for dry in (("--dry-run=server",), ()):
            assert apply(WRONG, *dry)[1] == WARNED

    def test_enforce_and_warn_off_say_nothing(self, apply, level):
        level("pullproof.dev/enforce=off", "pullproof.dev/warn=off")
        assert apply(WRONG) == ALLOWED

    def test_warn_off_denies_all_the_same(self, apply, level, namespace):
        level("pullproof.dev/warn=off")
        assert apply(WRONG) == ("", denied(namespace))

    @pytest.mark.parametrize("label", ["enforce", "warn", "audit"])
    def test_a_wrong_level_is_refused_as_it_is_written(self, level, namespace, label, notes):
        assert level(f"pullproof.dev/{label}=Strict") == (
            1,
            f'The namespaces "{namespace}" is invalid: : ValidatingAdmissionPolicy '
            "'pullproof-namespace-labels' with binding 'pullproof-namespace-labels' denied request: "
            f'label pullproof.dev/{label}: "Strict" is not a level; use off, baseline or strict\n',
        )


class TestUninstall:
    """Last in this file: what was installed above goes."""

    @pytest.fixture
    def objects(self, kubectl):
        """All objects of the cluster but those that come and go by themselves."""
        passing = {"events", "events.events.k8s.io", "endpoints", "endpointslices.discovery.k8s.io"}

        def objects():
            kinds = kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()
            asked = ",".join(kind for kind in kinds if kind not in passing)
            found = kubectl("get", asked, "-A", "-o", "json", "--ignore-not-found").stdout
            return {
                (item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"])
                for item in json.loads(found)["items"]
                if "pullproof" in item["metadata"]["name"] or item["metadata"].get("namespace") == SYSTEM
            }

        return objects

    LEFT = frozenset(
        {
            ("Namespace", "", SYSTEM),
            ("ConfigMap", SYSTEM, "kube-root-ca.crt"),
            ("ServiceAccount", SYSTEM, "default"),
        }
    )
    """What every namespace has, and the namespace itself, which Helm makes and leaves."""

    @pytest.mark.parametrize("first", ["nothing", "deployment", "pods"])
    def test_nothing_is_left(self, chart, kubectl, objects, first):
        if chart.values is None:
            chart.install()
        if first == "deployment":
            kubectl("delete", "deployment", "pullproof", "-n", SYSTEM)
            until("that its pods are gone", lambda: not chart.pods(running=False))
            assert chart.webhooks()
        elif first == "pods":
            for pod in chart.pods():
                kubectl("delete", "pod", "-n", SYSTEM, pod["metadata"]["name"], "--grace-period=0", "--force")
        chart.uninstall()
        allowed = self.LEFT | {("ConfigMap", SYSTEM, "corp-ca")}
        with suppress(NotThere):
            until("that what controllers own is gone", lambda: objects() <= allowed)
        assert objects() - allowed == set()
        assert kubectl("apply", "--dry-run=server", "-f", "-", stdin=deployment(WRONG)).stderr == ""

    def test_it_can_be_installed_again(self, chart, kubectl, namespace):
        chart.install()
        done = kubectl("apply", "-n", namespace, "-f", "-", stdin=deployment(WRONG))
        assert done.stderr == denied(namespace)
