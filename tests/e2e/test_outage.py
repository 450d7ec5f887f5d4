"""Nobody answers: what goes on all the same."""

import pytest
from installation import SYSTEM, TRUSTING, until
from workloads import WRONG, pod


@pytest.fixture
def down(pullproof):
    """No replica of the webhook, until the test is over."""

    def down():
        pullproof.scale(0)

    yield down
    pullproof.scale(2)
    pullproof.settle()


def created(name):
    return f"pod/{name} created\n", ""


def test_with_ignore_pods_are_created(kubectl, namespace, down):
    assert kubectl("create", "-n", namespace, "-f", "-", stdin=pod(WRONG)).returncode == 1
    down()
    done = kubectl("create", "-n", namespace, "-f", "-", stdin=pod(WRONG))
    assert (done.stdout, done.stderr) == created("api")


def test_with_fail_the_system_and_its_own_namespace_still_work(pullproof, kubectl, namespace, down):
    pullproof.upgrade({**TRUSTING, "webhook": {"failurePolicy": "Fail"}})
    until("Fail", lambda: {hook["failurePolicy"] for hook in pullproof.webhooks()} == {"Fail"})
    (policy,) = [line for line in pullproof.doctor() if line[1] == "failure policy"]
    assert policy == (
        "warn",
        "failure policy",
        "Fail: while no replica answers, workloads outside the excluded namespaces cannot be changed",
    )
    down()
    done = kubectl("run", "api", "-n", namespace, "--image", "open.corp.example/app:1")
    assert done.stderr == (
        'Error from server (InternalError): Internal error occurred: failed calling webhook "pods.pullproof.dev": '
        'failed to call webhook: Post "https://pullproof.pullproof-system.svc:443/validate?timeout=5s": '
        'no endpoints available for service "pullproof"\n'
    )
    for place in ("kube-system", SYSTEM):
        made = kubectl("run", "api", "-n", place, "--image", "open.corp.example/app:1")
        assert (made.stdout, made.stderr) == created("api")
        assert kubectl("delete", "pod", "api", "-n", place, "--now").returncode == 0
        made = kubectl("create", "deployment", "api", "-n", place, "--image", "open.corp.example/app:1")
        assert (made.stdout, made.stderr) == ("deployment.apps/api created\n", "")
        rolled = kubectl("rollout", "status", "-n", place, "deployment/api", "--timeout=60s")
        assert rolled.returncode == 0, rolled.stderr
        assert kubectl("delete", "deployment", "api", "-n", place).returncode == 0
    for change in (("label", "namespace", namespace, "team=a"), ("create", "configmap", "x", "-n", namespace)):
        assert kubectl(*change).returncode == 0
    pullproof.scale(2)
    until("that pods are judged again", lambda: pullproof.denies())
    done = kubectl("run", "api", "-n", namespace, "--image", "open.corp.example/app:1")
    assert (done.stdout, done.stderr) == created("api")
