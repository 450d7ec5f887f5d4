"""Registries in trouble: they are spared, and they hold up nobody else. Counted; nothing here depends on real time."""

import asyncio

from webhook.credentials.credential import Credential
from webhook.image.reference import Reference
from webhook.registry.failure import error_of
from webhook.registry.limits import LimitRules
from webhook.registry.resolution import Failure, Resolved, Unresolved
from webhook.registry.resolver import RegistryResolver

ALICE = Credential(username="alice", secret="a", source='secret "a"')


def images(registry: str, number: int) -> list[Reference]:
    return [Reference.parse(f"{registry}/app-{each}:1") for each in range(number)]


async def resolve(resolver, reference, *logins):
    now = resolver._clock()
    return await resolver.resolve(reference, logins, deadline=now + 60, not_before=float("-inf"))


async def test_a_slow_registry_holds_up_nobody_else(registries, until) -> None:
    registries.gates["slow.example"] = asyncio.Event()
    async with RegistryResolver(registries) as resolver:
        slow = [asyncio.create_task(resolve(resolver, image)) for image in images("slow.example", 100)]
        await until(lambda: registries.inside["slow.example"] > 0)
        for round_ in range(10):  # 1,000 other images of ten registries, while it thinks
            answers = await asyncio.gather(*(resolve(resolver, image) for image in images(f"r{round_}.example", 100)))
            assert all(isinstance(answer, Resolved) for answer in answers)
        assert not any(task.done() for task in slow)
        registries.gates["slow.example"].set()
        assert all(isinstance(answer, Resolved) for answer in await asyncio.gather(*slow))
    assert registries.most_inside["slow.example"] == LimitRules().concurrency


async def test_a_registry_is_asked_so_many_things_at_once(registries, until) -> None:
    registries.gates["one.example"] = asyncio.Event()
    async with RegistryResolver(registries, limits=LimitRules(concurrency=3)) as resolver:
        waiting = [asyncio.create_task(resolve(resolver, image)) for image in images("one.example", 50)]
        await until(lambda: registries.inside["one.example"] == 3)
        registries.gates["one.example"].set()
        await asyncio.gather(*waiting)
    assert registries.most_inside["one.example"] == 3
    assert registries.looks["one.example"] == 50


async def test_a_429_is_not_retried_and_retry_after_is_honoured(registries, clock) -> None:
    def limited():
        error = error_of(Failure.RATE_LIMITED, "429")
        error.retry_after = 600.0
        return error

    registries.wrong["hub.example"] = limited
    async with RegistryResolver(registries, clock=clock) as resolver:
        for image in images("hub.example", 100):
            answer = await resolve(resolver, image)
            assert isinstance(answer, Unresolved)
            assert answer.failure is Failure.RATE_LIMITED
        assert registries.looks["hub.example"] == 1
        await resolve(resolver, images("hub.example", 1)[0], ALICE)  # an anonymous limit is no limit for a login
        assert registries.looks["hub.example"] == 2
        clock.now += 599
        await resolve(resolver, images("hub.example", 100)[-1])
        assert registries.looks["hub.example"] == 2
        clock.now += 2
        del registries.wrong["hub.example"]
        assert isinstance(await resolve(resolver, images("hub.example", 100)[-1]), Resolved)
        assert registries.looks["hub.example"] == 3


async def test_a_registry_that_is_down_is_left_alone(registries, clock) -> None:
    registries.wrong["down.example"] = lambda: error_of(Failure.CONNECT, "connection refused")
    rules = LimitRules()
    async with RegistryResolver(registries, clock=clock) as resolver:
        for image in images("down.example", 200):
            await resolve(resolver, image)
        assert registries.looks["down.example"] == rules.failures
        clock.now += rules.backoff + 0.1
        for image in images("down.example", 200):
            await resolve(resolver, image)
        assert registries.looks["down.example"] == rules.failures + 1, "one probe"
        for image in images("up.example", 200):
            assert isinstance(await resolve(resolver, image), Resolved)
        assert registries.looks["up.example"] == 200


async def test_refusals_and_absences_are_remembered_for_their_time(registries, clock) -> None:
    registries.wrong["registry.example"] = lambda: error_of(Failure.NOT_FOUND, "not found")
    (image,) = images("registry.example", 1)
    async with RegistryResolver(registries, clock=clock) as resolver:
        for _ in range(100):
            await resolve(resolver, image)
        assert registries.looks["registry.example"] == 1
        clock.now += 16
        await resolve(resolver, image)
        assert registries.looks["registry.example"] == 2


async def test_a_days_rollout_is_one_head_for_each_image_and_minute(registries, clock) -> None:
    """20 workloads of 20 pods each, made within the lifetime of a tag, and the same an hour later."""
    async with RegistryResolver(registries, clock=clock) as resolver:
        for _ in range(2):
            for _pod in range(20):
                for image in images("registry.example", 20):
                    await resolve(resolver, image)
                clock.now += 2
            clock.now += 3600
    assert registries.looks["registry.example"] == 40
