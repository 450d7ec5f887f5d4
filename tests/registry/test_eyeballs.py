import asyncio
from ipaddress import ip_address

import pytest

from webhook.registry.eyeballs import MOST, alternate, first_to_connect


class Refused(Exception):
    pass


class Connection:
    def __init__(self, address) -> None:
        self.address, self.closed = str(address), False

    async def aclose(self) -> None:
        self.closed = True


class Network:
    """Addresses that connect after a while, refuse after a while, or never answer (None)."""

    def __init__(self, **hosts: tuple[float | None, bool]) -> None:
        self.hosts = hosts
        self.tried: list[tuple[float, str]] = []
        self.made: list[Connection] = []
        self.given_up = 0

    async def connect(self, address) -> Connection:
        self.tried.append((asyncio.get_running_loop().time() - 1000, str(address)))
        seconds, answers = self.hosts[str(address)]
        try:
            await asyncio.sleep(1e9 if seconds is None else seconds)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if not answers:
            raise Refused(str(address))
        self.made.append(Connection(address))
        return self.made[-1]


def addresses(*texts: str):
    return [ip_address(text) for text in texts]


def race(virtual, network: Network, *texts: str) -> Connection:
    return virtual(first_to_connect(network.connect, addresses(*texts), failures=(Refused,)))


def test_families_take_turns() -> None:
    mixed = addresses("::1", "::2", "::3", "1.1.1.1", "2.2.2.2")
    assert alternate(mixed) == tuple(addresses("::1", "1.1.1.1", "::2", "2.2.2.2", "::3"))


def test_so_many_addresses_and_no_more() -> None:
    assert len(alternate(addresses(*(f"192.0.2.{number}" for number in range(200))))) == MOST


def test_the_first_that_answers_is_taken(virtual) -> None:
    network = Network(**{"1.1.1.1": (0.1, True), "2.2.2.2": (0.0, True)})
    assert race(virtual, network, "1.1.1.1", "2.2.2.2").address == "1.1.1.1"
    assert len(network.tried) == 1


def test_after_a_refusal_the_next_is_tried_at_once(virtual) -> None:
    network = Network(**{"1.1.1.1": (0.01, False), "2.2.2.2": (0.0, True)})
    assert race(virtual, network, "1.1.1.1", "2.2.2.2").address == "2.2.2.2"
    assert network.tried[1] == (pytest.approx(0.01), "2.2.2.2")


def test_beside_a_silent_one_the_next_is_tried_soon_and_the_silent_one_given_up(virtual) -> None:
    network = Network(**{"::1": (None, True), "2.2.2.2": (0.0, True)})
    assert race(virtual, network, "::1", "2.2.2.2").address == "2.2.2.2"
    assert network.tried[1] == (pytest.approx(0.25), "2.2.2.2")
    assert network.given_up == 1


def test_a_late_winner_wins_and_the_others_are_closed_or_given_up(virtual) -> None:
    network = Network(**{"::1": (0.3, True), "2.2.2.2": (0.05, True), "::3": (None, True)})
    winner = race(virtual, network, "::1", "::3", "2.2.2.2")
    assert not winner.closed
    assert all(connection.closed for connection in network.made if connection is not winner)


def test_two_that_connect_in_one_moment_leave_one(virtual) -> None:
    network = Network(**{"::1": (0.25, True), "2.2.2.2": (0.0, True)})
    winner = race(virtual, network, "::1", "2.2.2.2")
    assert [connection for connection in network.made if not connection.closed] == [winner]


def test_when_all_fail_the_first_failure_is_told(virtual) -> None:
    network = Network(**{"::1": (0.3, False), "2.2.2.2": (0.0, False)})
    with pytest.raises(Refused, match="::1"):
        race(virtual, network, "::1", "2.2.2.2")


def test_a_bug_ends_the_race(virtual) -> None:
    async def connect(address):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        virtual(first_to_connect(connect, addresses("::1", "2.2.2.2"), failures=(Refused,)))


def test_giving_up_gives_up_every_attempt(virtual) -> None:
    network = Network(**{"::1": (None, True), "2.2.2.2": (None, True)})

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await first_to_connect(network.connect, addresses("::1", "2.2.2.2"), failures=(Refused,))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual(main())
    assert network.given_up == 2
