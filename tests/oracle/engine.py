"""Makes the cases' pods on the real node, in a stream, and waits for each one's fate (I/O).

So many pods are alive at a time; a settled one makes room for the next. A failure is a fate once the node has gone on
failing for the case's patience: what arrives late, and the kubelet's late sight of a new Secret, must not count.
"""

import asyncio
import sys
import time
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any

from case import Arrival, Case, Role, login
from endings import Endings
from explained import explain
from fate import NOT_MADE, Fate, Observation, observe, refused
from kube import Api, Reply
from mutator import SECRET
from scene import Scene
from workload import ASKED, ELSEWHERE, NAMESPACES, RUN, account, container, judged, plain_secret, secret

ALIVE, MOST_PODS = 140, 280
"""How many cases may be undecided, and how many pods there may be; the node takes 300."""
AT_ONCE = 16
LATER_SECONDS = 20
RUNNING_SECONDS, SURPRISED_RUNNING_SECONDS = 3, 30
HOPELESS_SECONDS = 300
LISTED_WITHIN_SECONDS = GONE_WITHIN_SECONDS = 90
SURPRISED_PATIENCE = 60
"""For a failure that the case's author did not expect: a busy node may see a new Secret only at its third try."""


@dataclass
class Alive:
    """A case whose pod is on the node."""

    case: Case
    since: float
    asked: bool = False
    failing_since: float | None = None
    arrived: bool = False
    running_since: float | None = None
    observation: Observation = field(default_factory=lambda: Observation(fate=Fate.UNSETTLED))

    def settled(self, now: float) -> bool:
        if self.observation.fate is Fate.RUNS:  # a program that cannot be executed seems to run for a moment
            wanted = RUNNING_SECONDS if self.case.runs else SURPRISED_RUNNING_SECONDS
            return self.running_since is not None and now - self.running_since >= wanted
        if self.observation.final:
            return True
        patience = max(self.case.patience, SURPRISED_PATIENCE if self.case.runs else 0)
        if self.failing_since is not None and now - self.failing_since >= patience:
            return self.arrived or not comes_later(self.case)
        return now - self.since > self.case.patience + (0 if self.case.endless else HOPELESS_SECONDS)


class Engine:
    """Asks about cases and runs them.

    `replies` are the API server's answers to the creations that were judged; `later_replies` those to the same asked
    again, once what comes later was there; `explanations` the codes that `pullproof explain` told of what failed.
    """

    def __init__(self, api: Api, scene: Scene) -> None:
        self._api = api
        self._scene = scene
        self.replies: dict[str, Reply] = {}
        self.later_replies: dict[str, Reply] = {}
        self.fates: dict[str, Observation] = {}
        self.explanations: dict[str, str] = {}

    async def prepare(self, cases: Iterable[Case]) -> None:
        """Create the namespaces, and the accounts and Secrets that are there from the beginning."""
        for name, labels in NAMESPACES.items():
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            await self._api.create(namespace)
        await self._api.create(plain_secret(SECRET, login("basic.test")), namespace=RUN)
        await asyncio.gather(*(self._prepare(case) for case in cases))

    async def _prepare(self, case: Case) -> None:
        for each in {each.name: each for each in (*case.secrets, *(case.account_secrets or ()))}.values():
            if each.arrival is Arrival.ELSEWHERE:
                await self._create(case, secret(case, each), ELSEWHERE)
            if each.arrival is Arrival.FIRST:
                await self._create(case, secret(case, each), ASKED, RUN)
        if case.account_secrets is not None:
            await self._create(case, account(case), ASKED, RUN)

    async def _create(self, case: Case, thing: Any, *namespaces: str) -> None:
        for namespace in namespaces:
            reply = await self._api.create(thing, namespace=namespace)
            if not reply.created:
                raise RuntimeError(f"case {case.id!r}: {reply.status} {reply.message}")

    async def until_listed(self, names: Iterable[str]) -> None:
        """Wait until the node says in its status that it has these images."""
        wanted = set(names)
        for _ in range(LISTED_WITHIN_SECONDS):
            images = (await self._api.get("/api/v1/nodes/node1"))["status"]["images"]
            if wanted <= {name for image in images for name in image["names"]}:
                return
            await asyncio.sleep(1)
        raise RuntimeError("the node does not list the images that it was given")

    async def ask(self, cases: Iterable[Case]) -> dict[str, Reply]:
        """Have every creation judged in a dry run, so many at a time; ephemeral containers wait for their pods."""
        replies: dict[str, Reply] = {}
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(case: Case) -> None:
            async with turn:
                replies[case.id] = await self._ask(case)

        await asyncio.gather(*(one(case) for case in cases if case.role is not Role.EPHEMERAL))
        return replies

    async def _ask(self, case: Case) -> Reply:
        return await self._api.create(judged(case, self._scene.image(case)), namespace=ASKED, dry_run=True)

    async def run(self, cases: Iterable[Case], *, kept: Container[str] = ()) -> None:
        """Run all cases until each has its fate; those that are `kept` stay afterwards."""
        turn = asyncio.Semaphore(AT_ONCE)
        waiting = sorted(cases, key=lambda case: -case.patience)
        total, alive, told = len(waiting) + len(self.fates), dict[str, Alive](), time.monotonic()
        async with Endings(self._api, explain, kept=kept) as endings:
            while waiting or alive:
                room = max(0, min(ALIVE, MOST_PODS - endings.waiting) - len(alive))
                ready, waiting = waiting[:room], waiting[room:]
                alive |= {case.id: Alive(case, time.monotonic()) for case in ready}
                await asyncio.gather(*(self._start(alive[case.id], turn) for case in ready))
                await asyncio.sleep(1)
                await self._look(alive)
                for id_ in [id_ for id_, each in alive.items() if each.settled(time.monotonic())]:
                    self._end(alive.pop(id_), endings)
                if time.monotonic() - told > 10:
                    told = time.monotonic()
                    print(f"oracle: {len(self.fates)} of {total} settled", file=sys.stderr, flush=True)
        self.explanations |= endings.explanations

    async def clear(self, cases: Iterable[Case]) -> None:
        """Delete what was kept, and wait until its pods are gone."""
        for case in cases:
            await self._api.delete(case.kind, case.id, namespace=RUN)
        for _ in range(GONE_WITHIN_SECONDS):
            if not await self._api.pods(RUN):
                return
            await asyncio.sleep(1)
        raise RuntimeError("the pods that were kept do not go away")

    async def _start(self, each: Alive, turn: asyncio.Semaphore) -> None:
        async with turn:
            reply = await self._api.create(judged(each.case, self._scene.image(each.case)), namespace=RUN)
        each.since = time.monotonic()
        if not reply.created:
            each.observation = refused(reply.message)

    async def _look(self, alive: dict[str, Alive]) -> None:
        now = time.monotonic()
        pods = {pod["metadata"]["labels"].get("case"): pod for pod in await self._api.pods(RUN)}
        for id_, each in alive.items():
            if id_ in pods and each.observation.fate not in NOT_MADE:
                each.observation = observe(pods[id_], each.case)
                runs = each.observation.fate is Fate.RUNS
                each.running_since = (each.running_since or now) if runs else None
                failing = each.observation.fate not in (Fate.RUNS, Fate.UNSETTLED)
                each.failing_since = (each.failing_since or now) if failing else each.failing_since
                await self._add_ephemeral(each, pods[id_])
            if not each.arrived and comes_later(each.case) and now - each.since >= LATER_SECONDS:
                await self._arrive(each)

    async def _add_ephemeral(self, each: Alive, pod: Any) -> None:
        """Add the judged container once its pod runs."""
        case = each.case
        if case.role is not Role.EPHEMERAL or each.asked or pod["status"].get("phase") != "Running":
            return
        each.asked = True
        added = container(case, self._scene.image(case))
        self.replies[case.id] = reply = await self._api.add_ephemeral(case.id, added, namespace=RUN)
        if not reply.created:
            each.observation = refused(reply.message)

    async def _arrive(self, each: Alive) -> None:
        each.arrived, each.failing_since = True, None
        self._scene.arrive(each.case)
        for late in each.case.secrets:
            if late.arrival is Arrival.LATER:
                await self._create(each.case, secret(each.case, late), ASKED, RUN)
        self.later_replies[each.case.id] = await self._ask(each.case)

    def _end(self, each: Alive, endings: Endings) -> None:
        self.fates[each.case.id] = each.observation
        endings.take(each.case, each.observation)


def comes_later(case: Case) -> bool:
    """Tell whether something of the case comes later."""
    return Arrival.LATER in {*(each.arrival for each in case.secrets), *(each.arrival for each in case.holds)}
