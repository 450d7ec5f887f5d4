from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.breaker import Breaker, Told
from webhook.registry.resolution import Failure

DOWN = Told(Failure.CONNECT, "dial tcp: connection refused")


def fail(breaker: Breaker, now: float, times: int = 1) -> None:
    for _ in range(times):
        breaker.failed(DOWN, now, probe=breaker.ask())


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = Breaker(failures=3)
    fail(breaker, 0, 2)
    assert breaker.refusal(0) is None
    fail(breaker, 0)
    assert breaker.refusal(0) == DOWN


def test_an_answer_between_starts_the_count_anew() -> None:
    breaker = Breaker(failures=3)
    fail(breaker, 0, 2)
    breaker.answered()
    fail(breaker, 0, 2)
    assert breaker.refusal(0) is None


def test_after_the_back_off_one_may_probe_and_an_answer_closes_it() -> None:
    breaker = Breaker(failures=1, backoff=2)
    fail(breaker, 0)
    assert breaker.refusal(1.9) == DOWN
    assert breaker.refusal(2) is None
    assert breaker.ask()
    assert breaker.refusal(2) == DOWN  # the others wait for the probe
    breaker.answered()
    assert breaker.refusal(2) is None
    assert not breaker.open
    assert not breaker.ask()


def test_failed_probes_double_the_wait_up_to_a_bound() -> None:
    breaker = Breaker(failures=1, backoff=2, most_backoff=7)
    now, waits = 0.0, []
    fail(breaker, now)
    for _ in range(4):
        start = now
        while breaker.refusal(now):
            now += 0.5
        waits.append(now - start)
        fail(breaker, now)
    assert waits == [2, 4, 7, 7]


def test_failures_that_were_under_way_do_not_lengthen_the_wait() -> None:
    breaker = Breaker(failures=1, backoff=2)
    probes = [breaker.ask() for _ in range(10)]
    for probe in probes:
        breaker.failed(DOWN, 0, probe=probe)
    assert breaker.refusal(2) is None


def test_a_probe_that_broke_off_lets_the_next_one_probe() -> None:
    breaker = Breaker(failures=1, backoff=2)
    fail(breaker, 0)
    breaker.broke_off(probe=breaker.ask())
    assert breaker.refusal(2) is None


@given(st.lists(st.tuples(st.sampled_from(["ask", "answered", "failed", "broke off"]), st.integers(0, 9))))
def test_whatever_happens_it_lets_somebody_through_in_the_end(events) -> None:
    breaker, under_way, now = Breaker(failures=2, backoff=1, most_backoff=4), [], 0.0
    for event, number in events:
        now += number / 4
        if event == "ask":
            if breaker.refusal(now) is None:
                under_way.append(breaker.ask())
        elif under_way:
            probe = under_way.pop(number % len(under_way))
            if event == "answered":
                breaker.answered()
            elif event == "failed":
                breaker.failed(DOWN, now, probe=probe)
            breaker.broke_off(probe=probe)
    for probe in under_way:
        breaker.broke_off(probe=probe)
    assert breaker.refusal(now + 4) is None
