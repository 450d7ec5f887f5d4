"""Workloads -> verdicts, side by side, with an end that a person can choose.

Results keep the order of the input. An interrupt (asyncio turns it into a cancellation) keeps what is known so far.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from webhook.image.reference import InvalidReference, Reference
from webhook.policy.decision import Verdict
from webhook.settings.schema import Settings
from webhook.wiring.known import Known
from webhook.workload.workload import Workload

AT_ONCE = 320
"""Workloads in flight. The resolver has limits of its own for each registry; this one bounds memory."""

OF_ONE_REGISTRY = 32
"""Workloads in flight whose first image is of one registry: a slow one leaves the others their turns, and whoever
waits for a turn does not spend the time that there is for its images."""


class Logins(StrEnum):
    """Where logins come from beside the documents: `--credentials`."""

    DOCKER = "docker"
    ANONYMOUS = "anonymous"
    CLUSTER = "cluster"


class Inspector(Protocol):
    """What a command needs of a pipeline."""

    async def inspect(self, workload: Workload, deadline: float) -> Verdict:
        """Judge every image of `workload` before `deadline` (absolute loop time)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What kind of pipeline a command wants.

    `known`: the pods' own pull secrets, and what is known of their cluster. `offline`: no registry is asked. `deep`:
    configs and layers are looked at too. `loopback`: registries on this machine are asked.
    """

    settings: Settings
    known: Known
    logins: Logins = Logins.DOCKER
    deep: bool = False
    offline: bool = False
    loopback: bool = True


class OpenPipeline(Protocol):
    """Opens a pipeline for as long as a command needs it."""

    def __call__(self, wish: Wish) -> AbstractAsyncContextManager[Inspector]: ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdicts in input order, None for workloads that were not looked at before the interrupt."""

    verdicts: Sequence[Verdict | None]
    interrupted: bool = False


async def judge_all(
    workloads: Sequence[Workload],
    open_pipeline: OpenPipeline,
    wish: Wish,
    *,
    timeout: float,  # noqa: ASYNC109 - each workload's own
    progress: Callable[[int, int], None] = lambda _, __: None,
) -> Judgement:
    """Judge all workloads, each within `timeout` seconds of its turn; `progress` is told how many are done."""
    if not workloads:
        return Judgement(())
    async with open_pipeline(wish) as pipeline:
        return await judge(workloads, pipeline, timeout, progress)


async def judge(
    workloads: Sequence[Workload], pipeline: Inspector, patience: float, progress: Callable[[int, int], None]
) -> Judgement:
    """Judge all workloads by an open pipeline, each within `patience` seconds of its turn."""
    verdicts: list[Verdict | None] = [None] * len(workloads)
    done: list[int] = []
    turns = asyncio.Semaphore(AT_ONCE)
    lanes: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(OF_ONE_REGISTRY))
    loop = asyncio.get_running_loop()

    async def one(place: int) -> None:
        async with lanes[_registry(workloads[place])], turns:
            verdicts[place] = await pipeline.inspect(workloads[place], loop.time() + patience)
        done.append(place)
        progress(len(done), len(workloads))

    try:
        async with asyncio.TaskGroup() as group:
            for place in range(len(workloads)):
                group.create_task(one(place))
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()  # the interrupt is answered: what follows (closing the pipeline) may wait again
        return Judgement(verdicts, interrupted=True)
    return Judgement(verdicts)


def _registry(workload: Workload) -> str:
    try:
        return Reference.parse(workload.images[0].image).registry if workload.images else ""
    except InvalidReference:
        return ""
