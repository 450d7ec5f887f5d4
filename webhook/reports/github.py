"""GitHub workflow commands: annotations on the lines of a pull request (pure).

    ::error file=deploy/api.yaml,line=17,col=18,endColumn=42,title=image-not-found::…

GitHub shows at most ten errors and ten warnings of a step; the log has them all. Files are looked up from the root of
the repository. Source: actions/toolkit, packages/core/src/command.ts.
"""

from webhook.policy.finding import Finding, FindingClass
from webhook.reports.escape import github_message, github_property
from webhook.reports.report import Report, ReportedImage, label
from webhook.reports.text import count

_COMMANDS = {
    FindingClass.FAIL: "error",
    FindingClass.WARN: "warning",
    FindingClass.ERROR: "warning",
    FindingClass.SKIP: "notice",
}


def render(report: Report) -> str:
    """Return a command a finding, and the count as plain text."""
    lines = [_command(image, finding) for image, finding in report.findings()]
    return "\n".join([*lines, count(report)]) + "\n"


def _command(image: ReportedImage, finding: Finding) -> str:
    properties = ",".join(f"{key}={github_property(value)}" for key, value in _properties(image, finding).items())
    return f"::{_COMMANDS[finding.cls]} {properties}::{github_message(_message(image, finding))}"


def _properties(image: ReportedImage, finding: Finding) -> dict[str, str]:
    title = {"title": f"{label(finding)}: {finding.code}"}
    place = image.place
    if place is None:
        return title
    where = {"file": place.file, "line": str(place.line), "endLine": str(place.end_line), "col": str(place.column)}
    # a column means nothing to GitHub where the lines differ
    columns = {"endColumn": str(place.end_column)} if place.line == place.end_line else {}
    return where | columns | title


def _message(image: ReportedImage, finding: Finding) -> str:
    where = f" ({image.where})" if image.where else ""
    fix = f"\nfix: {finding.fix}" if finding.fix else ""
    doubt = f"\nnot certain: {finding.doubt}" if finding.doubt else ""
    return f"{image.image}{where}: {finding.message}{doubt}{fix}"
