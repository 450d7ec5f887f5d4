"""One key of a ConfigMap, followed on a real API server."""

import asyncio

from webhook.cluster.configmap import WatchedText


async def test_follows_edits_within_a_moment(cluster, namespace, running, eventually) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    watched = WatchedText(cluster, namespace, "pullproof", "config.yaml")
    running(watched.watching.run())
    await asyncio.wait_for(watched.watching.synced.wait(), 5)
    assert watched.text is None
    await cluster.request("POST", path, body={"metadata": {"name": "other"}, "data": {"config.yaml": "not this"}})
    await cluster.request("POST", path, body={"metadata": {"name": "pullproof"}, "data": {"config.yaml": "a: 1"}})
    await asyncio.wait_for(watched.changed.wait(), 5)
    assert watched.text == "a: 1"
    watched.changed.clear()
    body = {"data": {"config.yaml": "a: 2", "else": "x"}}
    await cluster.request("PATCH", f"{path}/pullproof", body=body, content_type="application/merge-patch+json")
    await asyncio.wait_for(watched.changed.wait(), 5)
    assert watched.text == "a: 2"
    await cluster.request("DELETE", f"{path}/pullproof")
    await eventually(lambda: watched.text is None)
