"""Time limits for work that mostly need not wait (pure but for the loop's timer).

`asyncio.timeout` sets a timer and cancels it again, which costs more than all that a warm review does besides. So the
work is begun first, and only where it has to wait is the timer set for the rest. Both happen in the caller's task.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class OutOfTime(Exception):
    """The limit passed before the work was done; the work was cancelled."""


async def within(limit: float, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns, raise what it raises, or `OutOfTime` at `limit` (absolute loop time)."""
    try:
        waited = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    try:
        async with asyncio.timeout_at(limit) as clock:
            return await _Rest(work, waited)
    except TimeoutError as error:
        if not clock.expired():
            raise
        raise OutOfTime from error


class _Rest(Generic[T]):
    """A coroutine that has begun, and what it waits for; to be awaited by the task that began it."""

    def __init__(self, work: Coroutine[Any, Any, T], waited: Any) -> None:
        self._work = work
        self._waited = waited

    def __await__(self) -> Generator[Any, Any, T]:
        while True:
            step: Callable[[], Any]
            try:
                sent = yield self._waited
            except BaseException as error:  # noqa: BLE001 - what is thrown in here is meant for the work
                step = _throwing(self._work, error)
            else:
                step = _sending(self._work, sent)
            try:
                self._waited = step()
            except StopIteration as done:
                result: T = done.value
                return result


def _sending(work: Coroutine[Any, Any, T], value: object) -> Callable[[], Any]:
    return lambda: work.send(value)


def _throwing(work: Coroutine[Any, Any, T], error: BaseException) -> Callable[[], Any]:
    return lambda: work.throw(error)
