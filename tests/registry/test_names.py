import asyncio
import socket
import threading
from collections import Counter
from contextlib import suppress

import pytest

from webhook.registry.names import Names, UnknownName, system_lookup


class Servers:
    """Name servers by zone: each answers at once, or hangs until it is let go."""

    def __init__(self) -> None:
        self.hanging: set[str] = set()
        self.let_go = threading.Event()
        self.asked: Counter[str] = Counter()
        self.inside: Counter[str] = Counter()
        self.most_inside: Counter[str] = Counter()
        self._lock = threading.Lock()

    def lookup(self, host: str) -> list[str]:
        zone = ".".join(host.split(".")[-2:])
        with self._lock:
            self.asked[host] += 1
            self.inside[zone] += 1
            self.most_inside[zone] = max(self.inside[zone], self.most_inside[zone])
        try:
            if zone in self.hanging and not self.let_go.wait(30):
                raise AssertionError("never let go")
        finally:
            with self._lock:
                self.inside[zone] -= 1
        if host.startswith("unknown."):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ["192.0.2.1", "2001:db8::1"]


@pytest.fixture
def servers():
    servers = Servers()
    yield servers
    servers.let_go.set()


async def within(seconds: float, names: Names, host: str) -> tuple[str, ...] | None:
    """Return the addresses, None when they take too long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await names.addresses(host)
    return None


async def test_addresses_keep_their_order(servers) -> None:
    assert await Names(servers.lookup).addresses("reg.test") == ("192.0.2.1", "2001:db8::1")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%eth0"])
async def test_an_address_is_not_looked_up(servers, host) -> None:
    assert await Names(servers.lookup).addresses(host) == (host,)
    assert not servers.asked


async def test_an_unknown_name_is_told_as_go_tells_it(servers) -> None:
    with pytest.raises(UnknownName, match=r"^no such host$"):
        await Names(servers.lookup).addresses("unknown.test")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "did not answer"),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure in name resolution"), "non-recoverable failure"),
        (OSError("odd"), "odd"),
        (UnicodeError("label empty or too long"), "no such host"),
    ],
)
async def test_every_failure_has_words(error, words) -> None:
    def lookup(host):
        raise error

    with pytest.raises(UnknownName, match=words):
        await Names(lookup).addresses("reg.test")


async def test_who_asks_for_one_name_shares_one_look_up(servers) -> None:
    servers.hanging.add("slow.test")
    names = Names(servers.lookup)
    waiting = [asyncio.create_task(names.addresses(host)) for host in ("a.slow.test", "A.slow.test") * 50]
    await asyncio.sleep(0.05)
    servers.let_go.set()
    assert set(await asyncio.gather(*waiting)) == {("192.0.2.1", "2001:db8::1")}
    assert servers.asked == {"a.slow.test": 1}


async def test_a_zone_that_hangs_holds_its_own_threads_only(servers) -> None:
    servers.hanging.add("slow.test")
    names = Names(servers.lookup, per_zone=4)
    stuck = [asyncio.create_task(names.addresses(f"{number}.slow.test")) for number in range(200)]
    await asyncio.sleep(0.05)
    fast = await asyncio.gather(*(within(30, names, f"{number}.fast{number % 9}.test") for number in range(100)))
    assert None not in fast
    assert not any(task.done() for task in stuck)
    assert servers.inside["slow.test"] == 4
    servers.let_go.set()
    await asyncio.gather(*stuck)
    assert servers.most_inside["slow.test"] == 4


async def test_invented_zones_delay_no_name_that_was_answered_before(servers) -> None:
    names = Names(servers.lookup, strangers=8)
    assert await names.addresses("registry.known.test")
    servers.hanging |= {f"evil{number}.test" for number in range(100)}
    stuck = [asyncio.create_task(names.addresses(f"x.evil{number}.test")) for number in range(100)]
    await asyncio.sleep(0.05)
    assert await within(30, names, "registry.known.test")
    assert await within(0.1, names, "registry.new.test") is None  # strangers wait for strangers
    assert sum(servers.inside.values()) == 8
    servers.let_go.set()
    await asyncio.gather(*stuck)


async def test_a_name_that_fails_is_a_stranger_again(servers) -> None:
    answers = iter([["192.0.2.1"], OSError("gone"), ["192.0.2.1"]])

    def lookup(host):
        if host != "registry.test":
            return servers.lookup(host)
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    names = Names(lookup, strangers=1)
    await names.addresses("registry.test")
    with pytest.raises(UnknownName):
        await names.addresses("registry.test")
    servers.hanging.add("evil.test")
    stuck = asyncio.create_task(names.addresses("x.evil.test"))
    await asyncio.sleep(0.02)
    assert await within(0.1, names, "registry.test") is None
    servers.let_go.set()
    await stuck


async def test_a_look_up_that_nobody_waits_for_never_starts(servers) -> None:
    servers.hanging.add("slow.test")
    names = Names(servers.lookup, per_zone=1)
    first = asyncio.create_task(names.addresses("a.slow.test"))
    await asyncio.sleep(0.02)
    assert await within(0.02, names, "b.slow.test") is None
    late = asyncio.create_task(names.addresses("c.slow.test"))
    await asyncio.sleep(0)
    servers.let_go.set()
    assert await first
    assert await late
    assert servers.asked == {"a.slow.test": 1, "c.slow.test": 1}


async def test_who_comes_after_everybody_left_starts_anew(servers) -> None:
    servers.hanging.add("slow.test")
    names = Names(servers.lookup, per_zone=1)
    first = asyncio.create_task(names.addresses("a.slow.test"))
    await asyncio.sleep(0.02)
    left = asyncio.create_task(names.addresses("b.slow.test"))
    await asyncio.sleep(0.02)
    left.cancel()
    await asyncio.sleep(0)
    again = asyncio.create_task(names.addresses("b.slow.test"))
    await asyncio.sleep(0)
    servers.let_go.set()
    assert await first
    assert await again


async def test_the_shared_executor_stays_free(servers) -> None:
    servers.hanging |= {f"evil{number}.test" for number in range(100)}
    names = Names(servers.lookup)
    stuck = [asyncio.create_task(names.addresses(f"x.evil{number}.test")) for number in range(100)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(30):
        assert await asyncio.to_thread(lambda: "free") == "free"
    assert sum(thread.name.startswith("lookup ") for thread in threading.enumerate()) == 32
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("lookup "))
    servers.let_go.set()
    await asyncio.gather(*stuck)


async def test_closing_gives_up_what_is_under_way(servers) -> None:
    servers.hanging.add("slow.test")
    names = Names(servers.lookup)
    waiting = asyncio.create_task(names.addresses("a.slow.test"))
    await asyncio.sleep(0.02)
    await names.aclose()
    with pytest.raises(UnknownName):
        await waiting


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_bug_in_a_look_up_leaves_nobody_waiting() -> None:
    def lookup(host):
        raise ZeroDivisionError

    with pytest.raises(UnknownName, match="broke off"):
        await Names(lookup).addresses("bug.test")
    for thread in threading.enumerate():  # its traceback is printed by the thread itself
        if thread.name == "lookup bug.test":
            thread.join(5)


@pytest.mark.parametrize(
    ("spelling", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0x7f.0x0.0x0.0x1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("2852039166", "169.254.169.254"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("0251.0376.0251.0376", "169.254.169.254"),
        ("169.254.43518", "169.254.169.254"),
        ("0", "0.0.0.0"),  # noqa: S104
        ("localhost", "127.0.0.1"),
    ],
)
def test_the_system_reads_addresses_in_every_spelling(spelling, address) -> None:
    assert address in system_lookup(spelling)


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..b", "." + "a" * 300])
def test_what_can_be_no_name_is_an_unknown_one(host) -> None:
    with pytest.raises(socket.gaierror):
        system_lookup(host)
