"""`pullproof doctor` finds what is broken, from outside and in a pod, and says nothing else of the rest."""

import base64
import json
import os
import signal
from datetime import UTC, datetime, timedelta

import pytest
from installation import SYSTEM, until

from certs.issue import issue_authority, issue_leaf
from certs.store import decode

CONFIGURATION = "validatingwebhookconfiguration/pullproof"


@pytest.fixture
def change(kubectl):
    """Change an object by a merge patch."""

    def change(what, patch, kind="merge"):
        done = kubectl("patch", *what.split(), f"--type={kind}", "-p", json.dumps(patch))
        assert done.returncode == 0, done.stderr

    return change


@pytest.fixture
def unattended(pullproof, change):
    """Nobody mends certificates or registration: somebody else holds the Lease until the test is over."""
    lease = f"lease pullproof -n {SYSTEM}"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    change(lease, {"spec": {"holderIdentity": "e2e", "leaseDurationSeconds": 3600, "renewTime": now}})
    yield
    change(lease, {"spec": {"holderIdentity": "", "leaseDurationSeconds": 15}})
    until("that all is well", lambda: wrong(pullproof.doctor()) == [])
    pullproof.settle()


def running(pod):
    return any("running" in each["state"] for each in pod["status"].get("containerStatuses", ()))


def wrong(lines):
    return [line for line in lines if line[0] == "fail"]


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_a_wrong_ca_bundle(pullproof, change, unattended, inside):
    other = issue_authority(datetime.now(UTC), timedelta(days=1)).certificate
    client = base64.b64encode(other).decode()
    hooks = range(len(pullproof.webhooks()))
    patch = [{"op": "replace", "path": f"/webhooks/{each}/clientConfig/caBundle", "value": client} for each in hooks]
    until("the Lease", lambda: ("ok", "writer", "e2e") in pullproof.doctor())
    change(CONFIGURATION, patch, "json")
    (found,) = wrong(pullproof.doctor(inside=inside))
    assert found[1] == "certificate"
    assert "caBundle" in found[2]


@pytest.mark.long
@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_an_expired_certificate(pullproof, kubectl, change, unattended, inside):
    until("the Lease", lambda: ("ok", "writer", "e2e") in pullproof.doctor())
    answer = kubectl("get", "secret", "pullproof-certificates", "-n", SYSTEM, "-o", "json")
    files = {key: base64.b64decode(value) for key, value in json.loads(answer.stdout)["data"].items()}
    kept = decode(files)
    leaf = issue_leaf(kept.authority, kept.leaf.names, datetime.now(UTC) - timedelta(days=91), timedelta(days=90))
    data = {"tls.crt": base64.b64encode(leaf.certificate).decode(), "tls.key": base64.b64encode(leaf.key).decode()}
    change(f"secret pullproof-certificates -n {SYSTEM}", {"data": data})
    kubectl(
        "delete", "pods", "-n", SYSTEM, "-l", "app.kubernetes.io/name=pullproof", "--now"
    )  # those that run refuse it
    until("that two run", lambda: sum(running(pod) for pod in pullproof.pods()) == 2)
    until("that nobody is ready", lambda: pullproof.ready() == 0)
    found = wrong(pullproof.doctor(inside=inside))
    (certificate,) = [line for line in found if line[1] == "certificate"]
    assert "expired" in certificate[2]
    assert {line[1] for line in found} == {"certificate", "endpoints"} | ({"service"} if inside else set())


def test_a_missing_role(pullproof, kubectl, change):
    role = f"role pullproof -n {SYSTEM}"
    rules = json.loads(kubectl("get", *role.split(), "-o", "json").stdout)["rules"]
    change(role, {"rules": []})
    try:
        losses = {line[2] for line in pullproof.doctor() if line[1] == "rights"}
    finally:
        change(role, {"rules": rules})
    assert losses == {
        "may not get leases.coordination.k8s.io pullproof in pullproof-system, "
        "patch leases.coordination.k8s.io pullproof in pullproof-system: no replica can be the one that writes",
        "may not get configmaps pullproof-learnt in pullproof-system, "
        "patch configmaps pullproof-learnt in pullproof-system: "
        "what is learnt is not shared and does not outlive a restart",
        "may not get configmaps pullproof in pullproof-system, list configmaps pullproof in pullproof-system, "
        "watch configmaps pullproof in pullproof-system: an edit of the configuration takes effect when the kubelet "
        "refreshes its file, after a minute or more",
        "may not create events.events.k8s.io in pullproof-system: "
        "no Event says what became of an edit of the configuration",
        "may not patch secrets pullproof-certificates in pullproof-system: certificates cannot be kept",
    }
    assert wrong(pullproof.doctor()) == []


def test_no_egress(pullproof, kubectl):
    """By a NetworkPolicy. (The network of the one-node cluster does not enforce it, so nothing is broken by it.)"""
    spec = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "pullproof"}}, "policyTypes": ["Egress"]}
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "shut"}, "spec": spec}
    assert kubectl("create", "-n", SYSTEM, "-f", "-", stdin=json.dumps(policy)).returncode == 0
    try:
        for inside in (False, True):
            assert wrong(pullproof.doctor(inside=inside)) == [
                ("fail", "egress", "shut lets nothing out: no registry can be asked")
            ]
    finally:
        kubectl("delete", "networkpolicy", "shut", "-n", SYSTEM)


@pytest.mark.long
def test_packets_that_get_nowhere(pullproof):
    """Without a word: only from inside a pod it can be seen."""
    nft("add table ip egress")
    nft("add chain ip egress out { type filter hook input priority 0; }")
    nft("add rule ip egress out ip saddr 10.78.0.0/24 tcp dport 443 ip daddr 10.77.0.1 drop")
    try:
        lines = pullproof.doctors_lines(inside=True)
    finally:
        nft("delete table ip egress")
    found = [line for line in lines if line["topic"].startswith("registry open.corp.example")]
    assert [line["grade"] for line in found] == ["warn"]
    assert "tcp" in found[0]["message"].lower()


def nft(command):
    assert os.system(f"nft '{command}'") == 0  # noqa: S605 - fixed texts


@pytest.mark.long
def test_endpoints_that_are_not_ready(pullproof):
    processes = [pullproof.process(pod) for pod in pullproof.pods()]
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        until("that none is ready", lambda: pullproof.ready() == 0)
        found = wrong(pullproof.doctor())
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
    assert found == [("fail", "endpoints", "none of 2 is ready: nobody answers the API server")]
    pullproof.settle()
