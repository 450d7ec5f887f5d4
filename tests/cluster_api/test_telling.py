"""Events of reviews: what is told, what is not, and that a real API server takes it."""

import json

import pytest

from webhook.cluster.events import Event, Events
from webhook.metrics import Metrics
from webhook.policy.decision import Judged, Level, Mode, Verdict
from webhook.policy.finding import Certainty, Code, Finding, FindingClass
from webhook.server.telling import Telling, event_of
from webhook.workload.workload import ContainerImage, PullPolicy, Role, Workload

GONE = Finding(
    code=Code.IMAGE_NOT_FOUND,
    cls=FindingClass.FAIL,
    message="tag not found.",
    brief=" not found in registry",
    fix="push it",
    certainty=Certainty.CERTAIN,
)


def verdict(kind: str = "Deployment", *, namespace: str = "shop", denied: bool = True, images: int = 1, **more):
    found = tuple(
        Judged(
            image=ContainerImage(
                role=Role.CONTAINER, name=f"c{n}", image=f"a{n}:1", pull_policy=PullPolicy.ALWAYS, field=f"f{n}"
            ),
            findings=(GONE,),
        )
        for n in range(images)
    )
    pairs = tuple((each, GONE) for each in found)
    return Verdict(
        workload=Workload(kind=kind, namespace=namespace, name="api", **more),
        judged=found,
        levels={Mode.ENFORCE: Level.BASELINE},
        denied=pairs if denied else (),
        warned=() if denied else pairs,
    )


def told(found: Verdict | None, *, dry_run: bool = False) -> list[Event]:
    events: list[Event] = []
    telling = Telling(Metrics(), events.append)
    telling.arrived()
    telling.answered("deployments", "CREATE", "denied", dry_run=dry_run, seconds=0.1, verdict=found)
    telling.overran()
    return events


def test_one_event_in_the_words_of_the_answer() -> None:
    (denied,) = told(verdict())
    assert (denied.reason, denied.action) == ("ImagePullDenied", "Deny")
    assert denied.note.startswith('1 of 1 image cannot be pulled in namespace "shop"')
    assert (denied.about.api_version, denied.about.kind, denied.about.name) == ("apps/v1", "Deployment", "api")
    (warned,) = told(verdict("CronJob", denied=False, images=3))
    assert (warned.reason, warned.about.api_version) == ("ImagePullPredicted", "batch/v1")
    assert warned.note.count("[image-not-found]") == 3


@pytest.mark.parametrize(
    ("found", "dry_run"),
    [(verdict(), True), (None, False), (verdict(partial=True), False), (Verdict(workload=verdict().workload), False)],
    ids=["dry run", "nothing judged", "partial", "fine"],
)
def test_what_is_not_told(found: Verdict | None, dry_run: bool) -> None:
    assert told(found, dry_run=dry_run) == []


async def test_the_api_server_takes_them(cluster, namespace, running, eventually) -> None:
    events = Events(cluster, "pullproof-1", pause=0)
    running(events.run())
    for found in (verdict(namespace=namespace, images=40), verdict("Pod", namespace=namespace, denied=False)):
        event = event_of(found)
        assert event is not None
        events.tell(event)

    async def both() -> bool:
        body = await cluster.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")
        return {each["reason"] for each in json.loads(body)["items"]} == {"ImagePullDenied", "ImagePullPredicted"}

    await eventually(both)
    assert events.dropped == 0
