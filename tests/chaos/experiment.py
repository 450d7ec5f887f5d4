"""One fault, from before it until after it: what is measured, and what is a violation (I/O by the scene).

    sizes -> load -> fault ... fault ends -> asked again and again until all sorts are judged rightly -> quiet -> sizes

| law | violated when |
|---|---|
| every review is answered in time | an HTTP answer other than 200, none at all, or too late |
| nothing that runs is denied | a denial of such a pod, at any time, during the fault or after it |
| the right code | a review has neither its usual verdict nor an allowing one with codes of the cell's |
| the fault was one | the cell names codes and none of them was seen |
| it gets well by itself | not all sorts are judged rightly `Cell.recovery` seconds after the fault; the process ended |
| nothing grows | once quiet, more tasks, descriptors, threads, memory than at first and an allowance |
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from rig import Scene
from traffic import Outcome, codes_told
from webhook_process import Size
from world import DENIED

FAULT_SECONDS = 2.5
RECOVERY = 8.0
"""Seconds: a registry's breaker tries again after 2, during the fault, then after 4 more; answers take up to 2."""

_QUIET = 25.0
# memory: what is kept of answers is as much as it can be by then, but tokens (4,096 of about 3 kB) are not
_ALLOWANCE = Size(tasks=4, descriptors=24, threads=4, rss=32.0)

Fault = Callable[[Scene], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One fault of one part. `codes` may be told of pods that are not verified meanwhile; none: nothing may be seen.

    `mixed`: what may be told besides where half of a conversation was the part's own and half the fault's.
    `felt`: at least one of the codes must be told, else the fault was none.
    """

    part: str
    fault: str
    what: str
    apply: Fault
    codes: frozenset[str] = frozenset()
    mixed: frozenset[str] = frozenset()
    felt: bool = True
    recovery: float = RECOVERY
    seconds: float = FAULT_SECONDS

    @property
    def name(self) -> str:
        return f"{self.part}/{self.fault}: {self.what}"


@dataclass(kw_only=True)
class Row:
    """What one cell came to. Seconds; `slowest` is the longest answer to a review.

    `lag`: the most that this program itself was late, for want of a processor: the machine's share in what is late.
    """

    cell: Cell
    reviews: int
    unanswered: int
    wrongly_denied: int
    codes: Counter[str]
    slowest: float
    lag: float
    recovery: float | None
    quiet: float | None
    before: Size
    after: Size
    violations: list[str] = field(default_factory=list)


@dataclass
class Lag:
    """How late this program's own event loop was, in seconds: at most, and when it was noticeably so."""

    most: float = 0.0
    busy: list[float] = field(default_factory=list)

    def during(self, began: float, seconds: float) -> bool:
        """Tell whether it was late between two moments: what was late then may have had to wait for a processor."""
        return any(began <= at <= began + seconds + 0.5 for at in self.busy)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Watch until the block is left."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 0.05
            await asyncio.sleep(0.05)
            late = loop.time() - due
            self.most = max(self.most, late)
            if late > 0.1:
                self.busy.append(time.monotonic())


@dataclass
class Edges:
    """When a fault began and ended: from when to when each took, as connections were cut."""

    times: list[tuple[float, float]] = field(default_factory=list)

    @asynccontextmanager
    async def noted(self, fault: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
        """Carry out a fault and note them."""
        began = time.monotonic()
        async with fault:
            self.times.append((began, time.monotonic()))
            yield
            ends = time.monotonic()
        self.times.append((ends, time.monotonic()))

    def met(self, outcome: Outcome) -> bool:
        """Tell whether a review was under way then."""
        return any(outcome.sent <= end and outcome.sent + outcome.seconds >= begin for begin, end in self.times)


async def observe(scene: Scene, cell: Cell, at_first: Size) -> Row:
    """Carry a cell out."""
    before = scene.webhook.size()
    scene.load.take()
    lag = Lag()
    edges = Edges()
    async with lag.watched(), scene.load.running():
        await asyncio.sleep(0.3)
        calm = scene.load.take()
        async with edges.noted(cell.apply(scene)):
            await asyncio.sleep(cell.seconds)
            spoilt = scene.load.take()
        ended = time.monotonic()
        recovery, probes = await _recovery(scene, ended, cell.recovery)
    after_fault = scene.load.take()
    quiet, after = await _quiet(scene, at_first)
    everything = [*calm, *spoilt, *after_fault, *probes]
    row = Row(
        cell=cell,
        reviews=len(everything),
        unanswered=sum(not each.answered for each in everything),
        wrongly_denied=sum(each.wrongly_denied for each in everything),
        codes=codes_told([each for each in everything if each.sent < ended]),
        slowest=max(each.seconds for each in everything),
        lag=lag.most,
        recovery=recovery,
        quiet=quiet,
        before=before,
        after=after,
    )
    row.violations = violations(row, calm, everything, edges, alive=scene.webhook.alive)
    return row


async def _recovery(scene: Scene, ended: float, patience: float) -> tuple[float | None, list[Outcome]]:
    """Ask until every sort is judged rightly, and twice more; return after how long that began, and all answers."""
    probes: list[Outcome] = []
    since: float | None = None
    good = 0
    while since is not None or time.monotonic() < ended + patience:
        sent = time.monotonic()
        outcomes = await scene.caller.ask_all()
        probes += outcomes
        if all(each.right for each in outcomes):
            since, good = since or sent, good + 1
            if good == 3:
                return since - ended, probes
        else:
            since, good = None, 0
        await asyncio.sleep(0.2)
    return None, probes


async def _quiet(scene: Scene, at_first: Size) -> tuple[float | None, Size]:
    """Wait until nothing more is under way than at first; return how long it took, and what there is."""
    began = time.monotonic()
    while True:
        now = scene.webhook.size()
        if not growth(at_first, now):
            return time.monotonic() - began, now
        if time.monotonic() > began + _QUIET:
            return None, now
        await asyncio.sleep(0.2)


def growth(before: Size, after: Size, allowance: Size = _ALLOWANCE) -> list[str]:
    """Return what grew beyond the allowance, a line each."""
    return [
        f"{name} grew from {getattr(before, name):.0f} to {getattr(after, name):.0f}"
        for name in ("tasks", "descriptors", "threads", "rss")
        if getattr(after, name) > getattr(before, name) + getattr(allowance, name)
    ]


def violations(row: Row, calm: list[Outcome], everything: list[Outcome], edges: Edges, *, alive: bool) -> list[str]:
    """Return what was not as the laws have it, a line each; `calm` came before the fault, `everything` in all."""
    found = [
        f"unanswered: {each.sort} after {each.seconds:.2f} s: {each.told}" for each in everything if not each.answered
    ]
    found += [f"wrongly denied: {each.sort}: {each.told}" for each in everything if each.wrongly_denied]
    found += [f"not as usual before the fault: {each.sort}: {each.told}" for each in calm if not each.right]
    found += [
        f"unexpected: {each.sort}: {'allowed' if each.allowed else 'denied'}: {each.told}"
        for each in everything
        if each.answered and not (each.right or _excused(each, row.cell, edges))
    ]
    if row.cell.codes and row.cell.felt and not row.cell.codes & set(row.codes):
        found.append("the fault was not felt: none of its codes was told")
    if row.recovery is None:
        found.append(f"not well {row.cell.recovery:.0f} s after the fault")
    if not alive:
        found.append("the process ended")
    if row.quiet is None:
        found += growth(row.before, row.after)
    return list(dict.fromkeys(found))


_CUT = frozenset({"registry-unreachable", "not-verified"})
"""What is told where a connection was cut in the middle of a question."""


def _excused(outcome: Outcome, cell: Cell, edges: Edges) -> bool:
    """Tell whether "not verified, therefore allowed" is what there is to say.

    A failure that was seen, and could not be seen again before it denies, is told in a warning.
    """
    seen_once = {DENIED[outcome.sort]} if outcome.sort in DENIED else set()
    cut = _CUT | cell.mixed if edges.met(outcome) else frozenset()
    return (
        outcome.allowed and bool(outcome.codes) and bool(cell.codes) and outcome.codes <= cell.codes | cut | seen_once
    )
