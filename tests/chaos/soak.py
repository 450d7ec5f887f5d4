"""Half an hour of everything at once: load, faults that come and go, signals, reloads (I/O, root).

    python tests/chaos/soak.py --minutes 30     also SOAK_MINUTES; writes its result into docs/reliability.md
    python tests/chaos/soak.py --logs DIR       what both replicas log is kept there

Two replicas share the load and a Redis. The first lives as long as the run: its memory and descriptors are measured.
The second is ended again and again: by SIGTERM, when reviews go on to it for half a second longer, as they do until
every node knows; and by SIGKILL, which no review that is inside survives (they are counted apart).

Exit code 1 where a review was not answered, a pod that runs was denied, an end by SIGTERM was not orderly, or the first
replica grew.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import reliability as page  # noqa: E402
import stage  # noqa: E402
from experiment import Cell, Lag  # noqa: E402
from lanes import LANES  # noqa: E402
from redis.exceptions import RedisError  # noqa: E402
from rig import Parts, Scene, configuration, opened, replace  # noqa: E402
from traffic import Outcome  # noqa: E402
from webhook_process import Size  # noqa: E402

_FAULTY = ("registry", "token service", "DNS", "Redis")
_SEED = 20261130
_MOST_GROWTH = Size(tasks=8, descriptors=24, threads=4, rss=24.0)


@dataclass
class Soak:
    """What happened so far. `sizes` of the first replica, by the second of the run."""

    scene: Scene
    end: float
    lag: Lag = field(default_factory=Lag)
    happened: "Counter[str]" = field(default_factory=Counter)
    outcomes: "Counter[str]" = field(default_factory=Counter)
    slowest: float = 0.0
    sizes: list[tuple[float, Size]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    fault: str = "no fault"
    killed: list[tuple[int, float]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(_SEED))  # noqa: S311 - the same every time

    @property
    def over(self) -> bool:
        return time.monotonic() >= self.end

    async def run(self) -> None:
        """Do all of it until the time is over, then ask once more for the right verdicts."""
        self.scene.second.start()
        await self.scene.second.ready()
        self.scene.in_service.append(self.scene.second.port)
        async with self.lag.watched(), self.scene.load.running():
            async with asyncio.TaskGroup() as group:
                for doing in (self._faults, self._signals, self._reloads, self._measure):
                    group.create_task(doing())
            await self._well_again()
        self._count()

    async def _faults(self) -> None:
        cells = [cell for name in _FAULTY for cell in LANES[name].cells()]
        while not self.over:
            await asyncio.sleep(self.chance.uniform(1, 4))
            cell: Cell = self.chance.choice(cells)
            try:
                async with cell.apply(self.scene):
                    self.fault = cell.name
                    await asyncio.sleep(self.chance.uniform(0.5, 4))
            except (RedisError, OSError) as error:  # who makes the fault is beside a loaded machine, too
                print(f"{cell.name}: could not be made: {error!r}", file=sys.stderr, flush=True)
            else:
                self.happened["faults"] += 1
            self.fault = f"after {cell.name}"

    async def _signals(self) -> None:
        while not self.over:
            await asyncio.sleep(self.chance.uniform(4, 8))
            await (self._term() if self.chance.random() < 0.5 else self._kill())
            self.scene.second.start()
            await self.scene.second.ready()
            self.scene.in_service.append(self.scene.second.port)

    async def _term(self) -> None:
        second = self.scene.second
        second.send(signal.SIGTERM)
        await asyncio.sleep(0.5)
        self.scene.in_service.remove(second.port)
        code = await second.end()
        self.happened["SIGTERM"] += 1
        if code:
            self._note(f"after SIGTERM the process ended with {code}")

    async def _kill(self) -> None:
        second = self.scene.second
        self.scene.in_service.remove(second.port)
        second.send(signal.SIGKILL)
        self.killed.append((second.port, time.monotonic()))
        await second.end()
        self.happened["SIGKILL"] += 1

    async def _reloads(self) -> None:
        while not self.over:
            await asyncio.sleep(self.chance.uniform(2, 5))
            if self.chance.random() < 0.5:
                self.scene.install(self.scene.issue())
                self.happened["certificates"] += 1
            else:
                replace(self.scene.configuration, small(self.scene, tags=f"{self.chance.randrange(30, 90)}s"))
                self.happened["reloads"] += 1

    async def _measure(self) -> None:
        began = time.monotonic()
        while not self.over:
            await asyncio.sleep(2)
            self.sizes.append((time.monotonic() - began, self.scene.webhook.size()))
            self._count()
            if len(self.sizes) % 15 == 0:
                self._tell()

    def _note(self, trouble: str) -> None:
        self.troubles.append(trouble)
        print(f"{time.time():.3f} {trouble}; {self.fault}", file=sys.stderr, flush=True)

    def _tell(self) -> None:
        at, size = self.sizes[-1]
        figures = f"tasks {size.tasks}, fds {size.descriptors}, threads {size.threads}, rss {size.rss:.0f}"
        print(f"{at:.0f} s: {self.outcomes['reviews']:,} reviews, {figures}", file=sys.stderr, flush=True)

    async def _well_again(self) -> None:
        for _ in range(150):
            outcomes = await self.scene.caller.ask_all()
            if all(each.right for each in outcomes):
                return
            await asyncio.sleep(0.1)
        self._note("not well after the last fault")

    def _count(self) -> None:
        for each in self.scene.load.take():
            if not each.answered and self._cut(each):
                self.outcomes["cut by a SIGKILL"] += 1
                continue
            self.outcomes["reviews"] += 1
            self.outcomes["right"] += each.right
            self.slowest = max(self.slowest, each.seconds)
            if not each.answered and self.lag.during(each.sent, each.seconds):
                self.outcomes["late with the machine"] += 1
            elif not each.answered:
                self.outcomes["unanswered"] += 1
                ago, which = time.monotonic() - each.sent, "first" if each.port == self.scene.webhook.port else "second"
                late = f"after {each.seconds:.2f} s by the {which}, sent {ago:.1f} s ago"
                self._note(f"unanswered: {each.sort} {late}: {each.told}")
            if each.wrongly_denied:
                self.outcomes["wrongly denied"] += 1
                self._note(f"wrongly denied: {each.sort}: {each.told}")

    def _cut(self, outcome: Outcome) -> bool:
        ended = outcome.sent + outcome.seconds
        return any(outcome.port == port and outcome.sent <= at + 0.05 and ended >= at for port, at in self.killed)

    def growth(self) -> list[str]:
        """Return what the first replica grew by, from the second quarter of the run to the last, where too much."""
        quarter = max(1, len(self.sizes) // 4)
        early, late = self.sizes[quarter : 2 * quarter], self.sizes[-quarter:]
        return [
            f"{name} grew from {before:.0f} to {after:.0f}"
            for name in ("tasks", "descriptors", "threads", "rss")
            for before, after in [(_median(early, name), _median(late, name))]
            if after > before + getattr(_MOST_GROWTH, name)
        ]

    def slope(self, name: str) -> float:
        """Return how much more there is of it each minute, over the second half of the run."""
        half = self.sizes[len(self.sizes) // 2 :]
        fitted = statistics.linear_regression([at for at, _ in half], [getattr(size, name) for _, size in half])
        return fitted.slope * 60


def small(scene: Scene, *, tags: str = "60s") -> bytes:
    """Return a configuration with a cache that is soon full, so that what grows after that grows for ever."""
    found = configuration(scene)
    shared = page.json.loads(found)["cache"]["shared"]
    return configuration(scene, cache={"maxEntries": 500, "tags": tags, "shared": shared})


def _median(sizes: list[tuple[float, Size]], name: str) -> float:
    return statistics.median(getattr(size, name) for _, size in sizes)


def summary(soak: Soak, minutes: float) -> str:
    """Return the counts of a run in a line."""
    count = soak.outcomes
    return (
        f"{minutes:g} minutes: {count['reviews']:,} reviews, {count['unanswered']} unanswered, "
        f"{count['wrongly denied']} wrongly denied"
    )


def render(soak: Soak, minutes: float, load: tuple[float, ...]) -> str:
    """Return the result as it stands in the page."""
    count, happened = soak.outcomes, soak.happened
    sizes = [size for _, size in soak.sizes]
    lines = [
        f"{page.machine(load)} This program itself was late by {soak.lag.most:.2f} s at most.",
        "",
        f"**{summary(soak, minutes)}**, {count['right']:,} judged as if nothing were wrong, the others "
        f"allowed and not verified; the slowest answer took {soak.slowest:.2f} s. "
        f"{count['cut by a SIGKILL']} more were inside a replica when it was killed; "
        f"{count['late with the machine']} came late while this program was late too, for want of a processor.",
        "",
        f"Meanwhile: {happened['faults']} faults of {', '.join(_FAULTY)}; {happened['reloads']} reloads of the "
        f"configuration, {happened['certificates']} new certificates; the second replica ended by SIGTERM "
        f"{happened['SIGTERM']} times, by SIGKILL {happened['SIGKILL']} times.",
        "",
        "| the first replica | least | median | most | a minute more, second half |",
        "|---|---|---|---|---|",
    ]
    for name, shown in (("tasks", "tasks"), ("descriptors", "descriptors"), ("threads", "threads"), ("rss", "MiB")):
        values = [getattr(size, name) for size in sizes]
        lines.append(
            f"| {shown} | {min(values):.0f} | {statistics.median(values):.0f} | {max(values):.0f} "
            f"| {soak.slope(name):+.2f} |"
        )
    troubles = soak.troubles + soak.growth()
    lines += ["", "What was not as it should be:", "", *(f"- {each}" for each in troubles[:20])] if troubles else []
    return "\n".join([*lines, ""])


async def main_(minutes: float, target: Path, logs: Path | None) -> int:
    """Run it; return the exit code."""
    load = os.getloadavg()
    async with opened(Parts(redis=True, drain="2s")) as scene:
        if logs is not None:
            scene.webhook.log.copy, scene.second.log.copy = logs / "first.log", logs / "second.log"
        replace(scene.configuration, small(scene))
        soak = Soak(scene, time.monotonic() + minutes * 60)
        await soak.run()
        troubles = soak.troubles + soak.growth()
        if not scene.webhook.alive:
            troubles.append("the first replica ended")
    page.put(target, "soak", render(soak, minutes, load))
    page.note(target, "soak", summary(soak, minutes))
    print(render(soak, minutes, load))
    return 1 if troubles else 0


def main() -> int:
    """Run what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("SOAK_MINUTES", "30")))
    parser.add_argument("--page", type=Path, default=page.PAGE)
    parser.add_argument("--logs", type=Path, default=None)
    given = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("soak: only root can make namespaces; run it as root")
    if not stage.entered():
        if given.logs is not None:
            given.logs.mkdir(parents=True, exist_ok=True)
        stage.enter(*sys.argv[1:])
    return asyncio.run(main_(given.minutes, given.page, given.logs))


if __name__ == "__main__":
    sys.exit(main())
