"""SARIF 2.1.0 for code scanning (pure).

Regions are the `image:` scalars; a fingerprint holds no line, so that a result stays itself when text moves around it.
What could not be verified is a `note`. Source: OASIS SARIF 2.1.0, sections 3.14 (run), 3.27 (result), 3.30 (region).
"""

import json
from urllib.parse import quote

from webhook import __version__
from webhook.policy.finding import Finding, FindingClass
from webhook.reports.report import Fault, Place, Report, ReportedImage, Suppressed
from webhook.reports.rulebook import Rule, rulebook
from webhook.reports.shape import Shape

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    FindingClass.FAIL: "error",
    FindingClass.WARN: "warning",
    FindingClass.ERROR: "note",
    FindingClass.SKIP: "none",
}
_ROOT = "%SRCROOT%"


def render(report: Report) -> str:
    """Return the log as indented JSON; findings that were ignored are there, as suppressed."""
    log: Shape = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(report)]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _run(report: Report) -> Shape:
    results: list[Shape] = []
    for image in report.images:
        results += [_result(image, finding) for finding in image.findings]
        results += [_suppressed(image, suppressed) for suppressed in image.suppressed]
    rules: list[Shape] = [_rule(rule) for rule in rulebook()]
    return {
        "tool": {"driver": {"name": "pullproof", "semanticVersion": __version__, "rules": rules}},
        "invocations": [_invocation(report)],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }


def _rule(rule: Rule) -> Shape:
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.page.title},
        "help": {"text": rule.text, "markdown": rule.markdown},
        "defaultConfiguration": {"level": _LEVELS[rule.cls]},
    }


def _invocation(report: Report) -> Shape:
    faults: list[Shape] = [_fault(fault) for fault in report.faults]
    return {
        "executionSuccessful": not (report.interrupted or report.faults),
        "toolExecutionNotifications": faults,
    }


def _fault(fault: Fault) -> Shape:
    physical: dict[str, Shape] = {"artifactLocation": _artifact(fault.file)}
    if fault.line:
        physical["region"] = {"startLine": fault.line}
    return {"level": "error", "message": {"text": fault.message}, "locations": [{"physicalLocation": physical}]}


def _result(image: ReportedImage, finding: Finding) -> dict[str, Shape]:
    physical = [_physical(image.place)] if image.place else []
    logical: list[Shape] = (
        [{"fullyQualifiedName": f"{image.workload}/{image.container}", "kind": "resource"}] if image.kind else []
    )
    locations: list[Shape] = [{"physicalLocation": place, "logicalLocations": logical} for place in physical]
    if logical and not physical:  # of a live cluster: there is no file
        locations = [{"logicalLocations": logical}]
    return {
        "ruleId": finding.code.value,
        "level": _LEVELS[finding.cls],
        "message": {"text": _message(image, finding)},
        "locations": locations,
        "partialFingerprints": {"pullproof/v1": image.fingerprint(finding)},
        "properties": {
            "image": image.image,
            "class": finding.cls.value,
            "certainty": finding.certainty.value if finding.certainty else None,
        },
    }


def _suppressed(image: ReportedImage, suppressed: Suppressed) -> Shape:
    why: list[Shape] = [{"kind": "external", "justification": suppressed.reason}]
    return {**_result(image, suppressed.finding), "suppressions": why}


def _message(image: ReportedImage, finding: Finding) -> str:
    doubt = f" Not certain: {finding.doubt}." if finding.doubt else ""
    fix = f" Fix: {finding.fix}" if finding.fix else ""
    where = f" ({image.where})" if image.where else ""
    return f"{image.image}{where}: {finding.message}{doubt}{fix}"


def _physical(place: Place) -> Shape:
    region: Shape = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    return {"artifactLocation": _artifact(place.file), "region": region}


def _artifact(file: str) -> Shape:
    """Return a URI: relative to the root of the sources unless the path is absolute; brackets of `<stdin>` are none."""
    uri = quote(file.strip("<>"), safe="/")
    return {"uri": f"file://{uri}"} if uri.startswith("/") else {"uri": uri, "uriBaseId": _ROOT}
