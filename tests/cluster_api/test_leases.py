"""One writer at a time, on a real API server."""

import asyncio
import json

import pytest

from webhook.cluster.failure import Unavailable
from webhook.cluster.leases import Lease


def path(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/writer"


@pytest.fixture
def lease(cluster, namespace):
    return lambda identity, duration=15, api=cluster: Lease(api, namespace, "writer", identity, duration=duration)


async def stored(cluster, namespace) -> dict:
    return json.loads(await cluster.request("GET", path(namespace)))["spec"]


async def test_the_first_takes_it_and_renews(lease, cluster, namespace) -> None:
    one, two = lease("one"), lease("two")
    assert not one.held
    assert await one.attempt()
    assert not await two.attempt()
    first = await stored(cluster, namespace)
    assert await one.attempt()
    again = await stored(cluster, namespace)
    assert (first["holderIdentity"], first["leaseTransitions"]) == ("one", 1)
    assert again["acquireTime"] == first["acquireTime"]
    assert again["renewTime"] > first["renewTime"]


async def test_an_empty_lease_of_the_chart_is_free(lease, cluster, namespace) -> None:
    folder = path(namespace).rpartition("/")[0]
    await cluster.request("POST", folder, body={"metadata": {"name": "writer", "labels": {"owner": "helm"}}})
    async with lease("one").kept() as one:
        assert await one.attempt()
    found = json.loads(await cluster.request("GET", path(namespace)))
    assert found["metadata"]["labels"] == {"owner": "helm"}
    assert "holderIdentity" not in found["spec"]


async def test_of_many_one_wins(lease) -> None:
    many = [lease(str(number)) for number in range(20)]
    assert sum(await asyncio.gather(*(each.attempt() for each in many))) == 1


async def test_given_back_it_is_free_at_once(lease, eventually) -> None:
    one, two = lease("one"), lease("two")
    async with one.kept():
        await eventually(lambda: one.held)
        assert not await two.attempt()
    assert not one.held
    assert await two.attempt()


async def test_a_lapsed_one_is_taken(lease) -> None:
    one, two = lease("one", 1), lease("two", 1)
    assert await one.attempt()
    assert not await two.attempt()
    await asyncio.sleep(1.1)
    assert not one.held
    assert await two.attempt()
    assert not await one.attempt()


async def test_a_holder_that_is_cut_off_stops_before_others_may_begin(lease) -> None:
    class Cut:
        async def request(self, *_, **__):
            raise Unavailable("cut off")

    one = lease("one", 1)
    assert await one.attempt()
    one._api = Cut()
    assert await one.attempt()
    await asyncio.sleep(0.7)
    assert not await one.attempt()
