"""Many pods at once, cold: each image is asked for once. Counted at a real registry, through the real client."""

import asyncio

import pytest

from webhook.policy.decision import Outcome


async def test_a_thousand_pods_of_one_image_are_one_head(shop) -> None:
    verdicts = await asyncio.gather(*(shop.admit(number, [shop.image(0)]) for number in range(1000)))
    assert [judged.outcome for verdict in verdicts for judged in verdict.judged] == [Outcome.PASS] * 1000
    assert shop.heads == len(shop.world.asked) == 1


async def test_two_hundred_pods_of_three_images_are_three_heads(shop) -> None:
    images = [shop.image(number) for number in range(3)]
    verdicts = await asyncio.gather(*(shop.admit(number, images) for number in range(200)))
    assert [judged.outcome for verdict in verdicts for judged in verdict.judged] == [Outcome.PASS] * 600
    assert shop.heads == len(shop.world.asked) == 3


async def test_a_thousand_pods_of_a_missing_image_are_three_requests(shop) -> None:
    """The HEAD, a GET that confirms it in the registry's own words, and the tags for what was meant."""
    verdicts = await asyncio.gather(*(shop.admit(number, [shop.image(99)]) for number in range(1000)))
    assert [judged.outcome for verdict in verdicts for judged in verdict.judged] == [Outcome.FAIL] * 1000
    assert [asked.method for asked in shop.world.asked] == ["HEAD", "GET", "GET"]


@pytest.mark.parametrize("rounds", [50])
async def test_warm_pods_ask_nobody(shop, rounds: int) -> None:
    images = [shop.image(number) for number in range(10)]
    await shop.admit(0, images)
    before = len(shop.world.asked)
    for number in range(1, rounds):
        verdict = await shop.admit(number, images)
        assert verdict.allowed
    assert (before, len(shop.world.asked)) == (10, 10)


async def test_a_warm_pod_starts_no_task(shop) -> None:
    images = [shop.image(number) for number in range(10)]
    await shop.admit(0, images)
    started = []
    loop = asyncio.get_running_loop()

    def note(loop, coroutine, **arguments):
        started.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **arguments)

    loop.set_task_factory(note)
    try:
        await shop.admit(1, images)
    finally:
        loop.set_task_factory(None)
    assert started == []


async def test_a_warm_pod_is_recalled_and_a_cold_or_doomed_one_never(shop) -> None:
    images = [shop.image(number) for number in range(3)]
    assert shop.pipeline.recall(shop.workload(0, images)) is None
    inspected = await shop.admit(0, images)
    recalled = shop.pipeline.recall(shop.workload(0, images))
    assert recalled == inspected
    assert shop.pipeline.recall(shop.workload(1, [*images, shop.image(3)])) is None
    doomed = [*images, shop.image(99)]
    assert not (await shop.admit(2, doomed)).allowed
    assert shop.pipeline.recall(shop.workload(2, doomed)) is None
    assert shop.heads == 4
