"""PolicyReports of the Kubernetes policy working group, as one YAML stream (pure).

`wgpolicyk8s.io/v1alpha2`: one PolicyReport a namespace, and a ClusterPolicyReport for what belongs to none. An image
without findings is one `pass` result, so that dashboards can tell "good" from "never looked".
"""

from collections.abc import Iterable

from webhook.policy.decision import Outcome
from webhook.policy.finding import Finding, FindingClass
from webhook.reports.report import Report, ReportedImage
from webhook.reports.shape import Shape
from webhook.reports.yaml import dump

_SOURCE = "pullproof"
_SEVERITIES = {FindingClass.FAIL: "high", FindingClass.WARN: "low"}
"""What could not be found out has none: the published schema knows high, medium and low only, and refuses the rest."""


def render(report: Report) -> str:
    """Return the reports in the order in which their namespaces first appear."""
    namespaces: dict[str, list[ReportedImage]] = {}
    for image in report.images:
        namespaces.setdefault(image.namespace if image.kind else "", []).append(image)
    return "---\n".join(dump(report_of(namespace, images)) for namespace, images in namespaces.items())


def report_of(namespace: str, images: Iterable[ReportedImage]) -> dict[str, Shape]:
    """Return the report of one namespace, or a ClusterPolicyReport for namespace ""."""
    results = [result for image in images for result in _results(image)]
    metadata: dict[str, Shape] = {"name": _SOURCE}
    if namespace:
        metadata["namespace"] = namespace
    listed: list[Shape] = [*results]
    summary: dict[str, Shape] = {
        outcome.value: sum(result["result"] == outcome.value for result in results) for outcome in Outcome
    }
    return {
        "apiVersion": "wgpolicyk8s.io/v1alpha2",
        "kind": "PolicyReport" if namespace else "ClusterPolicyReport",
        "metadata": metadata,
        "summary": summary,
        "results": listed,
    }


def _results(image: ReportedImage) -> list[dict[str, Shape]]:
    if image.findings:
        return [_finding(image, finding) for finding in image.findings]
    message = image.skip or "would be pulled"
    return [{**_result(image, image.outcome.value, message), "rule": "pull"}]


def _finding(image: ReportedImage, finding: Finding) -> dict[str, Shape]:
    properties: dict[str, Shape] = {**_properties(image), "fix": finding.fix}
    if finding.certainty:
        properties["certainty"] = finding.certainty.value
    severity = _SEVERITIES.get(finding.cls)
    graded: dict[str, Shape] = {"severity": severity} if severity else {}
    return {
        **_result(image, finding.cls.value, finding.message),
        "rule": finding.code.value,
        **graded,
        "properties": properties,
    }


def _result(image: ReportedImage, result: str, message: str) -> dict[str, Shape]:
    return {
        "source": _SOURCE,
        "policy": _SOURCE,
        "category": "Image pulls",
        "result": result,
        "scored": result not in (Outcome.SKIP, Outcome.ERROR),
        "message": message,
        "resources": _resources(image),
        "properties": _properties(image),
    }


def _properties(image: ReportedImage) -> dict[str, Shape]:
    pairs = {"image": image.image, "container": image.container, "field": image.field}
    return {key: value for key, value in pairs.items() if value}


def _resources(image: ReportedImage) -> list[Shape]:
    if not image.kind:
        return []
    pairs = {
        "apiVersion": image.api_version,
        "kind": image.kind,
        "namespace": image.namespace,
        "name": image.name,
    }
    named: dict[str, Shape] = {key: value for key, value in pairs.items() if value}
    return [named]
