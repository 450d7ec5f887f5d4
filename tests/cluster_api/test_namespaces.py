"""Labels of namespaces on a real API server."""

import asyncio

from webhook.cluster.client import open_cluster
from webhook.cluster.namespaces import ClusterNamespaces


def soon() -> float:
    return asyncio.get_running_loop().time() + 5


async def label(cluster, name: str, value: str) -> None:
    body = {"metadata": {"labels": {"pullproof.dev/enforce": value}}}
    await cluster.request("PATCH", f"/api/v1/namespaces/{name}", body=body, content_type="application/merge-patch+json")


async def test_unwatched_labels_are_read(cluster, namespace) -> None:
    await label(cluster, namespace, "off")
    source = ClusterNamespaces(cluster)
    assert (await source.labels(namespace, deadline=soon()))["pullproof.dev/enforce"] == "off"
    await source.close()


async def test_watched_labels_follow(cluster, namespace, running, eventually) -> None:
    source = ClusterNamespaces(cluster)
    running(source.watching.run())
    await asyncio.wait_for(source.watching.synced.wait(), 5)

    async def follows(value: str) -> bool:
        return (await source.labels(namespace, deadline=soon())).get("pullproof.dev/enforce") == value

    for value in ("baseline", "strict"):
        await label(cluster, namespace, value)
        await eventually(lambda value=value: follows(value))


async def test_what_is_watched_or_was_read_is_looked_up(cluster, namespace, running) -> None:
    await label(cluster, namespace, "baseline")
    source = ClusterNamespaces(cluster)
    assert source.lookup(namespace) is None
    read = await source.labels(namespace, deadline=soon())
    assert source.lookup(namespace) == read
    await source.close()
    assert source.lookup(namespace) is None
    running(source.watching.run())
    await asyncio.wait_for(source.watching.synced.wait(), 5)
    assert source.lookup(namespace) == read
    assert source.lookup("nobody-made-it") is None


async def test_a_namespace_made_a_moment_ago_is_read(cluster) -> None:
    source = ClusterNamespaces(cluster)
    source.watching.synced.set()
    body = {"metadata": {"name": "brand-new", "labels": {"team": "a"}}}
    await cluster.request("POST", "/api/v1/namespaces", body=body)
    assert (await source.labels("brand-new", deadline=soon()))["team"] == "a"
    await source.close()


async def test_what_cannot_be_known_is_empty(login, namespace) -> None:
    async with open_cluster(login("someone")) as api:
        source = ClusterNamespaces(api)
        assert await source.labels(namespace, deadline=soon()) == {}
        assert await source.labels("a/../b", deadline=soon()) == {}
        assert await source.labels("late", deadline=soon() - 10) == {}
        await source.close()
