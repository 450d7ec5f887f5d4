"""A day's rollout through five replicas that share a cache on a real Redis: what it costs the registry, counted.

500 workloads of 20 pods, half of them with a login of their own; each pod is admitted by one replica or another. The
store's clock cannot be wound, so at the end of a tag's lifetime its entries are taken away by hand.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from redis.asyncio import Redis

from webhook.credentials.credential import Credential
from webhook.image.reference import Reference
from webhook.registry.resolution import Resolved
from webhook.registry.resolver import RegistryResolver
from webhook.registry.shared import SharedStore

PASSWORD = "of the store"
REPLICAS = 5
WORKLOADS = 500
PODS = 20
AT_ONCE = 25
LIFETIME = 60.0


@pytest.fixture
async def redis(store: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(store, password=PASSWORD) as client:
        await client.flushall()
        yield client


@pytest.fixture
async def replicas(
    store: str, registries: Any, clock: Callable[[], float], redis: Redis
) -> AsyncIterator[list[RegistryResolver]]:
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(REPLICAS):
            shared = SharedStore(store, password=PASSWORD, prefix="test:", timeout=30.0, claim=60.0)
            stack.push_async_callback(shared.aclose)
            found.append(await stack.enter_async_context(RegistryResolver(registries, shared=shared, clock=clock)))
        yield found


def pods(number: int) -> tuple[Reference, tuple[Credential, ...]]:
    """Return image and logins of a workload's pods."""
    login = Credential(username="robot", secret=f"s-{number}", source='secret "regcred"')
    return Reference.parse(f"registry.example/team-{number}/app:1"), (login,) if number % 2 else ()


async def rolled_out(replicas: list[RegistryResolver], numbers: range, deadline: float) -> None:
    """Admit all pods of some workloads at once, each at the replica whose turn it is."""
    answers = await asyncio.gather(
        *(
            replicas[(number + pod) % REPLICAS].resolve(image, logins, deadline=deadline, not_before=float("-inf"))
            for number in numbers
            for image, logins in [pods(number)]
            for pod in range(PODS)
        )
    )
    assert all(isinstance(answer, Resolved) for answer in answers)


async def test_one_head_for_each_image_login_and_lifetime_over_all_replicas(replicas, registries, clock, redis) -> None:
    for rollout in range(1, 3):
        for number in range(0, WORKLOADS, AT_ONCE):
            await rolled_out(replicas, range(number, number + AT_ONCE), clock() + 60)
        assert registries.looks.total() == WORKLOADS * rollout
        assert max(registries.by_login.values()) == rollout
        assert len(registries.by_login) == WORKLOADS
        assert await redis.dbsize() == WORKLOADS
        clock.now += LIFETIME + 1
        await redis.flushall()


async def test_the_store_forgets_when_the_answer_does(replicas, registries, clock, redis) -> None:
    image, logins = pods(1)
    await replicas[0].resolve(image, logins, deadline=clock() + 60, not_before=float("-inf"))
    (name,) = await redis.keys()
    assert 0 < await redis.pttl(name) <= LIFETIME * 1000
