"""Verdict against fate: who was right, and did both name the same cause (pure).

| | the node runs it | it does not |
|---|---|---|
| denied | **wrong denial** | right |
| warned | false alarm | right |
| not verified | | not found out |
| allowed | right | **missed**, where it was knowable |

An image that is pushed after it was asked for is rightly denied as long as it is not there; it is asked for again when
it is, and must then be allowed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from case import Case
from cause import Cause, cause_of, names
from fate import Fate, Observation
from verdict import Said, Verdict


class Judgement(StrEnum):
    """How verdict and fate go together."""

    AGREE = "agree"
    NO_ANSWER = "no answer"
    WRONG_DENIAL = "wrong denial"
    EARLY = "denied before it was there"
    MISSED = "missed"
    UNKNOWABLE = "missed, and not to be known"
    FALSE_ALARM = "false alarm"
    NOT_FOUND_OUT = "not found out"


DISAGREEING = (Judgement.NO_ANSWER, Judgement.WRONG_DENIAL, Judgement.MISSED, Judgement.FALSE_ALARM)


@dataclass(frozen=True, kw_only=True)
class Result:
    """One case with all that is known of it."""

    case: Case
    image: str
    observation: Observation
    verdict: Verdict
    later_verdict: Verdict | None = None
    """what was said once all that comes later was there"""
    explanation: str | None = None
    """the code that `pullproof explain` told of its pod, "" for none; None where it was not asked"""

    @property
    def runs(self) -> bool:
        return self.observation.fate is Fate.RUNS

    @property
    def judgement(self) -> Judgement:
        if Fate.NO_ANSWER is self.observation.fate or self.verdict.said is Said.NO_ANSWER:
            return Judgement.NO_ANSWER
        if self.observation.fate is Fate.REJECTED:
            return Judgement.AGREE  # the API server itself refuses it
        match self.verdict.said, self.runs:
            case Said.DENIED, True if self.later_verdict and self.later_verdict.said is Said.ALLOWED:
                return Judgement.EARLY
            case Said.DENIED, True:
                return Judgement.WRONG_DENIAL
            case Said.WARNED, True if "fail" in {cls for _, cls in self.verdict.findings}:
                return Judgement.FALSE_ALARM
            case Said.UNVERIFIED, _:
                return Judgement.NOT_FOUND_OUT
            case Said.ALLOWED, False:
                return Judgement.UNKNOWABLE if self.case.unknowable else Judgement.MISSED
            case _:
                return Judgement.AGREE

    @property
    def cause(self) -> Cause | None:
        """Return what the node's message names, None where it runs."""
        return cause_of(self.observation)

    @property
    def named(self) -> bool | None:
        """Tell whether a code stands for the cause that the node names; None where it runs, or nobody could know."""
        if self.cause is None or self.case.unknowable:
            return None
        cause = self.cause
        return self.observation.fate is Fate.REJECTED or any(names(code, cause) for code in self.verdict.codes)

    @property
    def other_cause(self) -> bool:
        """True where both say that it fails, and no code stands for the cause that the node names (if knowable)."""
        return self.named is False and bool(self.verdict.codes)

    @property
    def explained(self) -> bool | None:
        """Tell whether `pullproof explain` told a code that stands for the cause; None where it was not asked."""
        if self.cause is None or self.explanation is None:
            return None
        return names(self.explanation, self.cause)

    @property
    def wrong(self) -> bool:
        """True for what must not be. A known reason excuses it, but for a question that had no answer."""
        bad = self.judgement in (Judgement.WRONG_DENIAL, Judgement.MISSED) and not self.case.known
        return bad or self.judgement is Judgement.NO_ANSWER

    @property
    def disagrees(self) -> bool:
        """True where a reason is wanted why verdict and fate differ."""
        return self.judgement in DISAGREEING or self.other_cause

    @property
    def not_as_expected(self) -> bool:
        """True where the case is not what it claims to be: its author expected another fate."""
        ended = self.observation.fate is not Fate.UNSETTLED
        return ended is self.case.endless or self.runs is not self.case.runs


def matrix(results: Iterable[Result]) -> Counter[tuple[bool, Said]]:
    """Count by (would run, what was said)."""
    return Counter((result.runs, result.verdict.said) for result in results)


def by_code(results: Iterable[Result]) -> Counter[tuple[str, str, bool]]:
    """Count findings by (code, class, would run)."""
    return Counter((code, cls, result.runs) for result in results for code, cls in set(result.verdict.findings))


def share(answers: Iterable[bool | None]) -> tuple[int, int]:
    """Count those that are true, and those that are true or false."""
    counts = Counter(answers)
    return counts[True], counts[True] + counts[False]


def cells(results: Iterable[Result]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return, by registry and shape of the login, how often the node's cause was named, of how many failures."""
    answers: dict[tuple[str, str], list[bool | None]] = {}
    for result in results:
        if result.case.cell is not None:
            answers.setdefault(result.case.cell, []).append(result.named)
    return {cell: share(each) for cell, each in answers.items()}


def needless(*runs: Sequence[Result]) -> list[Case]:
    """Return the cases that state why they disagree, and agree however they were asked about."""
    disagreeing = {result.case.id for results in runs for result in results if result.disagrees}
    known = {result.case.id: result.case for results in runs for result in results if result.case.known}
    return [case for id_, case in known.items() if id_ not in disagreeing]
