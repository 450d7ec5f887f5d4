"""Rotation as a simulation: clients and servers that lag behind always understand one another."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.issue import issue_authority, issue_leaf
from certs.keypair import KeyPair, fingerprints
from certs.rotate import State, Step, Terms, expiries, plan
from certs.store import decode, encode, ensure

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TERMS = Terms(authority=30 * HOUR, leaf=9 * HOUR, overlap=HOUR)
NAMES = ("pullproof.svc",)


class Unreachable(Exception):
    """The API server is away."""


@dataclass
class Cluster:
    """A Store and a Publisher that remember everything, and when."""

    now: datetime = START
    states: list[tuple[datetime, State]] = field(default_factory=list)
    bundles: list[tuple[datetime, bytes]] = field(default_factory=list)
    saves: int = 0
    reachable: bool = True

    async def load(self) -> State:
        return decode(encode(self.states[-1][1])) if self.states else State()

    async def save(self, state: State) -> None:
        self.saves += 1
        self.states.append((self.now, state))

    async def published(self) -> bytes:
        return self.bundles[-1][1] if self.bundles else b""

    async def publish(self, bundle: bytes) -> None:
        if not self.reachable:
            raise Unreachable
        assert fingerprints(bundle) == fingerprints(self.states[-1][1].bundle), "saved before it is published"
        self.bundles.append((self.now, bundle))

    def leaf_at(self, at: datetime) -> KeyPair | None:
        leaves = [state.leaf for when, state in self.states if when <= at]
        return leaves[-1] if leaves else None

    def bundle_at(self, at: datetime) -> bytes:
        bundles = [bundle for when, bundle in self.bundles if when <= at]
        return bundles[-1] if bundles else b""

    def verifies(self, leaf_at: datetime, bundle_at: datetime) -> None:
        leaf = self.leaf_at(leaf_at)
        assert leaf is not None
        store = Store(x509.load_pem_x509_certificates(self.bundle_at(bundle_at)))
        verifier = PolicyBuilder().store(store).time(self.now).build_server_verifier(x509.DNSName(NAMES[0]))
        verifier.verify(x509.load_pem_x509_certificate(leaf.certificate), [])


async def run(cluster: Cluster, now: datetime) -> State:
    cluster.now = now
    return await ensure(cluster, cluster, NAMES, now, TERMS)


async def test_the_first_call_makes_everything_and_the_second_nothing() -> None:
    cluster = Cluster()
    state = await run(cluster, START)
    cluster.verifies(START, START)
    saves = cluster.saves
    assert await run(cluster, START + HOUR / 60) == state
    assert cluster.saves == saves
    assert set(expiries(state)) == {"authority", "serving"}


@given(
    gaps=st.lists(st.integers(1, 90), min_size=5, max_size=60),
    server_lag=st.integers(0, 59),
    client_lag=st.integers(0, 59),
)
@settings(max_examples=40, deadline=None)
async def test_whoever_lags_less_than_the_overlap_can_verify(gaps: list[int], server_lag: int, client_lag: int) -> None:
    cluster, minute, now = Cluster(), HOUR / 60, START
    for gap in gaps * 3:
        await run(cluster, now)
        for late in (now, now + gap * minute / 2):
            cluster.now = late
            if late - START >= HOUR:
                cluster.verifies(late - server_lag * minute, late - client_lag * minute)
        now += gap * minute


async def test_an_authority_is_known_an_overlap_before_it_signs_and_after() -> None:
    cluster, seen, now = Cluster(), [], START
    while now < START + 24 * HOUR:
        state = await run(cluster, now)
        shape = (state.next is not None, bool(state.previous), len(fingerprints(state.bundle)))
        if not seen or seen[-1][1] != shape:
            seen.append((now, shape))
        now += HOUR / 4
    shapes = [shape for _, shape in seen]
    assert shapes == [(False, False, 1), (True, False, 2), (False, True, 2), (False, False, 1)]
    times = [at for at, _ in seen]
    assert times[2] - times[1] >= TERMS.overlap
    assert times[3] - times[2] >= TERMS.overlap


async def test_a_leaf_is_renewed_with_a_third_of_its_life_left() -> None:
    cluster = Cluster()
    first = (await run(cluster, START)).leaf
    assert first is not None
    assert (await run(cluster, START + 5 * HOUR)).leaf == first
    renewed = (await run(cluster, START + 7 * HOUR)).leaf
    assert renewed is not None
    assert renewed.not_after == START + 16 * HOUR


async def test_new_names_make_a_new_leaf_of_the_same_authority() -> None:
    cluster = Cluster()
    first = await run(cluster, START)
    second = await ensure(cluster, cluster, (*NAMES, "pullproof.svc.cluster.local"), START, TERMS)
    assert second.authority == first.authority
    assert second.leaf is not None
    assert second.leaf.names == {*NAMES, "pullproof.svc.cluster.local"}
    assert (await ensure(cluster, cluster, NAMES, START, TERMS)).leaf == second.leaf, "a name too many harms nobody"


async def test_a_publisher_that_is_away_delays_the_next_authority_not_the_leaf() -> None:
    cluster = Cluster()
    await run(cluster, START)
    cluster.reachable = False
    now = START + 22 * HOUR
    for _ in range(12):
        with pytest.raises(Unreachable):
            await run(cluster, now)
        now += HOUR / 2
    state = cluster.states[-1][1]
    assert state.next is not None
    assert state.leaf is not None
    assert not state.leaf.expired(now)
    assert state.leaf.signed_by(cluster.states[0][1].authority or state.next)
    cluster.reachable = True
    waiting = await run(cluster, now)
    assert waiting.next == state.next
    assert (await run(cluster, now + HOUR)).authority == state.next


async def test_a_bundle_that_somebody_changed_is_published_again_and_the_wait_begins_anew() -> None:
    cluster = Cluster()
    await run(cluster, START)
    staged = START + 21 * HOUR
    await run(cluster, staged)
    cluster.bundles.append((staged, b"rubbish"))
    state = await run(cluster, staged + HOUR)
    assert state.next is not None, "not promoted: clients may not know it"
    assert fingerprints(cluster.bundles[-1][1]) == fingerprints(state.bundle)
    assert (await run(cluster, staged + 2 * HOUR)).next is None


async def test_a_lost_store_keeps_what_is_published_trusted_for_an_overlap() -> None:
    cluster = Cluster()
    before = await run(cluster, START)
    cluster.states.clear()
    after = await run(cluster, START + HOUR)
    assert after.authority != before.authority
    assert fingerprints(before.bundle) < fingerprints(cluster.bundles[-1][1])
    later = await run(cluster, START + 3 * HOUR)
    assert fingerprints(cluster.bundles[-1][1]) == fingerprints(later.bundle)
    assert len(fingerprints(later.bundle)) == 1


async def test_after_a_long_sleep_everything_is_made_anew_at_once() -> None:
    cluster = Cluster()
    await run(cluster, START)
    state = await run(cluster, START + 1000 * HOUR)
    cluster.verifies(cluster.now, cluster.now)
    assert not state.previous or fingerprints(state.previous)


async def test_a_sleep_in_mid_rotation_promotes_at_once_when_the_old_one_is_dead() -> None:
    cluster = Cluster()
    await run(cluster, START)
    staged = await run(cluster, START + 21 * HOUR)
    woken = await run(cluster, START + 31 * HOUR)
    assert woken.authority == staged.next
    cluster.verifies(cluster.now, cluster.now)


async def test_a_clock_that_was_ahead_does_not_hold_up_a_rotation() -> None:
    cluster = Cluster()
    await run(cluster, START)
    staged = await run(cluster, START + 21 * HOUR)
    assert staged.published_at is not None
    cluster.states.append((cluster.now, replace(staged, published_at=staged.published_at + 900 * HOUR)))
    await run(cluster, START + 21.5 * HOUR)
    assert (await run(cluster, START + 23 * HOUR)).next is None


def test_an_expired_leaf_of_a_live_authority_is_renewed() -> None:
    authority = issue_authority(START, 30 * HOUR)
    leaf = issue_leaf(authority, NAMES, START, HOUR)
    state = State(authority=authority, leaf=leaf, published_at=START)
    assert plan(START + 2 * HOUR, state, authority.certificate, NAMES, TERMS) is Step.RENEW


def test_stored_and_read_back() -> None:
    authority = issue_authority(START, 30 * HOUR)
    state = State(
        authority=authority,
        leaf=issue_leaf(authority, NAMES, START, HOUR),
        next=issue_authority(START, 60 * HOUR),
        previous=issue_authority(START, HOUR).certificate,
        published_at=START,
        promoted_at=START + HOUR,
    )
    assert decode(encode(state)) == state
    assert decode(encode(State())) == State()


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"ca.crt": b"x", "ca.key": b"y", "tls.crt": b"", "rotation.json": b"[1]", "previous-ca.crt": b"z"},
        {"rotation.json": b'{"publishedAt": 5}'},
        {"rotation.json": b'{"publishedAt": "yesterday"}'},
        {"rotation.json": b"\xff"},
    ],
)
def test_what_cannot_be_read_is_not_there(files: dict[str, bytes]) -> None:
    assert decode(files) == State()


def test_a_torn_pair_is_not_there() -> None:
    one, other = issue_authority(START, HOUR), issue_authority(START, HOUR)
    assert decode({"ca.crt": one.certificate, "ca.key": other.key}).authority is None
