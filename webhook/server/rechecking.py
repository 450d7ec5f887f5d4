"""The periodic re-check of what runs, to learn whether it would be pulled again (I/O).

One replica does it, the holder of the Lease, at the settings' interval, through the same pipeline as admission and
behind the same limits, a few objects at a time, so that no admission waits for it. It ends in a metric, a log line, and
PolicyReports where they are asked for.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from webhook.cluster.api import Api
from webhook.cluster.failure import ClusterError
from webhook.cluster.policyreports import PolicyReports
from webhook.cluster.workloads import Unlisted, Unread, api_version, list_workloads
from webhook.policy.decision import Outcome, Verdict
from webhook.reports.report import ReportedImage, reported
from webhook.reports.stored_report import CONTENT, OWNED, stored_report
from webhook.scanning import rescheduled
from webhook.server.admission import Inspector
from webhook.server.log import fields
from webhook.settings.schema import Settings
from webhook.workload.workload import Workload

_LOG = logging.getLogger("pullproof.scan")

_AT_ONCE = 2
_UNDISTURBED = 0.01
"""Seconds between two objects of one worker, so that the rest of the process has its turn."""


class Writer(Protocol):
    """Whether this replica is the one that scans."""

    @property
    def held(self) -> bool: ...


class ScanObserver(Protocol):
    """Told what a scan found."""

    def scanned(self, images: Mapping[Outcome, int]) -> None:
        """Note how many images have each outcome."""
        ...

    def unscanned(self) -> None:
        """Forget it: this replica scans no longer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look found. `complete`: every kind of object could be listed."""

    images: tuple[ReportedImage, ...]
    objects: int
    complete: bool


class Recheck:
    """Looks again and again; `run` is the task that does it."""

    def __init__(
        self,
        api: Api,
        inspector: Inspector,
        settings: Callable[[], Settings],
        writer: Writer,
        observer: ScanObserver,
        *,
        name: str = "pullproof",
        owner: Callable[[], Awaitable[Mapping[str, str] | None]] | None = None,
        tick: float = 5.0,
        settle: float = 60.0,
    ) -> None:
        """Call the reports `name`, and have them vanish with `owner` (a reference, or None).

        `settle` seconds pass before the first look, `tick` between two thoughts of whether it is time.
        """
        self._api = api
        self._inspector = inspector
        self._settings = settings
        self._writer = writer
        self._observer = observer
        self._name = name
        self._owner = owner
        self._reports = PolicyReports(api, label=OWNED, name=name, content=CONTENT)
        self._tick = tick
        self._settle = settle

    async def run(self) -> None:
        """Look whenever it is time and ours to do, for ever; ends by being cancelled."""
        clock = asyncio.get_running_loop().time
        due = clock() + self._settle
        while True:
            await asyncio.sleep(self._tick)
            scan = self._settings().scan
            if not (scan.enabled and self._writer.held):
                self._observer.unscanned()
            elif clock() >= due:
                due = clock() + scan.interval
                try:
                    await self.look()
                except ClusterError as error:
                    _LOG.warning("cannot check what runs: %s", error)

    async def look(self) -> Found:
        """Judge all that runs, once, and tell of it; raise `ClusterError` where the reports cannot be listed."""
        began = asyncio.get_running_loop().time()
        found = await self._judge_all()
        tally = Counter(image.outcome for image in found.images)
        if not self._writer.held:
            return found
        self._observer.scanned(tally)
        seconds = round(asyncio.get_running_loop().time() - began, 1)
        outcomes = {outcome.value: tally[outcome] for outcome in Outcome}
        _LOG.info("checked what runs", extra=fields(objects=found.objects, seconds=seconds, **outcomes))
        if self._settings().scan.policy_reports:
            await self._report(found)
        return found

    async def _judge_all(self) -> Found:
        listed: list[Workload] = []
        unlisted: list[Unlisted] = []
        async for each in list_workloads(self._api, None):
            if isinstance(each, Unlisted):
                unlisted.append(each)
            elif isinstance(each, Unread):
                _LOG.warning("%s", each)
            else:
                listed.append(each)
        for refused in unlisted:
            _LOG.warning("cannot list %s: %s", refused.kind, refused.reason)
        workloads = rescheduled(listed)
        images = [image for told in await self._judged(workloads) for image in told]
        return Found(images=tuple(images), objects=len(workloads), complete=not unlisted)

    async def _judged(self, workloads: Sequence[Workload]) -> list[tuple[ReportedImage, ...]]:
        """Judge the workloads, `_AT_ONCE` at a time; the answers are in their order."""
        answers: list[tuple[ReportedImage, ...]] = [()] * len(workloads)
        left = iter(enumerate(workloads))
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(self._work(left, answers))
        return answers

    async def _work(self, left: Iterator[tuple[int, Workload]], answers: list[tuple[ReportedImage, ...]]) -> None:
        for place, workload in left:
            deadline = asyncio.get_running_loop().time() + self._settings().budgets.lookup
            verdict: Verdict = await self._inspector.inspect(workload, deadline)
            answers[place] = reported(verdict, {}, api_version=api_version(workload.kind))
            await asyncio.sleep(_UNDISTURBED)

    async def _report(self, found: Found) -> None:
        namespaces: dict[str, list[ReportedImage]] = {}
        for image in found.images:
            namespaces.setdefault(image.namespace, []).append(image)
        owner = await self._owner() if self._owner else None
        wanted = {
            namespace: stored_report(namespace, images, name=self._name, owner=owner)
            for namespace, images in namespaces.items()
            if namespace
        }
        done = await self._reports.write(wanted, remove=found.complete)
        _LOG.info("policy reports", extra=fields(written=done.written, removed=done.removed, failed=done.failed))
