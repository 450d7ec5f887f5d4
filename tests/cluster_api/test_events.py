"""Events on a real API server."""

import json

import pytest

from webhook.cluster.events import Event, Events, Subject


@pytest.fixture
def event(namespace):
    about = Subject(api_version="apps/v1", kind="Deployment", namespace=namespace, name="api", uid="u")
    return lambda note="n" * 2000: Event(about=about, reason="ImageNotPullable", action="Denied", note=note)


async def stored(cluster, namespace) -> list[dict]:
    body = await cluster.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")
    return json.loads(body)["items"]


async def test_is_written_once(cluster, namespace, event, running, eventually) -> None:
    events = Events(cluster, "pullproof-1", pause=0)
    running(events.run())
    for _ in range(5):
        events.tell(event())
    events.tell(event("another"))
    events.tell(event("…" * 2000))  # the API server counts bytes

    async def all_of_them() -> bool:
        return len(await stored(cluster, namespace)) == 3

    await eventually(all_of_them)
    one = next(each for each in await stored(cluster, namespace) if each["note"][0] == "n")
    assert one["note"] == "n" * 1021 + "…"
    assert (one["type"], one["reason"], one["action"]) == ("Warning", "ImageNotPullable", "Denied")
    assert one["regarding"]["name"] == "api"
    assert events.dropped == 0


async def test_never_waits_and_drops_what_is_too_much(cluster, event) -> None:
    events = Events(cluster, "pullproof-1", most=3, known=10)
    for number in range(50):
        events.tell(event(str(number)))
    assert events.dropped == 47
    assert len(events._told) <= 10


async def test_what_cannot_be_written_is_counted(cluster, event, running, eventually) -> None:
    events = Events(cluster, "pullproof-1", pause=0)
    wrong = Subject(api_version="v1", kind="Pod", namespace="absent", name="x")
    running(events.run())
    events.tell(Event(about=wrong, reason="R", action="A", note="n"))
    await eventually(lambda: events.dropped == 1)
