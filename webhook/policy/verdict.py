"""What was found of each image, and what is to be done with the workload (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.level import Level, Mode
from webhook.registry.resolution import Resolution, Unresolved
from webhook.workload.workload import ContainerImage, Workload

_WORST_FIRST: Final = (FindingClass.FAIL, FindingClass.ERROR, FindingClass.WARN)


class Outcome(StrEnum):
    """One image's result; reports count these."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One image with its findings, in the order of CHECKS.

    `skip`: why nobody was asked, or by which exemption. `ignored`: findings that an exemption or an annotation sets
    aside, with its reason.
    """

    image: ContainerImage
    findings: tuple[Finding, ...] = ()
    resolution: Resolution | None = None
    skip: str | None = None
    ignored: tuple[tuple[Finding, str], ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst class found: fail > error > warn; skip where nothing was checked, or what spoke was set aside."""
        if not self.findings and not self.ignored:
            return Outcome.SKIP if self.skip is not None or isinstance(self.resolution, Unresolved) else Outcome.PASS
        classes = {finding.cls for finding in self.findings}
        worst = next((cls for cls in _WORST_FIRST if cls in classes), None)
        if worst is not None:
            return Outcome(worst.value)
        silenced = any(finding.cls is not FindingClass.WARN for finding, _ in self.ignored)
        open_question = isinstance(self.resolution, Unresolved)
        skipped = self.skip is not None or bool(classes) or silenced or open_question
        return Outcome.SKIP if skipped else Outcome.PASS

    def without(self, reasons: Mapping[Code, str], *, skip: str | None = None) -> "Judged":
        """Return it with the findings of some codes set aside."""
        if skip is None and not any(finding.code in reasons for finding in self.findings):
            return self
        kept = tuple(finding for finding in self.findings if finding.code not in reasons)
        aside = tuple((finding, reasons[finding.code]) for finding in self.findings if finding.code in reasons)
        return replace(self, findings=kept, ignored=self.ignored + aside, skip=skip or self.skip)


Pair = tuple[Judged, Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done with a workload, by mode; empty tuples when a mode has nothing to act on.

    `levels` are the levels that were in force (after namespace labels). `skip` as in `Workload.skip` or by exemption.
    `denied` pairs are (image, finding) that forbid it under enforce; `warned` and `audited` likewise. What a denial
    says is not warned about again, as in Pod Security Admission.
    `break_glass`: it would have been denied, and a named user was let through.
    """

    workload: Workload
    judged: tuple[Judged, ...] = ()
    levels: Mapping[Mode, Level] = field(default_factory=dict)
    denied: tuple[Pair, ...] = ()
    warned: tuple[Pair, ...] = ()
    audited: tuple[Pair, ...] = ()
    skip: str | None = None
    break_glass: bool = False

    @property
    def allowed(self) -> bool:
        """False when enforce forbids it."""
        return not self.denied
