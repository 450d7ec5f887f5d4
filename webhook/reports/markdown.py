"""GitHub-flavoured Markdown for comments, step summaries and tickets (pure)."""

from collections.abc import Iterator

from webhook.policy.decision import Outcome
from webhook.policy.finding import Finding, FindingClass
from webhook.reports.escape import cut, markdown, markdown_code
from webhook.reports.report import Report, ReportedImage, label
from webhook.reports.text import count

_SIGNS = {FindingClass.FAIL: "❌", FindingClass.WARN: "⚠️", FindingClass.ERROR: "❔", FindingClass.SKIP: "➖"}
_LONGEST = 120


def render(report: Report) -> str:
    """Return a headline, a table of the findings, and what was ignored."""
    lines = [f"### Pullproof: {_headline(report)}", "", count(report), ""]
    rows = [_row(image, finding) for image, finding in report.findings()]
    if rows:
        lines += ["| | image | where | finding |", "|---|---|---|---|", *rows, ""]
    ignored = list(_ignored(report))
    if ignored:
        lines += ["<details><summary>ignored</summary>", "", *ignored, "", "</details>", ""]
    return "\n".join(lines)


def _headline(report: Report) -> str:
    failing = report.summary[Outcome.FAIL]
    unknown = report.summary[Outcome.ERROR]
    if failing:
        return f"{failing} of {_images(len(report.images))} would not be pulled"
    if unknown:
        return f"{unknown} of {_images(len(report.images))} could not be verified"
    return "every image would be pulled" if report.images else "no images"


def _images(number: int) -> str:
    return f"{number} image{'s' if number != 1 else ''}"


def _row(image: ReportedImage, finding: Finding) -> str:
    where = "<br>".join(
        part
        for part in (
            markdown_code(f"{image.place.file}:{image.place.line}") if image.place else "",
            markdown(image.where),
        )
        if part
    )
    doubt = f"<br>not certain: {markdown(finding.doubt)}" if finding.doubt else ""
    fix = f"<br>**fix:** {markdown(finding.fix)}" if finding.fix else ""
    text = f"**{label(finding)}**: {markdown(finding.message)} {markdown_code(finding.code)}{doubt}{fix}"
    return f"| {_SIGNS[finding.cls]} | {_image(image)} | {where} | {text} |"


def _image(image: ReportedImage) -> str:
    return markdown_code(cut(image.image, _LONGEST) or '""')


def _ignored(report: Report) -> Iterator[str]:
    for image in report.images:
        for suppressed in image.suppressed:
            code = markdown_code(suppressed.finding.code)
            yield f"- {_image(image)} {code}: {markdown(suppressed.reason)}"
