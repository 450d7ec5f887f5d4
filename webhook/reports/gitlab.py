"""GitLab Code Quality: a JSON list of issues for the merge request (pure).

GitLab keeps one issue a fingerprint, and compares fingerprints between branches: so they hold no line, and one that
comes twice is numbered. Source: docs.gitlab.com, ci/testing/code_quality, "Code Quality report format".
"""

import json
from collections import Counter
from hashlib import sha256

from webhook.policy.finding import Finding, FindingClass
from webhook.reports.report import Report, ReportedImage, label

_SEVERITIES = {
    FindingClass.FAIL: "major",
    FindingClass.WARN: "minor",
    FindingClass.ERROR: "info",
    FindingClass.SKIP: "info",
}

Issue = dict[str, str | dict[str, str | dict[str, int]]]


def render(report: Report) -> str:
    """Return the list; an image that stands in no file is shown under its own name, as GitLab wants a path."""
    seen: Counter[str] = Counter()
    issues: list[Issue] = []
    for image, finding in report.findings():
        fingerprint = image.fingerprint(finding)
        issues.append(_issue(image, finding, _numbered(fingerprint, seen[fingerprint])))
        seen[fingerprint] += 1
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"


def _issue(image: ReportedImage, finding: Finding, fingerprint: str) -> Issue:
    place = image.place
    path = place.file if place else image.image
    return {
        "description": f"{label(finding)}: {image.image}: {finding.message}",
        "check_name": finding.code.value,
        "fingerprint": fingerprint,
        "severity": "critical" if finding.certain else _SEVERITIES[finding.cls],
        "location": {"path": path, "lines": {"begin": place.line if place else 1}},
    }


def _numbered(fingerprint: str, earlier: int) -> str:
    return sha256(f"{fingerprint} {earlier}".encode()).hexdigest() if earlier else fingerprint
