"""From workloads to written explanations: what `explain` does once it knows what is asked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from webhook.cli.judged import wanted_of
from webhook.cli.judging import Judgement, Wish, judge_all
from webhook.cli.opening import Probe, opening, probing
from webhook.cli.session import FINDINGS, INCONCLUSIVE, INTERRUPTED, OK, Session, UsageProblem
from webhook.credentials.pullsecret import PullSecrets
from webhook.documents.source import Problem, SourcedWorkload
from webhook.image.platform import Platform
from webhook.policy.decision import Judged, Outcome, Verdict
from webhook.registry.reach import Reach
from webhook.reports.explain import ExplainFormat, render
from webhook.reports.explanation import Explanation, explain
from webhook.reports.report import reported

_SECONDS = 10.0
_PROBE_SECONDS = 3.0
_MOST_SERVERS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """How it is asked."""

    format: ExplainFormat
    timeout: float
    platforms: tuple[Platform, ...] = ()


def chosen(
    workloads: Sequence[SourcedWorkload], names: Sequence[str], *, problems: Sequence[Problem]
) -> list[SourcedWorkload]:
    """Return the workloads that `KIND/NAME` texts choose, or all; raise `UsageProblem` where one is not there."""
    if not names:
        if not workloads:
            raise UsageProblem("no images in these manifests" + ("; see above" if problems else ""))
        return list(workloads)
    found: list[SourcedWorkload] = []
    for name in names:
        fitting = [each for each in workloads if _is_called(each, name)]
        if not fitting:
            known = ", ".join(f"{each.workload.kind}/{each.workload.name}" for each in workloads[:10]) or "none"
            raise UsageProblem(f"no {name!r} in these manifests; there are: {known}")
        found += fitting
    return found


def _is_called(found: SourcedWorkload, text: str) -> bool:
    kind, slash, name = text.rpartition("/")
    same = found.workload.name == name
    return same and (not slash or kind.lower() in (found.workload.kind.lower(), f"{found.workload.kind.lower()}s"))


async def explain_all(session: Session, question: Question, wish: Wish, found: Sequence[SourcedWorkload]) -> int:
    """Look the images up, write their explanations, and return the exit code."""
    wanted = wanted_of(found, question.platforms)
    judgement = await judge_all(wanted, session.pipelines or opening(session), wish, timeout=question.timeout)
    explanations = [each async for each in _explanations(found, judgement, wish, probing(session, wish))]
    if explanations:
        session.out.write(render(explanations, question.format, colours=session.colours))
    return INTERRUPTED if judgement.interrupted else exit_code_of(explanations)


def exit_code_of(explanations: Sequence[Explanation]) -> int:
    """Return 1 where an image fails, on its node or from here; 3 where that could not be found out."""
    outcomes = {each.outcome for each in explanations}
    if Outcome.FAIL in outcomes:
        return FINDINGS
    return INCONCLUSIVE if Outcome.ERROR in outcomes else OK


async def _explanations(
    found: Sequence[SourcedWorkload], judgement: Judgement, wish: Wish, probe: Probe
) -> AsyncIterator[Explanation]:
    for each, verdict in zip(found, judgement.verdicts, strict=True):
        if verdict is not None:
            for explanation in await explained(each, verdict, wish, probe):
                yield explanation


async def explained(found: SourcedWorkload, verdict: Verdict, wish: Wish, probe: Probe) -> list[Explanation]:
    """Return the explanation of each image of one object, in order."""
    secrets = await _secrets_of(wish, verdict)
    images = reported(verdict, found.sources, api_version=found.api_version)
    told: list[Explanation] = []
    for image, one in zip(images, judged_of(verdict), strict=True):
        reaches = await _reaches(one, probe)
        told.append(explain(image, one, verdict.workload, secrets, wanted=verdict.workload.platforms, reaches=reaches))
    return told


def judged_of(verdict: Verdict) -> tuple[Judged, ...]:
    """Return the judged images; a skipped object's are all skipped."""
    return verdict.judged or tuple(Judged(image=image, skip=verdict.skip) for image in verdict.workload.images)


async def _reaches(judged: Judged, probe: Probe) -> list[Reach]:
    """Try the ways to the servers that were asked, side by side."""
    attempts = judged.resolution.attempts if judged.resolution else ()
    origins = list(dict.fromkeys(attempt.endpoint for attempt in attempts))[:_MOST_SERVERS]
    deadline = asyncio.get_running_loop().time() + _PROBE_SECONDS
    found = await asyncio.gather(*(probe(origin, deadline) for origin in origins))
    return [reach for reach in found if reach is not None]


async def _secrets_of(wish: Wish, verdict: Verdict) -> PullSecrets:
    """Return the pull secrets that the look-up went by."""
    deadline = asyncio.get_running_loop().time() + _SECONDS
    return await wish.known.pull_secrets.pull_secrets(verdict.workload, deadline=deadline, not_before=float("-inf"))
