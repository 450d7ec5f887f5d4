"""From workloads to a written report and an exit code: what `check`, `image` and `scan` have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from webhook.cli import baseline as known
from webhook.cli.exitcode import FailOn, exit_code
from webhook.cli.judging import Judgement, Wish, judge_all
from webhook.cli.opening import opening
from webhook.cli.output import Target, write, write_file
from webhook.cli.progress import progress
from webhook.cli.session import Session
from webhook.documents.source import Problem, SourcedWorkload
from webhook.image.platform import Platform
from webhook.policy.finding import Finding
from webhook.reports.report import Fault, Report, ReportedImage, reported
from webhook.workload.stated import stated_platform
from webhook.workload.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to do with the verdicts."""

    targets: Sequence[Target]
    fail_on: FailOn
    timeout: float
    platforms: tuple[Platform, ...] = ()
    baseline: str = ""
    write_baseline: str = ""


async def carry_out(
    session: Session,
    order: Order,
    wish: Wish,
    workloads: Sequence[SourcedWorkload],
    problems: Sequence[Problem] = (),
    *,
    skipped: int = 0,
) -> int:
    """Judge the workloads, write the report, and return the exit code; `skipped`: documents that are no objects."""
    old = known.load(order.baseline) if order.baseline else None
    wanted = wanted_of(workloads, order.platforms)
    judgement = await judge_all(
        wanted, session.pipelines or opening(session), wish, timeout=order.timeout, progress=progress(session)
    )
    report = report_of(workloads, judgement, problems, known.suppress(old) if old else _nothing)
    report = replace(report, skipped=skipped)
    for problem in problems:
        session.say(str(problem))
    if judgement.interrupted:
        done = sum(verdict is not None for verdict in judgement.verdicts)
        session.say(f"interrupted: {done} of {len(workloads)} objects checked")
    if order.write_baseline and not report.interrupted:
        write_file(order.write_baseline, known.text(report))
        session.say(f"baseline written to {order.write_baseline}; use it with --baseline {order.write_baseline}")
    if old and not report.interrupted and (stale := known.stale(old, report)):
        session.say(f"{stale} of {len(old.findings)} findings in the baseline are gone; renew it with --write-baseline")
    write(report, order.targets, session)
    return 0 if order.write_baseline and not problems else exit_code(report, order.fail_on)


def wanted_of(workloads: Sequence[SourcedWorkload], platforms: tuple[Platform, ...]) -> list[Workload]:
    """Return the workloads with the platforms that were asked for, else with what each states of nodes unknown."""
    return [replace(found.workload, platforms=platforms or _stated(found.workload)) for found in workloads]


def _stated(workload: Workload) -> tuple[Platform, ...]:
    stated = stated_platform(workload.placement)
    return (stated,) if stated else ()


def report_of(
    workloads: Sequence[SourcedWorkload],
    judgement: Judgement,
    problems: Sequence[Problem],
    suppress: Callable[[ReportedImage, Finding], str] = lambda _, __: "",
) -> Report:
    """Return the report of a judgement; `suppress` says why a finding does not count, or ""."""
    images: list[ReportedImage] = []
    for found, verdict in zip(workloads, judgement.verdicts, strict=True):
        if verdict is not None:
            reason = _Reason(found.ignores, suppress)
            images += reported(verdict, found.sources, api_version=found.api_version, suppress=reason)
    faults = tuple(Fault(file=each.file, line=each.line, message=each.message) for each in problems)
    return Report(images=tuple(images), faults=faults, interrupted=judgement.interrupted)


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why a finding does not count: a comment on the image's line, or the baseline."""

    ignores: Mapping[str, Mapping[str, str]]
    other: Callable[[ReportedImage, Finding], str] = field(repr=False)

    def __call__(self, image: ReportedImage, finding: Finding) -> str:
        return self.ignores.get(image.field, {}).get(finding.code) or self.other(image, finding)


def _nothing(image: ReportedImage, finding: Finding) -> str:
    del image, finding
    return ""
