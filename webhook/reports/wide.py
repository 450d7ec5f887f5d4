"""Every image in one table, those that would be pulled too (pure)."""

from collections.abc import Sequence

from webhook.reports.escape import cut
from webhook.reports.report import Report, ReportedImage
from webhook.reports.text import COLOURS, count, paint

_TITLES = ("VERDICT", "IMAGE", "WORKLOAD", "CONTAINER", "FINDINGS", "DIGEST", "PLATFORMS", "SOURCE")
_LONGEST = 80


def render(report: Report, *, colours: bool = False) -> str:
    """Return the table, and the count as its last line."""
    rows = [_TITLES, *(_row(image) for image in report.images)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]
    lines = [_line(row, widths) for row in rows]
    for number, image in enumerate(report.images, start=1):
        word = image.outcome.value
        lines[number] = paint(word, COLOURS[image.outcome], colours=colours) + lines[number][len(word) :]
    return "\n".join([*lines, count(report, colours=colours)]) + "\n"


def _row(image: ReportedImage) -> tuple[str, ...]:
    resolved = image.resolved
    codes = ",".join(finding.code for finding in image.findings)
    return tuple(
        cut(cell, _LONGEST) or "-"
        for cell in (
            image.outcome.value,
            image.image,
            image.workload,
            image.container,
            codes or image.skip,
            resolved.digest.partition(":")[2][:12] if resolved else "",
            ",".join(image.platforms),
            str(image.place) if image.place else "",
        )
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
