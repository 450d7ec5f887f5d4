"""Findings in, verdict out (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from webhook.policy.finding import Finding
from webhook.registry.resolution import Resolution
from webhook.workload.workload import ContainerImage, Workload


class Level(StrEnum):
    """off < baseline (acts on fail) < strict (also on warn)."""

    OFF = "off"
    BASELINE = "baseline"
    STRICT = "strict"


class Mode(StrEnum):
    """What is done with findings, as in Pod Security Admission."""

    ENFORCE = "enforce"
    WARN = "warn"
    AUDIT = "audit"


class Outcome(StrEnum):
    """One image's result; reports count these."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One image with its findings, in the order of CHECKS."""

    image: ContainerImage
    findings: tuple[Finding, ...] = ()
    resolution: Resolution | None = None
    skip: str | None = None

    @property
    def outcome(self) -> Outcome:
        """The worst class found: fail > error > warn; skip where nothing was checked."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done with a workload, by mode; empty tuples when a mode has nothing to act on.

    `levels` are the levels that were in force (after namespace labels). `skip` as in `Workload.skip` or by exemption.
    `denied` pairs are (image, finding) that forbid it under enforce; `warned` and `audited` likewise.
    `break_glass`: it would have been denied, and a named user was let through.
    """

    workload: Workload
    judged: tuple[Judged, ...] = ()
    levels: Mapping[Mode, Level] = field(default_factory=dict)
    denied: tuple[tuple[Judged, Finding], ...] = ()
    warned: tuple[tuple[Judged, Finding], ...] = ()
    audited: tuple[tuple[Judged, Finding], ...] = ()
    skip: str | None = None
    break_glass: bool = False

    @property
    def allowed(self) -> bool:
        """False when enforce forbids it."""
        return not self.denied
