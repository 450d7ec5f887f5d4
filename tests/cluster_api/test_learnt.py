"""What is kept of what was learnt, and for how long."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.cluster.learnt import DAY, MOST, Fact, Learnt
from webhook.cluster.notebook import Notebook

NOW = 1_900_000_000.0


def test_what_is_written_is_read_back() -> None:
    learnt = (
        Learnt()
        .with_logins({"reg.example": "pod shop/api runs …"}, NOW)
        .with_contradiction("docker.io", "image-not-found", "pod a/b: its node pulled x", NOW)
        .with_seen(mirrors={"spegel": "pod m/s runs spegel"}, mutators={"zarf": "webhook zarf"}, now=NOW)
    )
    assert Learnt.decode(learnt.encode()) == learnt
    assert learnt.contradictions("docker.io") == {"image-not-found"}
    assert learnt.contradictions("quay.io") == frozenset()
    assert dict(learnt.sentences()) == {
        "nodes hold a login (or a mirror) for reg.example": "pod shop/api runs …",
        "nodes have mirrors: spegel": "pod m/s runs spegel",
        "pods are changed before they run: zarf": "webhook zarf",
        "image-not-found was wrong for docker.io": "pod a/b: its node pulled x",
    }


@given(st.text(max_size=200))
def test_nonsense_is_nothing_learnt(text: str) -> None:
    assert isinstance(Learnt.decode(text), Learnt)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"logins": []}', '{"logins": {"a": 1}}', "[" * 10_000])
def test_broken_documents_are_nothing_learnt(text: str) -> None:
    assert Learnt.decode(text) == Learnt()


def test_facts_go_when_they_are_long_unseen_and_contradictions_stay() -> None:
    learnt = (
        Learnt()
        .with_logins({"old.example": "p"}, NOW - 15 * DAY)
        .with_logins({"new.example": "p"}, NOW - 13 * DAY)
        .with_contradiction("docker.io", "image-not-found", "p", NOW - 400 * DAY)
        .with_seen(mirrors={"m": "p"}, mutators={"x": "p"}, now=NOW - 2 * DAY)
        .with_seen(mirrors={}, mutators={"y": "p"}, now=NOW)
    )
    assert set(learnt.logins) == {"new.example"}
    assert learnt.mirrors == {}
    assert learnt.mutators == {"y": Fact("p", NOW)}
    assert learnt.contradictions("docker.io")
    assert learnt.surveyed == NOW


def test_it_stays_small() -> None:
    learnt = Learnt()
    for number in range(1000):
        learnt = learnt.with_contradiction(f"r{number}", "c", "p" * 5000, NOW + number)
    learnt = learnt.with_logins({f"r{number}": "p" for number in range(1000)}, NOW)
    learnt = learnt.with_seen(mirrors={f"m{n}": "p" for n in range(1000)}, mutators={}, now=NOW)
    assert len(learnt.logins) == len(learnt.contradicted) == MOST
    assert "r999 c" in learnt.contradicted
    assert len(learnt.mirrors) <= 16
    assert len(learnt.encode()) < 200_000


async def test_replicas_share_a_notebook(cluster, namespace) -> None:
    one, two = (Notebook(cluster, namespace, "evidence") for _ in range(2))
    assert await one.read() == Learnt()
    await one.note(lambda known: known.with_logins({"a.example": "p"}, NOW))
    await two.note(lambda known: known.with_logins({"b.example": "p"}, NOW))
    assert set((await one.read()).logins) == {"a.example", "b.example"}
    assert set(two.learnt.logins) == {"a.example", "b.example"}


async def test_writers_that_meet_lose_nothing(cluster, namespace) -> None:
    first = Notebook(cluster, namespace, "evidence")
    await first.note(lambda known: known.with_logins({"seed": "p"}, NOW))

    class Racing:
        """Lets another replica write between this one's read and its write, once."""

        raced = False

        async def request(self, method, path, **more):
            if method == "PATCH" and not Racing.raced:
                Racing.raced = True
                await first.note(lambda known: known.with_logins({"other": "p"}, NOW))
            return await cluster.request(method, path, **more)

    await Notebook(Racing(), namespace, "evidence").note(lambda known: known.with_logins({"mine": "p"}, NOW))
    assert set((await first.read()).logins) == {"seed", "other", "mine"}


async def test_what_a_person_deletes_is_forgotten(cluster, namespace) -> None:
    book = Notebook(cluster, namespace, "evidence")
    await book.note(lambda known: known.with_contradiction("docker.io", "image-not-found", "p", NOW))
    path = f"/api/v1/namespaces/{namespace}/configmaps/evidence"
    assert "image-not-found" in json.loads(await cluster.request("GET", path))["data"]["evidence.json"]
    await cluster.request("DELETE", path)
    assert await book.read() == Learnt()
    await book.note(lambda known: known.with_logins({"a": "p"}, NOW))
    assert set(book.learnt.logins) == {"a"}


async def test_what_cannot_be_written_is_known_here(cluster, login, namespace) -> None:
    from webhook.cluster.client import open_cluster

    async with open_cluster(login("someone")) as api:
        book = Notebook(api, namespace, "evidence")
        await book.note(lambda known: known.with_logins({"a": "p"}, NOW))
        assert set(book.learnt.logins) == {"a"}
