"""Who waits for which read: a fake source whose reads end when the test says so."""

import asyncio
from collections import defaultdict

import pytest

from webhook.cluster.reads import SharedReads

ANY_AGE = float("-inf")


class Source:
    """Counts its reads by key; each waits for `gate`."""

    def __init__(self) -> None:
        self.reads: dict[str, int] = defaultdict(int)
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = 0
        self.most_under_way = 0

    async def __call__(self, key: str) -> str:
        self.reads[key] += 1
        number = self.reads[key]
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        return f"{key}{number}"


def now() -> float:
    return asyncio.get_running_loop().time()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_kept_serves_any_age() -> None:
    source = Source()
    reads = SharedReads(source)
    first = await reads.get("a", deadline=now() + 1, not_before=ANY_AGE)
    assert first == await reads.get("a", deadline=now() + 1, not_before=ANY_AGE) == "a1"


async def test_what_is_kept_can_be_looked_up_and_nothing_else() -> None:
    source = Source()
    reads = SharedReads(source, ttl=0.05)
    assert reads.lookup("a") is None
    first = await reads.get("a", deadline=now() + 1, not_before=ANY_AGE)
    assert (reads.lookup("a"), reads.lookup("b")) == (first, None)
    await asyncio.sleep(0.1)
    assert reads.lookup("a") is None


async def test_what_began_too_early_is_read_again() -> None:
    reads = SharedReads(Source(), spacing=0)
    await reads.get("a", deadline=now() + 1, not_before=ANY_AGE)
    assert await reads.get("a", deadline=now() + 1, not_before=now()) == "a2"


async def test_a_read_that_began_for_this_question_serves_its_second_look() -> None:
    source = Source()
    reads = SharedReads(source)
    asked = now()
    await reads.get("a", deadline=now() + 1, not_before=ANY_AGE)
    assert await reads.get("a", deadline=now() + 1, not_before=asked) == "a1"


async def test_two_hundred_who_ask_at_once_cost_one_read() -> None:
    source = Source()
    reads = SharedReads(source)
    found = await asyncio.gather(*(reads.get("a", deadline=now() + 1, not_before=now()) for _ in range(200)))
    assert set(found) == {"a1"}


async def test_who_comes_while_an_old_read_is_under_way_shares_the_next() -> None:
    source = Source()
    source.gate.clear()
    reads = SharedReads(source, spacing=0)
    early = asyncio.create_task(reads.get("a", deadline=now() + 5, not_before=ANY_AGE))
    await settle()
    late = [asyncio.create_task(reads.get("a", deadline=now() + 5, not_before=now())) for _ in range(50)]
    await settle()
    assert source.reads["a"] == 1
    source.gate.set()
    assert {await early, *[await each for each in late]} == {"a1", "a2"}
    assert source.most_under_way == 1


async def test_a_key_is_read_again_only_after_the_spacing() -> None:
    source = Source()
    reads = SharedReads(source, spacing=60)
    await reads.get("a", deadline=now() + 1, not_before=ANY_AGE)
    with pytest.raises(TimeoutError):
        await reads.get("a", deadline=now() + 0.01, not_before=now())
    assert source.reads["a"] == 1
    await reads.close()


async def test_a_callers_deadline_does_not_end_the_read() -> None:
    source = Source()
    source.gate.clear()
    reads = SharedReads(source)
    with pytest.raises(TimeoutError):
        await reads.get("a", deadline=now() + 0.01, not_before=ANY_AGE)
    source.gate.set()
    await settle()
    assert await reads.get("a", deadline=now() + 1, not_before=ANY_AGE) == "a1"


async def test_past_the_deadline_nothing_is_begun() -> None:
    source = Source()
    with pytest.raises(TimeoutError):
        await SharedReads(source).get("a", deadline=now() - 1, not_before=ANY_AGE)
    assert not source.reads


async def test_what_is_kept_goes_by_itself() -> None:
    reads = SharedReads(Source(), ttl=0.02, spacing=0)
    await reads.get("a", deadline=now() + 1, not_before=ANY_AGE)
    await asyncio.sleep(0.04)
    assert not reads._kept
    assert await reads.get("a", deadline=now() + 1, not_before=ANY_AGE) == "a1".replace("1", "2")


async def test_keys_and_turns_are_bounded() -> None:
    source = Source()
    source.gate.clear()
    reads = SharedReads(source, most=10, at_once=3)
    tasks = [asyncio.create_task(reads.get(str(n), deadline=now() + 5, not_before=ANY_AGE)) for n in range(40)]
    await settle()
    assert source.under_way == 3
    source.gate.set()
    await asyncio.gather(*tasks)
    assert len(reads._kept) == 10
    assert source.most_under_way == 3


async def test_close_ends_what_is_under_way() -> None:
    source = Source()
    source.gate.clear()
    reads = SharedReads(source)
    reads.begin("a", not_before=ANY_AGE)
    reads.begin("a", not_before=ANY_AGE)
    await settle()
    assert source.reads["a"] == 1
    await reads.close()
    assert source.under_way == 0
