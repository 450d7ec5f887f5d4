"""What operators see of it: Events of what was denied, reports of what runs, and nothing left of either afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from installation import TRUSTING, Installation, Kubectl, until
from workloads import WRONG, deployment

CRD = Path(__file__).parents[1] / "cluster_api/policyreports.yaml"
pytestmark = pytest.mark.long
SWITCHED_ON = {
    **TRUSTING,
    "config": {**TRUSTING["config"], "scan": {"enabled": True, "interval": "60s", "policyReports": True}},
    "events": {"enabled": True},
}


@pytest.fixture
def watched(chart: Installation, kubectl: Kubectl, world: object) -> Iterator[Installation]:
    """The chart with Events, the re-check and its reports switched on; taken away at the end, if it is still there."""
    if chart.values is not None:
        chart.uninstall()
    chart.trust()
    assert kubectl("apply", "-f", str(CRD)).returncode == 0
    assert kubectl("wait", "--for=condition=Established", "crd/policyreports.wgpolicyk8s.io").returncode == 0
    chart.install(SWITCHED_ON)
    yield chart
    if chart.values is not None:
        chart.uninstall()
    kubectl("delete", "crd", "policyreports.wgpolicyk8s.io")


def listed(kubectl: Kubectl, *what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(kubectl("get", *what, "-o", "json").stdout)["items"]
    return found


def test_events_and_reports_come_and_go(watched: Installation, kubectl: Kubectl, namespace: str) -> None:
    def events() -> list[dict[str, Any]]:
        return [each for each in listed(kubectl, "events", "-n", namespace) if each["reason"] == "ImagePullDenied"]

    probe = deployment(WRONG)
    assert kubectl("apply", "-n", namespace, "--dry-run=server", "-f", "-", stdin=probe).returncode == 1
    assert kubectl("apply", "-n", namespace, "-f", "-", stdin=probe).returncode == 1
    until("an Event of the denial", events)
    (event,) = events()
    assert event["involvedObject"]["kind"] == "Deployment"
    assert "[invalid-reference]" in event["message"]

    # Let through, it runs (or tries to); the next look at what runs reports it.
    assert kubectl("label", "namespace", namespace, "pullproof.dev/enforce=off").returncode == 0
    until("that it is let through", lambda: kubectl("apply", "-n", namespace, "-f", "-", stdin=probe).returncode == 0)

    def failing() -> list[dict[str, Any]]:
        results = [result for each in listed(kubectl, "policyreports", "-n", namespace) for result in each["results"]]
        return [result for result in results if result["result"] == "fail"]

    until("a report of it", failing, seconds=200)
    assert {result["rule"] for result in failing()} == {"invalid-reference"}
    assert failing()[0]["resources"][0]["name"] == "api"
    (report,) = listed(kubectl, "policyreports", "-n", namespace)
    assert report["metadata"]["ownerReferences"][0]["kind"] == "ValidatingWebhookConfiguration"

    assert kubectl("delete", "deployment", "api", "-n", namespace).returncode == 0
    until("the end of the report", lambda: not listed(kubectl, "policyreports", "-n", namespace), seconds=200)
    assert listed(kubectl, "policyreports", "-A")
    watched.uninstall()
    until("that nothing is left of the others", lambda: not listed(kubectl, "policyreports", "-A"))
