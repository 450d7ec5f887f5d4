"""What happens to a webhook in its life, under a steady stream of new pods: none fails, and none goes unjudged."""

import base64
import json
import os
import signal
import ssl
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from installation import PATIENCE, SYSTEM, TRUSTING, until
from stream import describe, pods_created

from certs.issue import issue_authority, issue_leaf
from certs.rotate import State, Terms
from certs.store import decode, encode

SECRET = "pullproof-certificates"
TERMS = Terms()
SETTLED = 2.0
"""Seconds that the stream goes on after a change is over."""
OWN_WORK = 1.0
"""Seconds that the API server may take beside what it waits for webhooks."""


@pytest.fixture
def stream(pullproof, background, cluster, namespace):
    """Pods that are created all the time, judged from the first on."""
    with pods_created(background, cluster, namespace) as stream:
        until("the first pods", lambda: len(stream.answers) > 10)
        yield stream


@pytest.fixture
def all_judged(stream, record_property):
    """Assert that nothing failed and nothing went unjudged; conftest.py tells what was seen at the end of the run."""

    def assert_all_judged():
        time.sleep(SETTLED)
        told(stream, record_property)
        assert_none_failed_or_unjudged(stream)

    return assert_all_judged


def told(stream, record_property):
    counts = f"{len(stream.answers)} pods, {len(stream.failed)} failed, {len(stream.unjudged)} unjudged"
    record_property("seen", f"{counts}, the slowest after {stream.slowest:.2f} s")


def assert_none_failed_or_unjudged(stream):
    assert not stream.failed, describe(stream.failed)
    assert not stream.unjudged, describe(stream.unjudged)
    assert stream.let_in() == 0


class Kept:
    """The certificates as the cluster keeps them: read, and changed as if time had passed."""

    def __init__(self, chart):
        self._chart = chart

    def read(self) -> State:
        answer = self._chart.kubectl("get", "secret", SECRET, "-n", SYSTEM, "-o", "json")
        return decode({key: base64.b64decode(value) for key, value in json.loads(answer.stdout)["data"].items()})

    def change(self, **fields) -> None:
        before = self.read()
        old, new = encode(before), encode(replace(before, **fields))
        data = {key: base64.b64encode(value).decode() for key, value in new.items() if old.get(key) != value}
        patch = json.dumps({"data": dict.fromkeys(old.keys() - new.keys()) | data})
        done = self._chart.kubectl("patch", "secret", SECRET, "-n", SYSTEM, "--type=merge", "-p", patch)
        assert done.returncode == 0, done.stderr

    def overlap_passes(self, field: str) -> None:
        """Let the overlap be over since the moment in a field."""
        self.change(**{field: getattr(self.read(), field) - TERMS.overlap})

    def until_in_use(self) -> State:
        """Wait until every replica shows the kept leaf and the API server is told the kept bundle."""
        until("the newest certificates", self._in_use)
        time.sleep(1)  # the API server's own watch of the registration
        return self.read()

    def _in_use(self) -> bool:
        state = self.read()
        told = {base64.b64decode(hook["clientConfig"]["caBundle"]) for hook in self._chart.webhooks()}
        return told == {state.bundle} and all(shown(pod) in state.leaf.certificate for pod in self._chart.pods())


def shown(pod) -> bytes:
    return ssl.get_server_certificate((pod["status"]["podIP"], 10250)).strip().encode()


def test_a_new_leaf(chart, all_judged):
    kept = Kept(chart)
    state = kept.read()
    age = TERMS.leaf * 0.9
    old = issue_leaf(state.authority, state.leaf.names, datetime.now(UTC) - age, TERMS.leaf)
    kept.change(leaf=old)
    until("a new leaf", lambda: kept.read().leaf != old)
    assert kept.until_in_use().authority == state.authority
    all_judged()


@pytest.mark.long
def test_a_new_authority_and_then_another(chart, all_judged):
    """The only thing that is not real is the hour of each overlap: the stored times are set back by it."""
    kept = Kept(chart)
    first = kept.read().authority
    age = TERMS.authority * 0.9
    second = issue_authority(datetime.now(UTC) - age, TERMS.authority)  # spent, so it is replaced in its turn
    kept.change(next=second, published_at=None)
    until("that the next authority is published", lambda: kept.read().published_at is not None)
    assert kept.until_in_use().authority == first
    kept.overlap_passes("published_at")
    until("that it signs", lambda: kept.read().authority == second)
    assert kept.until_in_use().leaf.signed_by(second)
    until("that its successor is published", lambda: kept.read().next and kept.read().published_at)
    kept.until_in_use()
    kept.overlap_passes("promoted_at")
    until("that the first is retired", lambda: not kept.read().previous)
    kept.until_in_use()
    kept.overlap_passes("published_at")
    until("that the third signs", lambda: kept.read().authority not in (first, second))
    kept.until_in_use()
    kept.overlap_passes("promoted_at")
    until("that the second is retired", lambda: not kept.read().previous)
    last = kept.until_in_use()
    assert last.bundle == last.authority.certificate.strip() + b"\n"
    all_judged()


@pytest.mark.long
def test_a_rolling_upgrade(chart, all_judged):
    before = {pod["metadata"]["name"] for pod in chart.pods()}
    chart.upgrade({**TRUSTING, "podAnnotations": {"e2e.test/upgrade": str(time.time())}})
    until(
        "the end of the old pods", lambda: not before & {pod["metadata"]["name"] for pod in chart.pods(running=False)}
    )
    all_judged()


@pytest.mark.long
def test_from_two_replicas_to_three_to_one(chart, all_judged):
    chart.scale(3)
    chart.scale(1)
    all_judged()
    chart.scale(2)


def test_a_registration_that_somebody_changed_is_mended(chart, kubectl, all_judged):
    patch = json.dumps([{"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 29}])
    kubectl("patch", "validatingwebhookconfiguration", "pullproof", "--type=json", "-p", patch)
    until("that it is mended", lambda: {hook["timeoutSeconds"] for hook in chart.webhooks()} == {5}, seconds=15)
    all_judged()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hanging"])
def test_a_replica_that_ends_without_a_word(stream, chart, record_property, number):
    """Ignore lets in what nobody answers; whoever waits does so no longer than timeoutSeconds."""
    process = chart.process(chart.pods()[0])
    os.kill(process, number)
    until("that it is missed", lambda: chart.ready() == 1 or number == signal.SIGKILL)
    time.sleep(3)
    if number == signal.SIGSTOP:
        os.kill(process, signal.SIGCONT)
    until("that it is back", lambda: chart.ready() == 2, seconds=PATIENCE)
    time.sleep(SETTLED)
    assert not stream.failed, describe(stream.failed)
    timeout = chart.webhooks()[0]["timeoutSeconds"]
    told(stream, record_property)
    assert stream.slowest < timeout + OWN_WORK
    over = time.monotonic() - SETTLED / 2
    assert not [answer for answer in stream.unjudged if answer.began > over], "judged again"
