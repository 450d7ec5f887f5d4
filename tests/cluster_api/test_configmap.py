"""One key of a ConfigMap, followed on a real API server."""

import asyncio
import json

from webhook.cluster.client import open_cluster
from webhook.cluster.configmap import WatchedText
from webhook.wiring.edits import open_edits


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


async def test_edits_are_answered_by_events_on_the_config_map(cluster, namespace, eventually) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await cluster.request("POST", path, body={"metadata": {"name": "pullproof"}, "data": {"config.yaml": "a: 1"}})
    uid = json.loads(await cluster.request("GET", f"{path}/pullproof"))["metadata"]["uid"]

    async def told() -> list[tuple[str, str, str, str]]:
        found = await cluster.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")
        return [
            (each["type"], each["reason"], each["note"], each["reportingInstance"])
            for each in json.loads(found)["items"]
            if each["regarding"]["uid"] == uid
        ]

    async with open_edits(cluster, namespace, "pullproof", "pod-1") as edits:
        await eventually(lambda: edits.well)
        assert (edits.text, edits.source) == ("a: 1", "ConfigMap pullproof")
        for refused in ("line 1: unknown key 'a'", "", ""):
            edits.answer(refused)

        async def all_told() -> bool:
            return len(await told()) == 3

        await eventually(all_told)
    reloaded = ("Normal", "ConfigurationReloaded", "the edit is in force", "pod-1")
    refusal = "kept the last good one: line 1: unknown key 'a'"
    assert sorted(await told()) == [
        reloaded,
        reloaded,
        ("Warning", "ConfigurationRefused", refusal, "pod-1"),
    ]


async def test_who_may_not_watch_is_not_well(login, namespace, eventually) -> None:
    async with open_cluster(login("someone")) as api, open_edits(api, namespace, "pullproof", "pod-1") as edits:
        await eventually(lambda: bool(edits.watched.watching.trouble))
        assert (edits.well, edits.text) == (False, None)
