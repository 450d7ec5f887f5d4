import asyncio

from webhook.registry.pools import Pools


class Connection:
    def __init__(self, busy: bool) -> None:
        self.busy = busy

    def is_idle(self) -> bool:
        return not self.busy

    def is_closed(self) -> bool:
        return False


class Pool:
    def __init__(self, key: str) -> None:
        self.key, self.closed, self.connections = key, False, []

    async def aclose(self) -> None:
        self.closed = True


def test_each_key_has_one_pool(virtual) -> None:
    async def main() -> None:
        pools = Pools(Pool, expiry=30)
        assert await pools.get("a") is await pools.get("a")
        assert await pools.get("a") is not await pools.get("b")

    virtual(main())


def test_a_pool_that_nobody_used_for_long_is_closed(virtual) -> None:
    async def main() -> None:
        pools = Pools(Pool, expiry=30)
        old = await pools.get("old")
        await asyncio.sleep(20)
        young = await pools.get("young")
        await asyncio.sleep(20)
        await pools.get("new")
        assert (old.closed, young.closed, len(pools)) == (True, False, 2)
        assert await pools.get("old") is not old

    virtual(main())


def test_a_pool_in_use_is_never_closed(virtual) -> None:
    async def main() -> None:
        pools = Pools(Pool, expiry=30, most=1)
        busy = await pools.get("busy")
        busy.connections = [Connection(busy=False), Connection(busy=True)]
        await asyncio.sleep(99)
        quiet = await pools.get("quiet")
        await asyncio.sleep(99)
        await pools.get("new")
        assert (busy.closed, quiet.closed) == (False, True)
        assert await pools.get("busy") is busy

    virtual(main())


def test_too_many_pools_make_the_quiet_ones_go(virtual) -> None:
    async def main() -> None:
        pools = Pools(Pool, expiry=30, most=10)
        made = []
        for number in range(500):
            made.append(await pools.get(str(number)))
            await asyncio.sleep(0.1)
        assert len(pools) <= 20  # ten, and those that were handed out within the last second
        assert [pool.closed for pool in made].count(False) == len(pools)
        assert not made[-1].closed

    virtual(main())


def test_a_pool_just_handed_out_is_not_closed_by_the_next_who_comes(virtual) -> None:
    async def main() -> None:
        pools = Pools(Pool, expiry=30, most=1)
        handed_out = [await pools.get(str(number)) for number in range(50)]
        assert not any(pool.closed for pool in handed_out)

    virtual(main())


def test_closing_closes_them_all(virtual) -> None:
    async def main() -> None:
        pools = Pools(Pool, expiry=30)
        made = [await pools.get(str(number)) for number in range(5)]
        await pools.aclose()
        assert all(pool.closed for pool in made)
        assert len(pools) == 0

    virtual(main())
