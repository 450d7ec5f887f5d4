"""What was found out, ready to be shown (pure).

A `Report` holds every image in input order. Its texts are cleaned here, once, so that no format can forget it. A
finding that somebody has chosen to ignore is kept apart, with the reason: it counts for nothing, but some formats tell
of it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol

from webhook.image.manifest import Index, Manifest
from webhook.policy.decision import Judged, Outcome, Verdict
from webhook.policy.finding import Certainty, Finding
from webhook.registry.resolution import Resolution, Resolved
from webhook.reports.escape import clean

Suppress = Callable[["ReportedImage", Finding], str]
"""Why a finding does not count, or ""."""


class Source(Protocol):
    """Where an image is written; counted from 1, the end is exclusive."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...

    @property
    def end_line(self) -> int: ...

    @property
    def end_column(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cleaned `Source`."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A file, or a part of one, that could not be judged. `line` is 0 where no line is to blame."""

    file: str
    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """A finding that does not count, and why."""

    finding: Finding
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedImage:
    """One image of one container. Everything about the workload is "" for an image named on the command line."""

    image: str
    kind: str = ""
    api_version: str = ""
    namespace: str = ""
    name: str = ""
    role: str = ""
    container: str = ""
    field: str = ""
    place: Place | None = None
    outcome: Outcome = Outcome.PASS
    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    skip: str = ""
    resolution: Resolution | None = None

    @property
    def workload(self) -> str:
        """`Deployment shop/api`, or ""."""
        path = "/".join(part for part in (self.namespace, self.name) if part)
        return f"{self.kind} {path}" if self.kind else ""

    @property
    def where(self) -> str:
        """`container "api" of Deployment shop/api`, or ""."""
        container = f'{self.role or "container"} "{self.container}"' if self.container else self.role
        return " of ".join(part for part in (container, self.workload) if part)

    @property
    def resolved(self) -> Resolved | None:
        """What the registry has, if it has it."""
        return self.resolution if isinstance(self.resolution, Resolved) else None

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that were seen in the index or the config, in their order, each once; empty = not looked at."""
        resolved = self.resolved
        match resolved.content if resolved else None:
            case Index(manifests=manifests):
                found = [clean(str(entry.platform)) for entry in manifests if entry.platform is not None]
                return tuple(dict.fromkeys(text for text in found if text != "unknown/unknown"))
            case Manifest(platform=platform) if platform is not None:
                return (clean(str(platform)),)
            case _:
                return ()

    def fingerprint(self, finding: Finding) -> str:
        """Name a finding so that it is the same on the next run, whatever moved around it: no line, no message."""
        parts = (finding.code, self.kind, self.namespace, self.name, self.role, self.container, self.image)
        return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All images in input order.

    `faults`: what could not be read. `interrupted`: more images were wanted. `skipped`: documents that are no objects.
    """

    images: tuple[ReportedImage, ...] = ()
    faults: tuple[Fault, ...] = ()
    interrupted: bool = False
    skipped: int = 0

    @property
    def summary(self) -> Mapping[Outcome, int]:
        """How many images have each outcome; every outcome is there."""
        counted = Counter(image.outcome for image in self.images)
        return {outcome: counted[outcome] for outcome in Outcome}

    def findings(self) -> Iterator[tuple[ReportedImage, Finding]]:
        """Yield every finding that counts, with its image."""
        for image in self.images:
            for finding in image.findings:
                yield image, finding


def reported(
    verdict: Verdict, sources: Mapping[str, Source], *, api_version: str = "", suppress: Suppress = lambda _, __: ""
) -> tuple[ReportedImage, ...]:
    """Return the images of a verdict; `sources` by field path. A skipped workload shows every image as skipped."""
    judged = verdict.judged or tuple(Judged(image=image, skip=verdict.skip) for image in verdict.workload.images)
    images = []
    for each in judged:
        reasons = {
            finding.code: suppress(_image(verdict, each, sources, api_version), finding) for finding in each.findings
        }
        kept = each.without({code: reason for code, reason in reasons.items() if reason})
        images.append(_image(verdict, kept, sources, api_version))
    return tuple(images)


def _image(verdict: Verdict, judged: Judged, sources: Mapping[str, Source], api_version: str) -> ReportedImage:
    workload, image = verdict.workload, judged.image
    return ReportedImage(
        image=clean(image.image),
        kind=clean(workload.kind),
        api_version=clean(api_version),
        namespace=clean(workload.namespace),
        name=clean(workload.name),
        role=image.role.value if workload.kind else "",
        container=clean(image.name),
        field=clean(image.field),
        place=_place(sources.get(image.field)),
        outcome=judged.outcome,
        findings=tuple(_cleaned(finding) for finding in judged.findings),
        suppressed=tuple(Suppressed(finding=_cleaned(each), reason=clean(why)) for each, why in judged.ignored),
        skip=clean(judged.skip or ""),
        resolution=judged.resolution,
    )


def _cleaned(finding: Finding) -> Finding:
    return replace(
        finding, message=clean(finding.message), fix=clean(finding.fix), doubt=clean(finding.doubt), brief=finding.brief
    )


def _place(source: Source | None) -> Place | None:
    if source is None:
        return None
    return Place(
        file=clean(source.file),
        line=source.line,
        column=source.column,
        end_line=source.end_line,
        end_column=source.end_column,
    )


def label(finding: Finding) -> str:
    """Return the class as reports write it: `fail`, `fail (likely)`, `warn`, `not verified`, `skip`."""
    if finding.certainty is Certainty.LIKELY:
        return f"{finding.cls.value} (likely)"
    return "not verified" if finding.cls.value == Outcome.ERROR.value else finding.cls.value
