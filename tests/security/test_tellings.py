"""Events, reports and log lines: no leak of what nobody may read, and no flood of what everybody would have to.

All of them are written for requests that whoever may create pods, or reaches our port, sends as they please.
"""

import asyncio
import io
import json
import logging
import threading

import pytest

from webhook.cluster.events import Events
from webhook.policy.decision import Outcome
from webhook.policy.finding import Code, Finding, FindingClass
from webhook.reports.report import ReportedImage
from webhook.reports.stored_report import stored_report
from webhook.server.log import JsonFormatter, Unhurried

PULL = "pullKanari3nv0gel+im/Bergwerk=77"
EVENTS = {"server": {"drain": "0s", "events": True}, "nodes": {"logins": "none"}}


class Api:
    """Takes Events, as quickly as they come."""

    def __init__(self):
        self.written = []

    async def request(self, method, path, *, body, **_):
        self.written.append(body)
        return b"{}"


async def test_an_event_repeats_no_login(scene, reply, leaked):
    """A registry that says what it was sent: an Event is read by more people than an answer is."""
    told = []
    here = await scene(config=EVENTS, tell=told.append)
    here.api.put_login("good", here.registry, "u", PULL)

    def script(seen):
        if not seen.authorized:
            return reply(status=401, headers=(("WWW-Authenticate", 'Basic realm="x"'),))
        said = seen.raw.decode("latin-1").partition("uthorization: ")[2].partition("\r")[0]
        error = {"code": "DENIED", "message": f"no access with {said}"}
        body = json.dumps({"errors": [error]}).encode()
        status = int(seen.path.rpartition("/")[2])
        return reply(status=status, headers=(("Content-Type", "application/json"),), body=body)

    here.stranger.script = script
    for tag in (400, 412, 451):
        await here.apply(f"{here.registry}/x/y:{tag}", secrets=("good",))
    assert any(leaked(seen.raw, PULL) for seen in here.stranger.seen)
    assert ["no access with" in each.note for each in told] == [True] * 3
    assert [each.note for each in told if leaked(each.note.encode(), PULL)] == []


async def test_reviews_in_thousands_write_no_thousands_of_events(scene):
    """Each is another pod that is warned about; what waits to be written is bounded, and so is what is remembered."""
    told = []
    here = await scene(config=EVENTS, tell=told.append)
    await here.apply("x//y")
    events = Events(Api(), "pullproof-1")
    (first,) = told
    for number in range(5_000):
        about = type(first.about)(api_version="v1", kind="Pod", namespace="shop", name=f"p{number}")
        events.tell(type(first)(about=about, reason=first.reason, action=first.action, note=first.note))
    assert events._queue.qsize() <= 200
    assert events.dropped >= 4_800
    assert len(events._told) <= 1_000


async def test_the_same_review_again_and_again_is_one_event(scene):
    api = Api()
    events = Events(api, "pullproof-1", pause=0)
    writing = asyncio.create_task(events.run())
    here = await scene(config=EVENTS, tell=events.tell)
    for _ in range(20):
        await here.apply("x//y")
    await asyncio.sleep(0.1)
    writing.cancel()
    assert len(api.written) == 1


def _image(number, size):
    finding = Finding(code=Code.LATEST_TAG, cls=FindingClass.WARN, message="m" * size, brief="", fix="")
    return ReportedImage(
        image=f"reg.example/a:{number}",
        kind="Deployment",
        api_version="apps/v1",
        namespace="shop",
        name="api",
        container="c",
        outcome=Outcome.WARN,
        findings=(finding,),
    )


@pytest.mark.parametrize(("count", "size"), [(20_000, 10), (400, 20_000)], ids=["many results", "long results"])
def test_a_namespace_of_thousands_of_images_is_a_report_that_etcd_takes(count, size):
    report = stored_report("shop", [_image(number, size) for number in range(count)], name="pullproof")
    assert len(json.dumps(report)) < 400 * 1024


async def test_names_of_a_megabyte_are_no_lines_of_a_megabyte(scene, review):
    """The log is shipped and kept: what a stranger writes into it is bounded."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("pullproof.admission")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        here = await scene()
        spec = {"containers": [{"name": "c", "image": "x//y"}]}
        await here.send(json.dumps(review(spec, name="n" * 1_000_000, user="u" * 1_000_000)).encode())
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["message"] == "denied"
    assert len(line) < 8_192


def test_lines_that_nobody_reads_are_not_kept_for_ever(blocked):
    """A pipe that is full, and a request a millisecond."""
    handler = Unhurried(blocked)
    for number in range(20_000):
        handler.emit(logging.LogRecord("x", logging.INFO, __file__, 0, str(number), (), None))
    assert handler._waiting.qsize() <= 4_096
    assert handler._lost > 15_000


@pytest.fixture
def blocked():
    """A handler whose stream takes nothing, until the test is over."""
    go = threading.Event()

    class Blocked(logging.Handler):
        def emit(self, record):
            go.wait(60)

    yield Blocked()
    go.set()
