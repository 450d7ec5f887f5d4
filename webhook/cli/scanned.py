"""From a live cluster to written reports: what `scan` does once it knows what is asked."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime

from webhook.cli.cluster import open_api
from webhook.cli.exitcode import exit_code
from webhook.cli.judged import Order, report_of
from webhook.cli.judging import Inspector, Judgement, Logins, Wish, judge
from webhook.cli.opening import opening
from webhook.cli.output import write
from webhook.cli.progress import progress
from webhook.cli.scan import Area
from webhook.cli.session import INTERRUPTED, Session, UsageProblem
from webhook.cluster.client import KubernetesApi
from webhook.cluster.workloads import RESOURCES, Unlisted, Unread, api_version, list_workloads
from webhook.documents.source import Problem, SourcedWorkload
from webhook.reports.report import Report
from webhook.scanning import change, rescheduled, would_deny
from webhook.settings.schema import Settings
from webhook.wiring.live import Live, open_live
from webhook.workload.workload import Workload


async def run(session: Session, order: Order, area: Area, settings: Settings, *, deep: bool) -> int:
    """Look, once or again and again, write reports, and return the exit code of the last."""
    open_pipeline = session.pipelines or opening(session)
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(open_api(area.way))
        listed = await _list(area, api)
        live = await stack.enter_async_context(open_live(api))
        _tell_unread(session, live)
        wish = Wish(settings=settings, known=live.known, logins=Logins.CLUSTER, deep=deep, loopback=False)
        pipeline = await stack.enter_async_context(open_pipeline(wish))
        report = await _look(session, order, area, pipeline, listed)
        write(report, order.targets, session)
        if area.pause and not report.interrupted:
            return await _watch(session, order, area, api, pipeline, report)
        return exit_code(report, order.fail_on)


def _tell_unread(session: Session, live: Live) -> None:
    """Say in one line that verdicts rest on less than they could; docs/scan.md tells on what."""
    if live.unknown:
        names = ", ".join(what for what, _ in live.unknown)
        session.say(f"could not read {names} ({live.unknown[0][1]}); see docs/scan.md for what that costs")


async def _watch(
    session: Session, order: Order, area: Area, api: KubernetesApi, pipeline: Inspector, report: Report
) -> int:
    """Look again after each pause until somebody interrupts; write a report whenever findings have come or gone."""
    before = _fingerprints(report)
    while not report.interrupted:
        try:
            await asyncio.sleep(area.pause)
            report = await _look(session, order, area, pipeline, await _list(area, api))
        except asyncio.CancelledError:
            _answered()
            return INTERRUPTED
        if report.interrupted:
            break
        now = _fingerprints(report)
        changed = change(before, now)
        time = datetime.now().astimezone().strftime("%H:%M:%S")
        session.say(f"{time}: {changed.new} new, {changed.gone} gone" if changed else f"{time}: unchanged")
        if changed:
            write(report, order.targets, session)
        before = now
    return INTERRUPTED


def _answered() -> None:
    """Take note of an interrupt, so that what follows (closing things) may wait again."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _fingerprints(report: Report) -> frozenset[str]:
    return frozenset(image.fingerprint(finding) for image, finding in report.findings())


async def _look(session: Session, order: Order, area: Area, pipeline: Inspector, listed: "_Listed") -> Report:
    problems = listed.problems
    for problem in problems:
        session.say(str(problem))
    workloads = [
        SourcedWorkload(workload=each, api_version=api_version(each.kind), file="")
        for each in rescheduled(listed.found)
    ]
    if not workloads:
        session.say(f"nothing runs {listed.where}{' with these labels' if area.selector else ''}")
    judgement = await judge(
        [replace(each.workload, platforms=order.platforms) for each in workloads],
        pipeline,
        order.timeout,
        progress(session),
    )
    if judgement.interrupted:
        done = sum(verdict is not None for verdict in judgement.verdicts)
        session.say(f"interrupted: {done} of {len(workloads)} objects checked")
    if area.would_deny:
        verdicts = [each and would_deny(each) for each in judgement.verdicts]
        judgement = Judgement(verdicts, interrupted=judgement.interrupted)
    return report_of(workloads, judgement, problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """What runs, `where`, and what could not be listed."""

    where: str
    found: list[Workload]
    problems: tuple[Problem, ...] = ()


async def _list(area: Area, api: KubernetesApi) -> _Listed:
    """Return what runs, and what could not be listed in one line; raise `UsageProblem` where nothing could."""
    namespace = None if area.everywhere else area.namespace or api.namespace
    where = "in any namespace" if namespace is None else f"in namespace {namespace!r}"
    found: list[Workload] = []
    problems: list[Problem] = []
    unlisted: list[Unlisted] = []
    async for each in list_workloads(api, namespace, selector=area.selector):
        if isinstance(each, Unlisted):
            unlisted.append(each)
        elif isinstance(each, Unread):
            problems.append(Problem(file="cluster", line=0, message=str(each)))
        else:
            found.append(each)
    if unlisted:
        problems.append(_unlisted(where, unlisted))
    return _Listed(where=where, found=found, problems=tuple(problems))


def _unlisted(where: str, unlisted: Sequence[Unlisted]) -> Problem:
    reason = unlisted[-1].reason
    if len(unlisted) == len(RESOURCES):
        raise UsageProblem(f"cannot list what runs {where}: {reason}")
    kinds = ", ".join(each.kind for each in unlisted)
    return Problem(file="cluster", line=0, message=f"cannot list {kinds}: {reason}")
