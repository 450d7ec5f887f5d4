"""For people and terminals: one line a finding, as compilers write them, and a count at the end (pure).

deploy/api.yaml:17:18: fail: ghcr.io/acme/api:1.4.2: tag not found. Nearest tags: 1.4.1, 1.4.0. [image-not-found]
    container "api" of Deployment shop/api
    fix: …
"""

from collections.abc import Iterator
from enum import StrEnum

from webhook.policy.decision import Outcome
from webhook.policy.finding import Finding, FindingClass
from webhook.reports.escape import cut
from webhook.reports.report import Report, ReportedImage, label

_LONGEST_IMAGE = 120


class Colour(StrEnum):
    """What a terminal is told (ECMA-48, SGR)."""

    RED = "\x1b[1;31m"
    YELLOW = "\x1b[33m"
    MAGENTA = "\x1b[35m"
    GREEN = "\x1b[32m"
    DIM = "\x1b[2m"
    RESET = "\x1b[0m"


COLOURS = {
    Outcome.FAIL: Colour.RED,
    Outcome.WARN: Colour.YELLOW,
    Outcome.ERROR: Colour.MAGENTA,
    Outcome.PASS: Colour.GREEN,
    Outcome.SKIP: Colour.DIM,
}


def paint(text: str, colour: Colour, *, colours: bool) -> str:
    """Return the text in a colour, or as it is."""
    return f"{colour}{text}{Colour.RESET}" if colours else text


def render(report: Report, *, colours: bool = False) -> str:
    """Return all findings and the count; an image named on the command line has a line of its own when all is well."""
    told: set[str] = set()
    lines: list[str] = []
    for image in report.images:
        lines += _image(image, told, colours)
    return "\n".join([*lines, count(report, colours=colours)]) + "\n"


def count(report: Report, *, colours: bool = False) -> str:
    """Return `12 images: 9 pass, 1 warn, 2 fail`."""
    total = len(report.images)
    parts = [
        paint(f"{number} {'not verified' if outcome is Outcome.ERROR else outcome}", COLOURS[outcome], colours=colours)
        for outcome, number in report.summary.items()
        if number
    ]
    ignored = sum(len(image.suppressed) for image in report.images)
    asides = [f"{ignored} finding{'s' if ignored != 1 else ''} ignored"] if ignored else []
    if report.skipped:
        asides.append(f"{report.skipped} other YAML document{'s' if report.skipped != 1 else ''} skipped")
    end = f" ({', '.join(asides)})" if asides else ""
    return f"{total} image{'s' if total != 1 else ''}{': ' if parts else ''}{', '.join(parts)}{end}"


def _image(image: ReportedImage, told: set[str], colours: bool) -> Iterator[str]:
    for finding in image.findings:
        yield from _finding(image, finding, told, colours)
    if not image.findings and image.place is None and not image.kind:
        yield f"{paint(image.outcome, COLOURS[image.outcome], colours=colours)}: {_name(image)}{_detail(image)}"


def _detail(image: ReportedImage) -> str:
    resolved = image.resolved
    if image.skip or resolved is None:
        return f": {image.skip}" if image.skip else ""
    platforms = f" ({', '.join(image.platforms)})" if image.platforms else ""
    return f" is {resolved.digest}{platforms}"


def _finding(image: ReportedImage, finding: Finding, told: set[str], colours: bool) -> Iterator[str]:
    place = f"{image.place}: " if image.place else ""
    word = paint(label(finding), _colour(finding.cls), colours=colours)
    yield f"{place}{word}: {_name(image)}: {finding.message} [{finding.code}]"
    if image.where:
        yield f"    {image.where}"
    if finding.doubt:
        yield f"    not certain: {finding.doubt}"
    if finding.fix and finding.fix not in told:  # the same advice once is enough
        told.add(finding.fix)
        yield f"    fix: {finding.fix}"


def _name(image: ReportedImage) -> str:
    return cut(image.image, _LONGEST_IMAGE) or '""'


def _colour(cls: FindingClass) -> Colour:
    return COLOURS[Outcome(cls.value)]
