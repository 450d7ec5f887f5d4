"""Certificates that somebody else keeps: cert-manager, or whoever fills a given Secret."""

import base64
import json
import os
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from installation import SYSTEM, TRUSTING, until
from stream import describe, pods_created
from workloads import denied, deployment

from certs.issue import issue_authority, issue_leaf

PARTS = Path(os.environ.get("PARTS") or Path.home() / ".cache/pullproof-parts")
NAMES = ["pullproof.pullproof-system.svc"]
REFRESHED = 150
"""Seconds within which the kubelet writes a changed Secret into a pod."""
pytestmark = pytest.mark.long


@pytest.fixture
def fresh(chart, kubectl, world):
    """The chart, not installed; taken away again at the end."""
    if chart.values is not None:
        chart.uninstall()
    chart.trust()
    yield chart
    if chart.values is not None:
        chart.uninstall()
    # cert-manager leaves them, unless it was told otherwise
    kubectl("delete", "secret", "pullproof-tls", "pullproof-ca", "-n", SYSTEM, "--ignore-not-found")


@pytest.fixture
def cert_manager(cluster, kubectl):
    """The controllers of cert-manager, as processes beside the cluster, and its kinds."""
    files = sorted((PARTS / "share/cert-manager").glob("*.yaml"))
    kinds = tuple(f"--filename={file}" for file in files)
    assert kubectl("create", *kinds).returncode == 0
    assert kubectl("wait", "--for=condition=Established", "--timeout=60s", *kinds).returncode == 0
    with (cluster / "logs/cert-manager.log").open("wb") as log:
        process = subprocess.Popen([PARTS / "bin/cert-manager"], stdout=log, stderr=log)
    yield
    process.terminate()
    process.wait(30)
    assert kubectl("delete", *kinds).returncode == 0


def secret(kubectl, name):
    found = json.loads(kubectl("get", "secret", name, "-n", SYSTEM, "-o", "json").stdout)["data"]
    return {key: base64.b64decode(value).strip() for key, value in found.items()}


def shown_by_all(chart, certificate):
    def shown(pod):
        return ssl.get_server_certificate((pod["status"]["podIP"], 10250)).strip().encode()

    return all(certificate.startswith(shown(pod)) for pod in chart.pods())


def trusted(chart):
    (bundle,) = {base64.b64decode(hook["clientConfig"]["caBundle"]).strip() for hook in chart.webhooks()}
    return bundle


def refused(kubectl, namespace):
    """Tell whether what cannot run is refused; a replica that has read nothing of the cluster yet only warns."""
    done = kubectl("apply", "--dry-run=server", "-n", namespace, "-f", "-", stdin=deployment("Shop/API:1"))
    return done.stderr == denied(namespace)


def wrong(chart):
    return [line for line in chart.doctor(inside=True) if line[0] == "fail"]


def test_cert_manager(cert_manager, fresh, kubectl, namespace, background, cluster):
    fresh.install({**TRUSTING, "certificates": {"mode": "certManager"}})
    first = secret(kubectl, "pullproof-tls")
    assert trusted(fresh) == first["ca.crt"]
    assert shown_by_all(fresh, first["tls.crt"])
    assert wrong(fresh) == []
    until("that all replicas judge", lambda: all(refused(kubectl, namespace) for _ in range(6)))
    with pods_created(background, cluster, namespace) as stream:
        renew = {"type": "Issuing", "status": "True", "reason": "e2e", "message": "renewed by hand, as cmctl does it"}
        patch = json.dumps({"status": {"conditions": [renew]}})
        done = kubectl(
            *("patch", "certificate", "pullproof", "-n", SYSTEM, "--subresource=status", "--type=merge", "-p", patch)
        )
        assert done.returncode == 0, done.stderr
        until("a new certificate", lambda: secret(kubectl, "pullproof-tls")["tls.crt"] != first["tls.crt"])
        second = secret(kubectl, "pullproof-tls")["tls.crt"]
        until("that it is served", lambda: shown_by_all(fresh, second), seconds=REFRESHED)
    assert not stream.failed, describe(stream.failed)
    assert not stream.unjudged, describe(stream.unjudged)


def test_a_given_secret(fresh, kubectl, namespace):
    now = datetime.now(UTC)
    authority = issue_authority(now, timedelta(days=30))
    leaf = issue_leaf(authority, NAMES, now, timedelta(days=10))
    pair = {"tls.crt": leaf.certificate, "tls.key": leaf.key, "ca.crt": authority.certificate}
    data = {key: base64.b64encode(value).decode() for key, value in pair.items()}
    given = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "mine"}}
    assert kubectl("create", "-n", SYSTEM, "-f", "-", stdin=json.dumps(given | {"data": data})).returncode == 0
    fresh.install({**TRUSTING, "certificates": {"mode": "secret", "secretName": "mine"}})
    assert trusted(fresh) == authority.certificate.strip()
    assert shown_by_all(fresh, leaf.certificate)
    assert wrong(fresh) == []
    until("that all replicas judge", lambda: all(refused(kubectl, namespace) for _ in range(6)))
    kubectl("delete", "secret", "mine", "-n", SYSTEM)
