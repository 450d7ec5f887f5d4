"""What is known already and shall not fail a build: a file of fingerprints (I/O).

An old repository writes its baseline once (`--write-baseline FILE`), keeps it with the code, and from then on only
what is new counts (`--baseline FILE`). Fingerprints hold no lines, so that text may move; a finding of another image
or of another code is a new one. What could not be verified is never written: it is a matter of the moment.
"""

import json
from collections.abc import Callable

import msgspec

from webhook.cli.session import UsageProblem
from webhook.policy.finding import Finding, FindingClass
from webhook.reports.report import Report, ReportedImage

REASON = "in the baseline"


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One finding; all but the fingerprint is for whoever reads the file."""

    fingerprint: str
    code: str
    image: str
    workload: str


class Baseline(msgspec.Struct, frozen=True, rename="camel"):
    """The file."""

    schema_version: str
    findings: list[Known]


def load(file: str) -> Baseline:
    """Read a baseline; raise `UsageProblem` with what to do where that cannot be done."""
    advice = f"write it anew: pullproof check … --write-baseline {file}"
    try:
        with open(file, "rb") as stream:
            baseline = msgspec.json.decode(stream.read(), type=Baseline)
    except FileNotFoundError as error:
        raise UsageProblem(f"no baseline {file!r}; {advice}") from error
    except OSError as error:
        raise UsageProblem(f"cannot read baseline {file!r}: {(error.strerror or '').lower()}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = str(error)
        raise UsageProblem(f"baseline {file!r}: {reason[:1].lower()}{reason[1:]}; {advice}") from error
    if baseline.schema_version != "1":
        raise UsageProblem(f"baseline {file!r} has schemaVersion {baseline.schema_version!r}, not '1'; {advice}")
    return baseline


def suppress(baseline: Baseline) -> Callable[[ReportedImage, Finding], str]:
    """Return what takes the known findings out of a report."""
    known = {finding.fingerprint for finding in baseline.findings}

    def reason(image: ReportedImage, finding: Finding) -> str:
        return REASON if finding.cls is not FindingClass.ERROR and image.fingerprint(finding) in known else ""

    return reason


def stale(baseline: Baseline, report: Report) -> int:
    """Count the known findings that the report no longer has."""
    seen = {
        image.fingerprint(suppressed.finding)
        for image in report.images
        for suppressed in image.suppressed
        if suppressed.reason == REASON
    }
    return sum(finding.fingerprint not in seen for finding in baseline.findings)


def text(report: Report) -> str:
    """Return the baseline of a report: each finding once, in a stable order."""
    known = {
        image.fingerprint(finding): {
            "fingerprint": image.fingerprint(finding),
            "code": finding.code.value,
            "image": image.image,
            "workload": image.workload,
        }
        for image, finding in report.findings()
        if finding.cls in (FindingClass.FAIL, FindingClass.WARN)
    }
    ordered = sorted(known.values(), key=lambda one: (one["workload"], one["image"], one["code"], one["fingerprint"]))
    return json.dumps({"schemaVersion": "1", "findings": ordered}, indent=2, ensure_ascii=False) + "\n"
