"""A replica kept up to date: by a scripted server that misbehaves, and by a real one."""

import asyncio
import json

import msgspec
import pytest

from webhook.cluster.failure import Denied, Expired, Unavailable
from webhook.cluster.watching import Backoff, Metadata, Watching, pages

NOW = Backoff(first=0.0, most=0.0)


class Thing(msgspec.Struct):
    metadata: Metadata
    color: str = ""


class Things:
    def __init__(self) -> None:
        self.colors: dict[str, str] = {}

    def put(self, obj: Thing) -> None:
        self.colors[obj.metadata.key] = obj.color

    def delete(self, name: str) -> None:
        self.colors.pop(name, None)

    def keep_only(self, names: set[str]) -> None:
        self.colors = {name: color for name, color in self.colors.items() if name in names}


def thing(name: str, color: str, version: int) -> dict:
    return {"metadata": {"name": name, "resourceVersion": str(version)}, "color": color}


class Server:
    """Lists `things` in pages and plays one script of watch lines after the other, then stays silent."""

    def __init__(self, things: dict[str, str], *scripts: list) -> None:
        self.things = things
        self.scripts = list(scripts)
        self.version = 10
        self.asked: list[str] = []
        self.idle = asyncio.Event()
        self.fail: list[Exception] = []

    async def request(self, method, path, *, query, seconds) -> bytes:
        at, size = int(query.get("continue", 0)), int(query["limit"])
        self.asked.append(f"list {at}")
        if self.fail:
            raise self.fail.pop(0)
        items = [thing(name, color, self.version) for name, color in sorted(self.things.items())]
        more = {"continue": str(at + size)} if at + size < len(items) else {}
        metadata = {"resourceVersion": str(self.version), **more}
        return json.dumps({"metadata": metadata, "items": items[at : at + size] or None}).encode()

    async def lines(self, path, *, query, idle):
        self.asked.append(f"watch {query['resourceVersion']}")
        if not self.scripts:
            self.idle.set()
            await asyncio.Event().wait()
        for line in self.scripts.pop(0):
            if isinstance(line, Exception):
                raise line
            if callable(line):
                line()
            else:
                yield line if isinstance(line, bytes) else json.dumps(line).encode()


def event(kind: str, name: str, color: str, version: int) -> dict:
    return {"type": kind, "object": thing(name, color, version)}


async def play(server: Server, things: Things | None = None, **more) -> tuple[Things, Watching]:
    """Run until the server has nothing more to say."""
    things = things or Things()
    watching = Watching(server, "/things", Thing, things, backoff=NOW, **more)
    task = asyncio.create_task(watching.run())
    try:
        await asyncio.wait_for(server.idle.wait(), 5)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return things, watching


async def test_lists_in_pages_then_watches_from_there() -> None:
    server = Server({"a": "red", "b": "blue", "c": "green"})
    things, watching = await play(server, size=2)
    assert things.colors == {"a": "red", "b": "blue", "c": "green"}
    assert server.asked == ["list 0", "list 2", "watch 10"]
    assert watching.synced.is_set()


async def test_an_empty_list_is_synced() -> None:
    _, watching = await play(Server({}))
    assert watching.synced.is_set()


async def test_changes_and_bookmarks_move_on() -> None:
    script = [
        event("ADDED", "b", "blue", 11),
        event("MODIFIED", "a", "pink", 12),
        event("DELETED", "b", "blue", 13),
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "99"}}},
    ]
    server = Server({"a": "red"}, script)
    things, _ = await play(server)
    assert things.colors == {"a": "pink"}
    assert server.asked == ["list 0", "watch 10", "watch 99"]


@pytest.mark.parametrize(
    "end",
    [Expired("too old"), {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}],
    ids=["status", "event"],
)
async def test_410_lists_again_and_forgets_what_went_meanwhile(end) -> None:
    server = Server({"a": "red", "b": "blue"})
    server.scripts = [[lambda: server.things.pop("a"), end]]
    things, watching = await play(server)
    assert things.colors == {"b": "blue"}
    assert server.asked == ["list 0", "watch 10", "list 0", "watch 10"]
    assert watching.trouble == ""


@pytest.mark.parametrize(
    "end",
    [
        Unavailable("the connection broke"),
        b"{broken",
        b'{"type": "SURPRISE", "object": {}}',
        {"type": "ERROR", "object": {"code": 500, "message": "etcd"}},
        {"type": "ADDED", "object": {"metadata": 3}},
    ],
    ids=["broken", "garbled", "unknown-event", "server-error", "wrong-type"],
)
async def test_trouble_goes_on_from_the_last_version(end) -> None:
    server = Server({"a": "red"}, [event("ADDED", "b", "blue", 11), end], [event("ADDED", "c", "green", 12)])
    things, watching = await play(server)
    assert things.colors == {"a": "red", "b": "blue", "c": "green"}
    assert server.asked == ["list 0", "watch 10", "watch 11", "watch 12"]
    assert watching.trouble == ""


async def test_what_keeps_failing_lists_again() -> None:
    broken = Unavailable("no")
    server = Server({"a": "red"}, [broken], [broken], [broken], [broken])
    await play(server)
    assert server.asked.count("list 0") == 2


async def test_a_list_that_fails_between_pages_begins_again() -> None:
    server = Server({"a": "red", "b": "blue"})
    server.fail = [Unavailable("down"), Expired("continue token is too old")]
    things, _ = await play(server, size=1)
    assert things.colors == {"a": "red", "b": "blue"}
    assert server.asked[-3:] == ["list 0", "list 1", "watch 10"]


async def test_trouble_is_told_and_the_replica_keeps_what_it_has(caplog) -> None:
    server = Server({"a": "red"}, [Denied("may not watch")])
    things, watching = await play(server)
    assert things.colors == {"a": "red"}
    assert watching.trouble == "may not watch"
    assert [record.message for record in caplog.records] == [
        "cannot watch /things, going on with what is known: may not watch"
    ]


async def test_a_bug_ends_no_watch(caplog) -> None:
    """What was known would be taken for the truth for ever: nodes that left, revisions that never came."""

    class Stumbling(Things):
        stumbled = 0

        def put(self, obj: Thing) -> None:
            if obj.color == "odd" and not self.stumbled:
                self.stumbled += 1
                raise ZeroDivisionError
            super().put(obj)

    things = Stumbling()
    server = Server({"a": "red"}, [event("ADDED", "b", "odd", 11), event("ADDED", "c", "blue", 12)])
    server.things["b"] = "green"
    await play(server, things)
    assert things.stumbled
    assert things.colors == {"a": "red", "b": "green"}
    assert server.asked == ["list 0", "watch 10", "list 0", "watch 10"]
    assert "ZeroDivisionError" in caplog.text


def test_backoff_doubles_with_jitter_up_to_its_bound() -> None:
    backoff = Backoff(first=1, most=60)
    for failures, whole in ((1, 1), (2, 2), (5, 16), (7, 60), (10_000, 60)):
        assert whole / 2 <= backoff.delay(failures) <= whole


async def test_a_real_server(cluster, namespace, running, eventually) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for number in range(5):
        await cluster.request("POST", path, body={"metadata": {"name": f"c{number}"}})
    listed = [thing.metadata.name async for items, _ in pages(cluster, path, Thing, size=2) for thing in items]
    assert listed == [f"c{number}" for number in range(5)]

    things = Things()
    watching = Watching(cluster, path, Thing, things, size=2)
    running(watching.run())
    await asyncio.wait_for(watching.synced.wait(), 5)
    await cluster.request("DELETE", f"{path}/c0")
    await cluster.request("POST", path, body={"metadata": {"name": "last"}})
    await eventually(lambda: f"{namespace}/last" in things.colors)
    assert set(things.colors) == {f"{namespace}/{name}" for name in ("c1", "c2", "c3", "c4", "last")}
