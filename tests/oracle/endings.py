"""The end of every pod: what failed is explained while it is still there, then all are deleted (I/O).

Explaining takes longer than settling, so it goes on beside it, in batches: as many as settled meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable, Container, Sequence
from types import TracebackType
from typing import Self

from case import Case
from fate import NOT_MADE, Fate, Observation
from kube import Api
from workload import RUN

LARGEST_BATCH = 24
GATHERING_SECONDS = 3
AT_ONCE = 2

Explain = Callable[[Sequence[Case]], Awaitable[dict[str, str]]]


class Endings:
    """Takes settled cases; leaving the block waits until all have ended. Those that are `kept` are not deleted."""

    def __init__(self, api: Api, explain: Explain, *, kept: Container[str] = ()) -> None:
        self._api = api
        self._explain = explain
        self._kept = kept
        self._queue: asyncio.Queue[tuple[Case, Observation] | None] = asyncio.Queue()
        self._group = asyncio.TaskGroup()
        self.waiting = 0
        """how many are settled and still there"""
        self.explanations: dict[str, str] = {}

    def take(self, case: Case, observation: Observation) -> None:
        self.waiting += 1
        self._queue.put_nowait((case, observation))

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        for _ in range(AT_ONCE):
            self._group.create_task(self._work())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in range(AT_ONCE):
            self._queue.put_nowait(None)
        await self._group.__aexit__(kind, error, trace)

    async def _work(self) -> None:
        while (first := await self._queue.get()) is not None:
            batch = [first]
            await asyncio.sleep(GATHERING_SECONDS)
            while len(batch) < LARGEST_BATCH and not self._queue.empty():
                following = self._queue.get_nowait()
                if following is None:
                    self._queue.put_nowait(None)  # for whoever looks next
                    break
                batch.append(following)
            await self._end(batch)
            self.waiting -= len(batch)

    async def _end(self, batch: Sequence[tuple[Case, Observation]]) -> None:
        made = [(case, seen) for case, seen in batch if seen.fate not in NOT_MADE]
        failed = [case for case, seen in made if seen.fate not in (Fate.RUNS, Fate.UNSETTLED)]
        if failed:
            self.explanations |= await self._explain(failed)
        gone = (case for case, _ in made if case.id not in self._kept)
        await asyncio.gather(*(self._api.delete(case.kind, case.id, namespace=RUN) for case in gone))
