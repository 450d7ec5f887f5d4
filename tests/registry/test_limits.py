import asyncio
from contextlib import suppress

import pytest

from webhook.registry.failure import RegistryError
from webhook.registry.limits import GRACE, Held, LimitRules, Limits
from webhook.registry.observer import NullObserver
from webhook.registry.resolution import Attempt, Failure, Step


class Circuits(NullObserver):
    def __init__(self) -> None:
        self.seen: list[tuple[str, bool]] = []

    def circuit(self, registry: str, *, open: bool) -> None:
        self.seen.append((registry, open))


def now() -> float:
    return asyncio.get_running_loop().time()


def limits(observer=None, **rules) -> Limits:
    return Limits(LimitRules(**rules), now, observer or NullObserver())


async def look(gates: Limits, registry="reg.test", login="", *, seconds=0.0, error=None, budget=10.0) -> None:
    async with gates.enter(registry, login, deadline=now() + budget):
        await asyncio.sleep(seconds)
        if error is not None:
            raise error


async def fate(coroutine) -> str:
    """Say how a look ended: "ok", a failure, or a failure "held" without asking."""
    try:
        await coroutine
    except Held as held:
        return f"held: {held.failure}"
    except (RegistryError, ZeroDivisionError) as error:
        return str(getattr(error, "failure", type(error).__name__))
    return "ok"


def status(code: int) -> dict:
    attempt = Attempt(endpoint="", credential="", step=Step.MANIFEST, method="HEAD", status=code)
    return {"attempts": (attempt,)}


# --- places


def test_so_many_at_once_and_the_others_wait(virtual) -> None:
    async def main() -> None:
        gates = limits(concurrency=8)
        start = now()
        await asyncio.gather(*(look(gates, seconds=1) for _ in range(24)))
        assert now() - start == pytest.approx(3)

    virtual(main())


def test_a_registry_may_have_its_own_number(virtual) -> None:
    async def main() -> None:
        gates = limits(registries={"reg.test": 2})
        start = now()
        await asyncio.gather(*(look(gates, seconds=1) for _ in range(8)))
        assert now() - start == pytest.approx(4)

    virtual(main())


def test_who_finds_no_place_in_time_is_told_so_and_leaves_no_trace(virtual) -> None:
    async def main() -> None:
        gates = limits(concurrency=1)
        fates = await asyncio.gather(*(fate(look(gates, seconds=3, budget=5.9)) for _ in range(4)))
        assert fates == ["ok", "ok", "held: out-of-time", "held: out-of-time"]
        assert await fate(look(gates)) == "ok"

    virtual(main())


def test_places_come_back_whatever_happens(virtual, refuse) -> None:
    async def main() -> None:
        gates = limits(concurrency=1, failures=100)
        assert await fate(look(gates, error=refuse(Failure.NOT_FOUND))) == "not-found"
        assert await fate(look(gates, error=ZeroDivisionError())) == "ZeroDivisionError"
        assert await fate(look(gates, seconds=99, budget=5)) == "held: timeout"
        task = asyncio.create_task(look(gates, seconds=5))
        await asyncio.sleep(1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert await fate(look(gates)) == "ok"

    virtual(main())


def test_strangers_share_what_there_is_for_strangers(virtual) -> None:
    async def main() -> None:
        gates = limits(strangers=10)
        await look(gates, "known.test")
        invented = [asyncio.create_task(fate(look(gates, f"{number}.evil.test", seconds=4))) for number in range(100)]
        await asyncio.sleep(0)
        start = now()
        assert await fate(look(gates, "known.test")) == "ok"
        assert now() == start
        assert (await asyncio.gather(*invented)).count("ok") == 20
        assert await fate(look(gates, "new.test")) == "ok"

    virtual(main())


def test_a_registry_that_stops_answering_is_a_stranger_again(virtual, refuse) -> None:
    async def main() -> None:
        gates = limits(strangers=1, failures=1, backoff=2)
        await look(gates)
        await fate(look(gates, error=refuse(Failure.TIMEOUT)))
        await asyncio.sleep(2)
        invented = asyncio.create_task(look(gates, "evil.test", seconds=5))
        await asyncio.sleep(0)
        start = now()
        assert await fate(look(gates)) == "ok"
        assert now() - start == pytest.approx(5)
        await invented

    virtual(main())


def test_gates_of_invented_registries_are_dropped_and_known_ones_kept(virtual) -> None:
    async def main() -> None:
        gates = limits(most_gates=50, registries={"known.test": 1})
        await look(gates, "known.test")
        for number in range(500):
            await fate(look(gates, f"{number}.test", error=ZeroDivisionError()))
        assert len(gates._gates) <= 50
        assert gates._gates["known.test"].known

    virtual(main())


def test_gates_are_bounded_whatever_registries_ask_for(virtual, refuse) -> None:
    """Each of a thousand hosts asks for an hour's pause, or is down; one that is asked all the time is kept."""

    async def main() -> None:
        circuits = Circuits()
        gates = limits(circuits, most_gates=50, failures=1)
        errors = (refuse(Failure.RATE_LIMITED, retry_after=3600.0), refuse(Failure.CONNECT))
        for number in range(1000):
            await fate(look(gates, f"{number}.test", error=errors[number % 2]))
            await look(gates, "known.test")
        assert len(gates._gates) <= 50
        assert gates._gates["known.test"].known
        opened = [registry for registry, open in circuits.seen if open]
        closed = [registry for registry, open in circuits.seen if not open]
        assert len(opened) == 500
        assert set(opened) - set(closed) <= set(gates._gates)

    virtual(main())


def test_pauses_of_one_registry_are_bounded(virtual, refuse) -> None:
    async def main() -> None:
        gates = limits()
        for number in range(1000):
            error = refuse(Failure.RATE_LIMITED, retry_after=1000.0 + number)
            await fate(look(gates, login=f"l{number}", error=error))
        assert len(gates._gates["reg.test"].pauses) <= 256
        assert await fate(look(gates, login="l999")) == "held: rate-limited"
        assert await fate(look(gates, login="l0")) == "ok"

    virtual(main())


# --- the breaker


@pytest.mark.parametrize(
    ("failure", "fields", "opens"),
    [
        (Failure.DNS, {}, True),
        (Failure.CONNECT, {}, True),
        (Failure.TLS, {}, True),
        (Failure.TIMEOUT, {}, True),
        (Failure.PROXY, {}, True),
        (Failure.SERVER_ERROR, status(503), True),
        (Failure.SERVER_ERROR, {}, True),
        (Failure.SERVER_ERROR, status(400), False),
        (Failure.NOT_FOUND, status(404), False),
        (Failure.LOGIN_REFUSED, status(401), False),
        (Failure.RATE_LIMITED, {"retry_after": 0.0}, False),
        (Failure.NOT_A_REGISTRY, status(200), False),
        (Failure.ADDRESS_REFUSED, {}, False),
        (Failure.OUT_OF_TIME, {}, False),
    ],
)
def test_what_opens_the_breaker(virtual, refuse, failure, fields, opens) -> None:
    async def main() -> None:
        gates = limits(failures=3)
        fates = [await fate(look(gates, error=refuse(failure, **fields))) for _ in range(4)]
        assert fates == [failure] * 3 + [f"held: {failure}" if opens else failure]

    virtual(main())


def test_failures_of_our_own_making_neither_open_nor_close_it(virtual, refuse) -> None:
    async def main() -> None:
        gates = limits(failures=3)
        for _ in range(2):
            await fate(look(gates, error=refuse(Failure.CONNECT)))
            await fate(look(gates, error=refuse(Failure.ADDRESS_REFUSED)))
            await fate(look(gates, error=ZeroDivisionError()))
        await fate(look(gates, error=refuse(Failure.CONNECT)))
        assert await fate(look(gates)) == "held: connect"

    virtual(main())


def test_a_registry_that_comes_back_is_found_by_one_probe(virtual, refuse) -> None:
    circuits = Circuits()

    async def main() -> None:
        gates = limits(circuits, failures=2, backoff=2)
        for _ in range(2):
            await fate(look(gates, error=refuse(Failure.TIMEOUT)))
        assert await fate(look(gates)) == "held: timeout"
        await asyncio.sleep(2)
        probe = asyncio.create_task(fate(look(gates, seconds=1)))
        await asyncio.sleep(0.5)
        assert await fate(look(gates)) == "held: timeout"
        assert await probe == "ok"
        assert await fate(look(gates)) == "ok"

    virtual(main())
    assert circuits.seen == [("reg.test", True), ("reg.test", False)]


@pytest.mark.parametrize("ending", ["cancelled", "bug", "no place"])
def test_a_probe_that_breaks_off_is_followed_by_another(virtual, refuse, ending) -> None:
    async def main() -> None:
        gates = limits(failures=1, backoff=2)
        await fate(look(gates, error=refuse(Failure.CONNECT)))
        await asyncio.sleep(2)
        probe = asyncio.create_task(look(gates, seconds=1, error=ZeroDivisionError() if ending == "bug" else None))
        await asyncio.sleep(0.5)
        if ending == "cancelled":
            probe.cancel()
        with suppress(asyncio.CancelledError, ZeroDivisionError):
            await probe
        assert await fate(look(gates)) == "ok"

    virtual(main())


def test_those_who_queue_behind_a_registry_that_dies_are_let_go_at_once(virtual, refuse) -> None:
    async def main() -> None:
        gates = limits(concurrency=2, failures=2)
        start = now()
        dying = [fate(look(gates, seconds=4, error=refuse(Failure.TIMEOUT))) for _ in range(50)]
        fates = await asyncio.gather(*dying)
        assert now() - start == pytest.approx(4)
        assert fates == ["timeout"] * 2 + ["held: timeout"] * 48

    virtual(main())


def test_what_hangs_past_its_deadline_is_ended_and_counts(virtual) -> None:
    async def main() -> None:
        gates = limits(failures=2)
        start = now()
        for _ in range(2):
            assert await fate(look(gates, seconds=1e9, budget=3)) == "held: timeout"
        assert now() - start == pytest.approx(2 * (3 + GRACE))
        assert await fate(look(gates)) == "held: timeout"

    virtual(main())


# --- pauses


def test_a_429_pauses_the_login_that_met_it_until_the_time_it_named(virtual, refuse) -> None:
    async def main() -> None:
        gates = limits()
        await fate(look(gates, login="a", error=refuse(Failure.RATE_LIMITED, retry_after=100.0)))
        assert await fate(look(gates, login="b")) == "ok"
        await asyncio.sleep(40)
        with pytest.raises(Held) as held:
            await look(gates, login="a")
        assert held.value.retry_after == pytest.approx(60)
        await asyncio.sleep(60)
        assert await fate(look(gates, login="a")) == "ok"

    virtual(main())


@pytest.mark.parametrize(("asked", "wait"), [(None, 30), (5.0, 5), (1e9, 3600), (0.0, 0)])
def test_a_pause_has_a_default_and_a_bound(virtual, refuse, asked, wait) -> None:
    async def main() -> None:
        gates = limits()
        await fate(look(gates, error=refuse(Failure.RATE_LIMITED, retry_after=asked)))
        if wait:
            await asyncio.sleep(wait - 1)
            assert await fate(look(gates)) == "held: rate-limited"
            await asyncio.sleep(1)
        assert await fate(look(gates)) == "ok"

    virtual(main())


@pytest.mark.parametrize(("asked", "wait"), [(60.0, 60), (86400.0, 300)])
def test_retry_after_of_a_5xx_is_for_everyone_and_bounded(virtual, refuse, asked, wait) -> None:
    async def main() -> None:
        gates = limits()
        error = refuse(Failure.SERVER_ERROR, retry_after=asked, **status(503))
        assert await fate(look(gates, login="a", error=error)) == "server-error"
        await asyncio.sleep(wait - 1)
        assert await fate(look(gates, login="b")) == "held: server-error"
        await asyncio.sleep(1)
        assert await fate(look(gates, login="b")) == "ok"

    virtual(main())


def test_a_shorter_pause_does_not_end_a_longer_one(virtual, refuse) -> None:
    async def main() -> None:
        gates = limits()
        slow = asyncio.create_task(
            fate(look(gates, seconds=1, error=refuse(Failure.RATE_LIMITED, retry_after=1.0), budget=99))
        )
        await asyncio.sleep(0)
        await fate(look(gates, error=refuse(Failure.RATE_LIMITED, retry_after=100.0)))
        await slow
        await asyncio.sleep(50)
        assert await fate(look(gates)) == "held: rate-limited"

    virtual(main())


def test_those_who_queue_when_a_limit_is_met_do_not_ask(virtual, refuse) -> None:
    async def main() -> None:
        gates = limits(concurrency=1)
        limited = [fate(look(gates, seconds=1, error=refuse(Failure.RATE_LIMITED))) for _ in range(20)]
        assert await asyncio.gather(*limited) == ["rate-limited"] + ["held: rate-limited"] * 19

    virtual(main())


def test_one_registry_s_trouble_is_no_other_s(virtual, refuse) -> None:
    async def main() -> None:
        gates = limits(failures=1)
        await fate(look(gates, "a.test", error=refuse(Failure.CONNECT)))
        await fate(look(gates, "b.test", error=refuse(Failure.RATE_LIMITED)))
        assert await fate(look(gates, "c.test")) == "ok"

    virtual(main())
