"""What is counted, and by which labels."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from webhook.image.reference import Reference
from webhook.metrics import OTHER, Metrics
from webhook.policy.decision import Judged, Outcome, Verdict
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.registry.observer import CacheOutcome, Observer
from webhook.registry.resolution import Failure, Unresolved
from webhook.server.admission import AdmissionObserver
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    content, _ = metrics.render()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((f"pullproof_{name}", tuple(sorted(labels.items()))))


NAMES = {
    "admission_requests": {"resource", "operation", "decision", "dry_run"},
    "admission_duration_seconds": {"resource", "decision"},
    "admission_inflight_requests": set(),
    "admission_deadline_exceeded": set(),
    "image_checks": {"code", "result", "registry"},
    "registry_requests": {"registry", "method", "outcome"},
    "registry_request_duration_seconds": {"registry", "method"},
    "registry_rate_limit_remaining": {"registry"},
    "registry_circuit_open": {"registry"},
    "cache_lookups": {"cache", "outcome"},
    "pull_secret_errors": {"reason"},
    "certificate_expiry_timestamp_seconds": {"cert"},
    "config_last_reload_successful": set(),
    "contradicted_verdicts": {"registry", "code"},
    "scan_images": {"result"},
    "build_info": {"version"},
}


def judged(registry: str, *findings: Finding) -> Judged:
    image = ContainerImage(
        role=Role.CONTAINER, name="c", image=f"{registry}/a:1", pull_policy=PullPolicy.ALWAYS, field="spec"
    )
    reference = Reference.parse(image.image)
    answer = Unresolved(reference=reference, failure=Failure.NOT_FOUND, message="")
    return Judged(image=image, findings=findings, resolution=answer)


GONE = Finding(code=Code.IMAGE_NOT_FOUND, cls=FindingClass.FAIL, message="", brief="", fix="")
LATEST = Finding(code=Code.LATEST_TAG, cls=FindingClass.WARN, message="", brief="", fix="")


def used() -> Metrics:
    metrics = Metrics(version="1.2.3", registries=["docker.io"])
    verdict = Verdict(
        workload=Workload(kind="Pod", namespace="", name=""),
        judged=(judged("docker.io", GONE, LATEST), judged("quay.io")),
    )
    metrics.arrived()
    metrics.answered("pods", "CREATE", "denied", dry_run=True, seconds=0.02, verdict=verdict)
    metrics.overran()
    metrics.request("docker.io", "HEAD", "200", 0.1)
    metrics.rate_limit("docker.io", 17)
    metrics.circuit("docker.io", open=True)
    metrics.cache("tags", CacheOutcome.COALESCED)
    metrics.pull_secret_error("forbidden")
    metrics.certificate_expires("serving", datetime(2027, 1, 1, tzinfo=UTC))
    metrics.config_loaded(ok=False)
    metrics.contradicted("docker.io", "unauthorized")
    metrics.scanned({Outcome.PASS: 3, Outcome.FAIL: 1})
    return metrics


def test_every_name_has_its_labels_and_no_other_is_there() -> None:
    content, content_type = used().render()
    assert content_type.startswith("text/plain")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(content.decode()):
        labels = set().union(*(sample.labels for sample in family.samples)) - {"le"}
        if not family.name.endswith("_created"):
            found[family.name.removeprefix("pullproof_")] = labels
    assert found == NAMES


def test_values() -> None:
    metrics = used()
    assert (
        value(
            metrics, "admission_requests_total", resource="pods", operation="CREATE", decision="denied", dry_run="true"
        )
        == 1
    )
    assert value(metrics, "admission_inflight_requests") == 0
    assert value(metrics, "admission_duration_seconds_bucket", resource="pods", decision="denied", le="0.025") == 1
    assert value(metrics, "image_checks_total", code="image-not-found", result="fail", registry="docker.io") == 1
    assert value(metrics, "image_checks_total", code="latest-tag", result="warn", registry="docker.io") == 1
    assert value(metrics, "registry_circuit_open", registry="docker.io") == 1
    assert value(metrics, "cache_lookups_total", cache="tags", outcome="coalesced") == 1
    assert value(metrics, "certificate_expiry_timestamp_seconds", cert="serving") == 1798761600
    assert value(metrics, "config_last_reload_successful") == 0
    assert value(metrics, "scan_images", result="error") == 0
    assert value(metrics, "build_info", version="1.2.3") == 1


def test_registries_are_bounded_and_those_of_the_configuration_never_lost() -> None:
    metrics = Metrics(registries=["docker.io"], others=3)
    for number in range(1000):
        metrics.request(f"r{number}.example", "HEAD", "200", 0.1)
        metrics.circuit(f"r{number}.example", open=False)
    metrics.request("docker.io", "HEAD", "200", 0.1)
    assert value(metrics, "registry_requests_total", registry="other", method="HEAD", outcome="200") == 997
    assert value(metrics, "registry_requests_total", registry="r2.example", method="HEAD", outcome="200") == 1
    assert value(metrics, "registry_requests_total", registry="docker.io", method="HEAD", outcome="200") == 1
    assert len({key for key in samples(metrics) if key[0] == "pullproof_registry_circuit_open"}) == 4


def test_a_registry_that_nobody_asks_any_more_is_not_dead() -> None:
    """A misspelt host would be called dead for ever: nobody asks again, so nothing closes its breaker."""
    now = 0.0
    metrics = Metrics(clock=lambda: now, others=2)
    for each in ("ghrc.io", "dead.example", "x.example", "y.example"):
        metrics.circuit(each, open=True)
    metrics.circuit("y.example", open=False)  # x.example is still dead, and they share a label
    dead = {each: value(metrics, "registry_circuit_open", registry=each) for each in ("ghrc.io", "dead.example", OTHER)}
    assert dead == {"ghrc.io": 1, "dead.example": 1, OTHER: 1}
    now = 500.0
    metrics.circuit("dead.example", open=True)
    now = 700.0
    dead = {each: value(metrics, "registry_circuit_open", registry=each) for each in ("ghrc.io", "dead.example", OTHER)}
    assert dead == {"ghrc.io": 0, "dead.example": 1, OTHER: 0}
    metrics.circuit("dead.example", open=False)
    assert value(metrics, "registry_circuit_open", registry="dead.example") == 0


def test_statuses_that_nobody_defined_are_one() -> None:
    metrics = Metrics()
    for status in (299, 799, 600):
        metrics.request("docker.io", "HEAD", str(status), 0.1)
    assert value(metrics, "registry_requests_total", registry="docker.io", method="HEAD", outcome="other") == 3


@pytest.mark.parametrize(("resource", "operation"), [("", ""), ("widgets", "PATCH")])
def test_resources_are_bounded(resource: str, operation: str) -> None:
    metrics = Metrics()
    metrics.arrived()
    metrics.answered(resource, operation, "refused", dry_run=False, seconds=0, verdict=None)
    labels = {"resource": "other", "operation": "other", "decision": "refused", "dry_run": "false"}
    assert value(metrics, "admission_requests_total", **labels) == 1


def test_it_is_what_the_registry_and_the_server_tell() -> None:
    metrics = Metrics()
    registry: Observer = metrics
    server: AdmissionObserver = metrics
    assert registry is server


def test_the_documentation_lists_them() -> None:
    page = (Path(__file__).parents[2] / "docs/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ?([\w, ]*) \|", page, re.MULTILINE)
    told = {name.removesuffix("_total"): {label for label in labels.split(", ") if label} for name, labels in rows}
    assert told == NAMES


def test_a_name_that_nobody_could_connect_to_is_no_label() -> None:
    metrics = Metrics(others=3)
    for number in range(3):
        metrics.request(f"{'a.' * 500_000}r{number}.example", "HEAD", "200", 0.1)
    metrics.request("reg.example", "HEAD", "200", 0.1)
    assert value(metrics, "registry_requests_total", registry="other", method="HEAD", outcome="200") == 3
    assert value(metrics, "registry_requests_total", registry="reg.example", method="HEAD", outcome="200") == 1


@pytest.mark.parametrize(("length", "kept"), [(10, True), (1_000_000, False)])
def test_what_large_pods_hold_is_let_go(length: int, kept: bool) -> None:
    """Only a small one is kept, with its tally, for the next pod that is judged as it was."""
    metrics = Metrics()
    images = (judged("a." * length + "example", GONE),)
    before = sys.getrefcount(images)
    metrics.arrived()
    verdict = Verdict(workload=Workload(kind="Pod", namespace="", name=""), judged=images)
    metrics.answered("pods", "CREATE", "denied", dry_run=False, seconds=0, verdict=verdict)
    del verdict
    after = sys.getrefcount(images)
    assert after - before == kept
