"""Work that outlives those who wait for it (pure but for the tasks it keeps).

A flight is a task with a name. Who wants the same thing joins it; nobody who waits owns it, so no caller's deadline,
cancellation or disconnect ends it. It ends by itself, or when the place it belongs to is closed.

Not an `asyncio.TaskGroup`: there one flight that fails on a bug would end all others and the server with them. Here the
exception reaches those who wait for that flight (or the loop's exception handler, when nobody does) and no one else.
"""

import asyncio
from collections.abc import Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Flights(Generic[K, T]):
    """The flights of one kind, by name."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._flying: dict[K, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        return len(self._flying)

    def join(self, key: K) -> asyncio.Task[T] | None:
        """Return the flight of that name, if one is under way."""
        task = self._flying.get(key)
        return None if task is None or task.done() else task

    def start(self, key: K, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a flight; there must be none of that name."""
        task = self._flying[key] = asyncio.create_task(work)
        task.add_done_callback(partial(self._landed, key))
        return task

    async def aclose(self) -> None:
        """End every flight; who waits for one sees it cancelled."""
        tasks = list(self._flying.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _landed(self, key: K, task: asyncio.Task[T]) -> None:
        if self._flying.get(key) is task:
            del self._flying[key]


async def landed(task: asyncio.Task[T], *, timeout: float | None = None) -> T | None:  # noqa: ASYNC109 - seconds to wait, not a scope
    """Wait for a flight without owning it; None if it has not landed in time or was ended. Its exception is raised."""
    await asyncio.wait({task}, timeout=timeout)
    return None if not task.done() or task.cancelled() else task.result()
