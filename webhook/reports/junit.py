"""JUnit XML: a suite a file, a case an image (pure).

A predicted failure is a `failure`, what could not be verified an `error`; warnings are told in `system-out`, because
JUnit has no word for them. Texts are cleaned already, so nothing is left that XML 1.0 forbids.
"""

from collections.abc import Iterable
from xml.etree import ElementTree as Xml

from webhook.policy.decision import Outcome
from webhook.policy.finding import Finding, FindingClass
from webhook.reports.report import Report, ReportedImage, label

_NO_FILE = "images"


def render(report: Report) -> str:
    """Return the XML document."""
    root = Xml.Element("testsuites", {"name": "pullproof", **_counts(report.images)})
    for file, images in _by_file(report.images).items():
        suite = Xml.SubElement(root, "testsuite", {"name": file, **_counts(images)})
        for image in images:
            _case(suite, image)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _by_file(images: Iterable[ReportedImage]) -> dict[str, list[ReportedImage]]:
    files: dict[str, list[ReportedImage]] = {}
    for image in images:
        files.setdefault(image.place.file if image.place else _NO_FILE, []).append(image)
    return files


def _counts(images: Iterable[ReportedImage]) -> dict[str, str]:
    outcomes = [image.outcome for image in images]
    return {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count(Outcome.FAIL)),
        "errors": str(outcomes.count(Outcome.ERROR)),
        "skipped": str(outcomes.count(Outcome.SKIP)),
        "time": "0",
    }


def _case(suite: Xml.Element, image: ReportedImage) -> None:
    name = " ".join(part for part in (image.container, image.image) if part)
    workload = "/".join(part for part in (image.kind, image.namespace, image.name) if part)
    place = {"file": image.place.file, "line": str(image.place.line)} if image.place else {}
    case = Xml.SubElement(suite, "testcase", {"name": name, "classname": workload or _NO_FILE, "time": "0", **place})
    match image.outcome:
        case Outcome.FAIL:
            _told(case, "failure", image, FindingClass.FAIL)
        case Outcome.ERROR:
            _told(case, "error", image, FindingClass.ERROR)
        case Outcome.SKIP:
            Xml.SubElement(case, "skipped", {"message": image.skip or "nothing to check"})
        case Outcome.WARN | Outcome.PASS if image.findings:
            Xml.SubElement(case, "system-out").text = _text(image)


def _told(case: Xml.Element, tag: str, image: ReportedImage, cls: FindingClass) -> None:
    first = next(finding for finding in image.findings if finding.cls is cls)
    Xml.SubElement(case, tag, {"type": first.code.value, "message": first.message}).text = _text(image)


def _text(image: ReportedImage) -> str:
    return "\n".join(_line(finding) for finding in image.findings)


def _line(finding: Finding) -> str:
    doubt = f" not certain: {finding.doubt}." if finding.doubt else ""
    fix = f" fix: {finding.fix}" if finding.fix else ""
    return f"{label(finding)}: {finding.message} [{finding.code}]{doubt}{fix}"
