"""Waiting for what runs beside a test. The API server itself is in tests/conftest.py."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

import pytest


@pytest.fixture
def eventually() -> Callable[[Callable[[], Awaitable[bool] | bool]], Awaitable[None]]:
    """Wait, five seconds at most, for what another task or the API server is about to make true."""

    async def wait(true: Callable[[], Awaitable[bool] | bool]) -> None:
        async with asyncio.timeout(5):
            while not (await found if isinstance(found := true(), Awaitable) else found):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
async def running() -> AsyncIterator[Callable[[Coroutine[None, None, None]], None]]:
    """Run coroutines beside the test and end them with it."""
    tasks: list[asyncio.Task[None]] = []
    yield lambda coroutine: tasks.append(asyncio.create_task(coroutine))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
