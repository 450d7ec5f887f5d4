"""Findings in, verdict out (pure).

    class                acts from    denies under enforce
    fail, certain        baseline     yes
    fail, likely         baseline     never: something unseen could prove it wrong
    warn                 strict       the tag policies, and checks whose own level is stated
    error                baseline     only with onUnknown: deny, and only where the name did not resolve
    skip                 never        never

A check's own level replaces "acts from". Nothing denies where the object is not among what is enforced, where this
request did not change the image, and for ephemeral containers; nor while `enforce` is off, nor for a break-glass user.
Of a partial workload nothing denies that an exemption may be about.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Final

from webhook.image.platform import Platform
from webhook.policy.cause import cause
from webhook.policy.evidence import Evidence, NodeFacts
from webhook.policy.exemption import Exemption, ignored_codes
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.policy.level import DEFAULT_LEVELS, labelled_levels
from webhook.policy.level import Level as Level
from webhook.policy.level import Mode as Mode
from webhook.policy.statements import Statements
from webhook.policy.verdict import Judged as Judged
from webhook.policy.verdict import Outcome as Outcome
from webhook.policy.verdict import Pair
from webhook.policy.verdict import Verdict as Verdict
from webhook.policy.wording import one_line
from webhook.registry.resolution import Resolved, Unresolved
from webhook.workload.workload import Role, Subject, Workload

TAG_POLICIES: Final = frozenset({Code.LATEST_TAG, Code.UNPINNED_DIGEST, Code.TAG_MOVED})
"""The warnings that `enforce: strict` denies: what they find is certain, and a matter of the cluster's own rules."""

_ACTS_FROM: Final = {
    FindingClass.FAIL: Level.BASELINE,
    FindingClass.ERROR: Level.BASELINE,
    FindingClass.WARN: Level.STRICT,
    FindingClass.SKIP: Level.OFF,
}


_findings_of = attrgetter("findings")


@dataclass(frozen=True, slots=True)
class ActiveCheck:
    """A check that is on, with its options inside. `of_cause`: it finds nothing unless its code is the cause."""

    code: Code
    find: Callable[[Evidence], Finding | None]
    of_cause: bool = False


def utc_today() -> date:
    """Return today's date in UTC."""
    return datetime.now(UTC).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How findings are made, and what is done with them; an immutable value made of settings.

    `checks`: those that are on, in the order of CHECKS. `check_levels`: the levels that were stated for checks.
    `enforcing` False is the kill switch. `ignores_deny`: annotations may set aside what would deny.
    `deep`: configs and layers are to be looked at too. `today`: the date (UTC) by which exemptions expire.
    """

    checks: tuple[ActiveCheck, ...] = ()
    levels: Mapping[Mode, Level] = field(default_factory=lambda: DEFAULT_LEVELS)
    check_levels: Mapping[Code, Level] = field(default_factory=dict)
    enforcing: bool = True
    enforce_on: frozenset[Subject] = frozenset({Subject.WORKLOADS, Subject.PODS})
    unknown_denies: bool = False
    ignores_deny: bool = False
    exemptions: tuple[Exemption, ...] = ()
    break_glass_users: frozenset[str] = frozenset()
    statements: Statements = field(default_factory=Statements)
    deep: bool = False
    today: Callable[[], date] = utc_today
    follows_tags: bool = field(init=False, repr=False, compare=False)
    _free: tuple[ActiveCheck, ...] = field(init=False, repr=False, compare=False)
    _unlabelled: Mapping[Mode, Level] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Note what is asked for every image: which checks run whatever the cause is, and whether tags are followed.

        `follows_tags`: somebody wants to know where the tag beside a digest points now.
        """
        object.__setattr__(self, "follows_tags", any(check.code is Code.TAG_MOVED for check in self.checks))
        object.__setattr__(self, "_free", tuple(check for check in self.checks if not check.of_cause))
        killed = {} if self.enforcing else {Mode.ENFORCE: Level.OFF}
        object.__setattr__(self, "_unlabelled", {**DEFAULT_LEVELS, **self.levels, **killed})

    def placeholder(self, image: str) -> bool:
        """Tell whether an image's text only stands for one that a mutator fills in."""
        return self.statements.placeholder(image)

    def platforms(self, workload: Workload, nodes: NodeFacts) -> frozenset[Platform]:
        """Return the platforms that a workload's images are needed for; empty when not known."""
        return self.statements.platforms_for(workload, nodes)

    def exempt(self, workload: Workload, user: str) -> str | None:
        """Return the reason for which all of a workload is exempt, if it is: then nobody need be asked."""
        held = self._held(workload, user) if self.exemptions else ()
        return next((f"exempt: {exemption.reason}" for exemption in held if exemption.whole), None)

    def judge(self, evidence: Evidence) -> Judged:
        """Run the checks over the evidence of one image.

        Most images are fine, and what could prove a failure wrong matters to failures alone: it is added for those.
        """
        image = evidence.image
        if self.placeholder(image.image):
            return Judged(image=image, skip="placeholder that a mutator replaces")
        known, code = self.statements.complete_nodes(evidence), None
        if cause(known) is not None:
            known = self.statements.complete(evidence)
            code = cause(known)
        checks = self.checks if code is not None else self._free
        found = [check.find(known) for check in checks if not check.of_cause or check.code is code]
        return Judged(
            image=image,
            findings=tuple([one_line(finding) for finding in found if finding is not None]),
            resolution=evidence.resolution,
            skip=evidence.unasked or None,
        )

    def decide(
        self, workload: Workload, judged: tuple[Judged, ...], labels: Mapping[str, str], user: str = ""
    ) -> Verdict:
        """Say what is to be done with a workload, in a namespace with these labels, for this user; never raises."""
        levels = self._levels(labels)
        skip = workload.skip if workload.skip is not None else self.exempt(workload, user)
        if skip is not None:
            return Verdict(workload=workload, judged=_set_aside(judged, skip), levels=levels, skip=skip)
        freed = tuple(self._freed(each, workload, user) for each in judged) if self.exemptions else judged
        if not any(map(_findings_of, freed)):
            return Verdict(workload=workload, judged=freed, levels=levels)
        ignored = ignored_codes(workload.annotations)
        shown = tuple(each.without(ignored) for each in freed) if ignored else freed
        denying = self._denying(workload, shown if self.ignores_deny else freed, levels[Mode.ENFORCE])
        if workload.partial and self.exemptions:
            denying = tuple(pair for pair in denying if not self._may_be_free(workload, user, *pair))
        broken = bool(denying) and user in self.break_glass_users
        denied = () if broken else denying
        return Verdict(
            workload=workload,
            judged=shown,
            levels=levels,
            denied=denied,
            warned=_without(self._acting(shown, levels[Mode.WARN]), denied),
            audited=self._acting(shown, levels[Mode.AUDIT]),
            break_glass=broken,
        )

    def _levels(self, labels: Mapping[str, str]) -> Mapping[Mode, Level]:
        stated = labelled_levels(labels) if labels else None
        if not stated:
            return self._unlabelled
        levels = {**self._unlabelled, **stated}
        return levels if self.enforcing else {**levels, Mode.ENFORCE: Level.OFF}

    def _held(self, workload: Workload, user: str) -> Iterator[Exemption]:
        today = self.today()
        return (exemption for exemption in self.exemptions if exemption.holds(workload, user, today))

    def _freed(self, judged: Judged, workload: Workload, user: str) -> Judged:
        for exemption in self._held(workload, user):
            if exemption.covers(judged.image):
                reason = f"exempt: {exemption.reason}"
                codes = {finding.code: reason for finding in judged.findings if exemption.frees(finding.code)}
                judged = judged.without(codes, skip=None if exemption.checks else reason)
        return judged

    def _may_be_free(self, workload: Workload, user: str, judged: Judged, finding: Finding) -> bool:
        """Tell whether an exemption may hold that asks for what was not told of a partial workload."""
        today = self.today()
        return any(
            each.may_hold(workload, user, today) and each.covers(judged.image) and each.frees(finding.code)
            for each in self.exemptions
        )

    def _acting(self, judged: tuple[Judged, ...], level: Level) -> tuple[Pair, ...]:
        return tuple(
            (each, finding) for each in judged for finding in each.findings if level.reaches(self._acts_from(finding))
        )

    def _denying(self, workload: Workload, judged: tuple[Judged, ...], level: Level) -> tuple[Pair, ...]:
        if workload.subject not in self.enforce_on:
            return ()
        return tuple(
            (each, finding)
            for each, finding in self._acting(judged, level)
            if each.image.judged and each.image.role is not Role.EPHEMERAL_CONTAINER and self._may_deny(each, finding)
        )

    def _acts_from(self, finding: Finding) -> Level:
        return self.check_levels.get(finding.code, _ACTS_FROM[finding.cls])

    def _may_deny(self, judged: Judged, finding: Finding) -> bool:
        match finding.cls:
            case FindingClass.FAIL:
                return finding.certain
            case FindingClass.WARN:
                return finding.code in TAG_POLICIES or finding.code in self.check_levels
            case FindingClass.ERROR:
                return self.unknown_denies and not _resolves(judged)
            case FindingClass.SKIP:
                return False


def _resolves(judged: Judged) -> bool:
    """Tell whether the registry says that the image is there, whatever was refused after that."""
    resolution = judged.resolution
    return isinstance(resolution, Resolved) or (isinstance(resolution, Unresolved) and resolution.found)


def _set_aside(judged: tuple[Judged, ...], reason: str) -> tuple[Judged, ...]:
    return tuple(each.without({finding.code: reason for finding in each.findings}, skip=reason) for each in judged)


def _without(pairs: tuple[Pair, ...], denied: tuple[Pair, ...]) -> tuple[Pair, ...]:
    said = {(each.image.field, finding.code) for each, finding in denied}
    return tuple((each, finding) for each, finding in pairs if (each.image.field, finding.code) not in said)
