"""Workloads -> verdicts, side by side, with an end that a person can choose.

Results keep the order of the input. An interrupt (asyncio turns it into a cancellation) keeps what is known so far.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from webhook.pipeline import PullSecretSource
from webhook.policy.decision import Verdict
from webhook.settings.schema import Settings
from webhook.workload.workload import Workload

AT_ONCE = 64
"""Workloads in flight. The resolver has limits of its own for each registry; this one bounds memory and sockets."""


class Logins(StrEnum):
    """Where logins beside the pods' own come from: `--credentials`."""

    DOCKER = "docker"
    ANONYMOUS = "anonymous"


class Inspector(Protocol):
    """What a command needs of a pipeline."""

    async def inspect(self, workload: Workload, deadline: float) -> Verdict:
        """Judge every image of `workload` before `deadline` (absolute loop time)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What kind of pipeline a command wants.

    `pull_secrets`: the pods' own, as far as they are known without a cluster. `offline`: no registry is
    asked. `deep`: configs and layers are looked at too.
    """

    settings: Settings
    pull_secrets: PullSecretSource
    logins: Logins = Logins.DOCKER
    deep: bool = False
    offline: bool = False


class OpenPipeline(Protocol):
    """Opens a pipeline for as long as a command needs it."""

    def __call__(self, wish: Wish) -> AbstractAsyncContextManager[Inspector]: ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdicts in input order, None for workloads that were not looked at before the interrupt."""

    verdicts: Sequence[Verdict | None]
    interrupted: bool = False


def judge_all(
    workloads: Sequence[Workload],
    open_pipeline: OpenPipeline,
    wish: Wish,
    *,
    timeout: float,
    progress: Callable[[int, int], None] = lambda _, __: None,
) -> Judgement:
    """Judge all workloads, each within `timeout` seconds of its turn; `progress` is told how many are done."""
    if not workloads:
        return Judgement(())

    async def run() -> Judgement:
        async with open_pipeline(wish) as pipeline:
            return await _judge(workloads, pipeline, timeout, progress)

    return asyncio.run(run())


async def _judge(
    workloads: Sequence[Workload], pipeline: Inspector, patience: float, progress: Callable[[int, int], None]
) -> Judgement:
    verdicts: list[Verdict | None] = [None] * len(workloads)
    done: list[int] = []
    turns = asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()

    async def one(place: int) -> None:
        async with turns:
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
