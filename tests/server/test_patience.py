"""Work within a limit: as if it had been awaited under one all along."""

import asyncio

import pytest

from webhook.server.patience import OutOfTime, within


def soon(seconds: float = 60.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_work_that_need_not_wait() -> None:
    async def work() -> int:
        return 7

    assert await within(soon(-1.0), work()) == 7


async def test_work_that_waits() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return await asyncio.gather(asyncio.sleep(0, 3), asyncio.sleep(0, 4)) == [3, 4]

    assert await within(soon(), work())


async def test_errors_are_passed_on_before_and_after_a_wait() -> None:
    async def work(wait: bool) -> None:
        if wait:
            await asyncio.sleep(0)
        raise LookupError

    for wait in (False, True):
        with pytest.raises(LookupError):
            await within(soon(), work(wait))


async def test_the_limit_cancels_the_work() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(OutOfTime):
        await within(soon(0.01), work())
    assert ended == [True]


async def test_a_timeout_of_the_work_itself_is_its_own() -> None:
    async def work() -> None:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await within(soon(), work())


async def test_the_work_may_hold_a_time_limit_and_tasks_of_its_own() -> None:
    async def work() -> int:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0, 5))
        return task.result()

    assert await within(soon(), work()) == 5


async def test_who_is_cancelled_cancels_the_work() -> None:
    told = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    task = asyncio.create_task(within(soon(), work()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["cancelled"]


async def test_what_work_brings_at_its_very_end_counts() -> None:
    async def work() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 9
        return 0

    assert await within(soon(0.01), work()) == 9


async def test_work_that_is_dropped_is_closed() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    waiting = within(soon(), work())
    waiting.send(None)
    waiting.close()
    assert ended == [True]
