import asyncio

import pytest

from webhook.registry.flights import Flights, landed


def test_a_flight_is_joined_until_it_lands(virtual) -> None:
    async def work() -> str:
        await asyncio.sleep(1)
        return "done"

    async def main() -> None:
        flights: Flights[str, str] = Flights()
        assert flights.join("a") is None
        task = flights.start("a", work())
        assert flights.join("a") is task
        assert await landed(task) == "done"
        assert flights.join("a") is None
        await asyncio.sleep(0)
        assert len(flights) == 0

    virtual(main())


def test_who_waits_may_leave(virtual) -> None:
    async def work() -> str:
        await asyncio.sleep(5)
        return "done"

    async def main() -> None:
        flights: Flights[str, str] = Flights()
        task = flights.start("a", work())
        assert await landed(task, timeout=1) is None
        waiter = asyncio.create_task(landed(task))
        await asyncio.sleep(1)
        waiter.cancel()
        assert await landed(task) == "done"

    virtual(main())


def test_a_bug_is_raised_for_each_who_waits(virtual) -> None:
    async def work() -> str:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    async def main() -> None:
        flights: Flights[str, str] = Flights()
        task = flights.start("a", work())
        outcomes = await asyncio.gather(landed(task), landed(task), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 2

    virtual(main())


def test_a_bug_that_nobody_waits_for_is_told_to_the_loop(virtual) -> None:
    async def work() -> str:
        raise ZeroDivisionError

    async def main() -> None:
        told: list[type[BaseException]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(type(context["exception"])))
        flights: Flights[str, str] = Flights()
        flights.start("a", work())
        await asyncio.sleep(1)
        assert told == [ZeroDivisionError]

    virtual(main())


def test_closing_ends_them_all(virtual) -> None:
    async def work() -> str:
        await asyncio.sleep(1e6)
        return "never"

    async def main() -> None:
        flights: Flights[int, str] = Flights()
        waiting = [asyncio.create_task(landed(flights.start(number, work()))) for number in range(9)]
        await asyncio.sleep(1)
        await flights.aclose()
        assert await asyncio.gather(*waiting) == [None] * 9
        await flights.aclose()

    virtual(main())


def test_flights_are_named(virtual) -> None:
    async def main() -> None:
        flights: Flights[str, None] = Flights()
        first = flights.start("a", asyncio.sleep(1))
        second = flights.start("b", asyncio.sleep(2))
        assert first is not second
        await landed(first)
        assert flights.join("b") is second
        await flights.aclose()

    virtual(main())


@pytest.mark.parametrize("timeout", [0, 0.0])
def test_no_time_is_no_wait(virtual, timeout) -> None:
    async def main() -> None:
        flights: Flights[str, None] = Flights()
        start = asyncio.get_running_loop().time()
        assert await landed(flights.start("a", asyncio.sleep(1)), timeout=timeout) is None
        assert asyncio.get_running_loop().time() == start
        await flights.aclose()

    virtual(main())
