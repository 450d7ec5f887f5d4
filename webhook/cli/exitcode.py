"""Report -> exit code (pure): what was found decides, never the format it is shown in.

    --fail-on   1 when an image has     3 when, and nothing worse
    fail        a predicted failure     something could not be verified
    warn        that, or a warning      something could not be verified
    error       a predicted failure, or something that could not be verified
    never

2 where something could not be read, 130 where the person interrupted, whatever else there was.
"""

from enum import StrEnum
from typing import Final

from webhook.cli.session import FINDINGS, INCONCLUSIVE, INTERRUPTED, OK, USAGE
from webhook.policy.finding import FindingClass
from webhook.reports.report import Report


class FailOn(StrEnum):
    """What `--fail-on` takes."""

    FAIL = "fail"
    WARN = "warn"
    ERROR = "error"
    NEVER = "never"


_COUNTED: Final = {
    FailOn.FAIL: {FindingClass.FAIL},
    FailOn.WARN: {FindingClass.FAIL, FindingClass.WARN},
    FailOn.ERROR: {FindingClass.FAIL, FindingClass.ERROR},
}


def exit_code(report: Report, fail_on: FailOn) -> int:
    """Return the exit code of a report."""
    if report.interrupted:
        return INTERRUPTED
    if report.faults:
        return USAGE
    classes = {finding.cls for _, finding in report.findings()}
    if fail_on is FailOn.NEVER:
        return OK
    if classes & _COUNTED[fail_on]:
        return FINDINGS
    return INCONCLUSIVE if FindingClass.ERROR in classes else OK
