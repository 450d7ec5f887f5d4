"""The stable shape of a report for programs, schemaVersion "1" (pure).

Keys are only ever added under a new version. `json` and `yaml` write this one value.
"""

from webhook.policy.finding import Finding
from webhook.reports.escape import clean
from webhook.reports.report import Report, ReportedImage

SCHEMA_VERSION = "1"

Shape = dict[str, "Shape"] | list["Shape"] | str | int | None


def shape(report: Report) -> Shape:
    """Return the report as plain values."""
    images: list[Shape] = [_image(image) for image in report.images]
    summary: Shape = {outcome.value: number for outcome, number in report.summary.items()}
    return {"schemaVersion": SCHEMA_VERSION, "images": images, "summary": summary}


def _image(image: ReportedImage) -> Shape:
    findings: list[Shape] = [_finding(finding) for finding in image.findings]
    return {
        "image": image.image,
        "workload": {"kind": image.kind, "namespace": image.namespace, "name": image.name},
        "container": image.container,
        "field": image.field,
        "source": _source(image),
        "verdict": image.outcome.value,
        "findings": findings,
        "resolved": _resolved(image),
    }


def _source(image: ReportedImage) -> Shape:
    place = image.place
    return {"file": place.file, "line": place.line, "column": place.column} if place else None


def _finding(finding: Finding) -> Shape:
    return {
        "code": finding.code.value,
        "class": finding.cls.value,
        "certainty": finding.certainty.value if finding.certainty else None,
        "message": finding.message,
        "fix": finding.fix,
    }


def _resolved(image: ReportedImage) -> Shape:
    resolved = image.resolved
    if resolved is None:
        return None
    platforms: list[Shape] = list(image.platforms)
    return {"digest": resolved.digest, "mediaType": clean(resolved.media_type), "platforms": platforms}
