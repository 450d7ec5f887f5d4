"""Resource attacks: what pods, their secrets, registries and clients of our port may cost, and that others go on.

Each attack is answered within its deadline (the margins allow for a busy machine), is never a wrong denial, and is
bounded in what it makes us read, ask or hold. `pytest -s` prints what was measured; docs/threat-model.md has the
figures.
"""

import asyncio
import base64
import contextlib
import gzip
import json
import re
import ssl
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from webhook.documents.compose import MAX_DEPTH, MalformedDocument, compose
from webhook.registry.taglist import MOST_PAGES

MARGIN = 20.0
"""Seconds past the deadline that a machine with many other things to do may need."""

MIB = 1024 * 1024


def _peak():
    """Return the most memory held since the last call, in MiB."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def _resident():
    """Return the memory held now, in MiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


def _told(here, name, answer):
    print(
        f"\nFIGURE {name}: {answer.status}, {answer.seconds:.2f} s, {len(here.stranger.seen)} requests out, "
        f"{here.stranger.sent / MIB:.1f} MiB offered, {len(here.api.reads)} reads, {len(answer.text)} bytes of answer"
    )


async def _still_serves(here):
    """Another pod, of another registry, is judged while or after all that."""
    answer = await here.apply(f"calm.test:{here.port}/x/y:1", within="8s")
    assert answer.status == 200
    assert answer.codes | {answer.allowed}


def _bearer(host):
    return (("WWW-Authenticate", f'Bearer realm="https://{host}/token",service="s"'),)


# ---- what pods bring


def _containers(count, image):
    return {"containers": [{"name": f"c{n}", "image": image.format(n=n)} for n in range(count)]}


def _spec(**more):
    return {"containers": [{"name": "c", "image": "evil.test:1/x/y:1"}], **more}


PODS = {
    "a thousand containers of a thousand hosts": lambda port: _containers(1000, "h{n}.test:1/x/y:1"),
    "a thousand containers of one host": lambda port: _containers(1000, f"reg.test:{port}/x/y:{{n}}"),
    "two thousand containers, no references": lambda port: _containers(2000, "UPPER//case:{n}:::"),
    "a reference of 1 MiB": lambda port: _containers(1, "a" * MIB),
    "a reference of 1 MiB of separators": lambda port: _containers(1, f"reg.test:{port}/" + "a-" * (MIB // 2)),
    "a reference of 1 MiB of underscores": lambda port: _containers(1, "a" + "__" * (MIB // 2) + "!"),
    "a reference of 1 MiB of slashes": lambda port: _containers(1, "a/" * (MIB // 2)),
    "a tag of 1 MiB": lambda port: _containers(1, f"reg.test:{port}/x:" + "a" * MIB),
    "a host of 1 MiB": lambda port: _containers(1, "a." * (MIB // 2) + "test/x:1"),
    "a hundred references of 60 kB": lambda port: _containers(100, f"reg.test:{port}/x:{{n}}" + "a.b_" * 15_000),
    "a container's name of 1 MiB": lambda port: {"containers": [{"name": "\u202e" * MIB, "image": "x//y"}]},
    "1000 pull secrets": lambda port: _spec(imagePullSecrets=[{"name": f"s{n}"} for n in range(1000)]),
    "2000 times one pull secret": lambda port: _spec(imagePullSecrets=[{"name": "s"}] * 2000),
    "a pull secret's name of 1 MiB": lambda port: _spec(imagePullSecrets=[{"name": "../" * (MIB // 3)}]),
    "200,000 keys that a mapping must hold": lambda port: _spec(nodeSelector={f"k{n}": "" for n in range(200_000)}),
    "2000 tolerations and as many volumes": lambda port: _spec(
        tolerations=[{"key": f"k{n}"} for n in range(2000)],
        volumes=[{"name": f"v{n}", "image": {"reference": "x//y"}} for n in range(2000)],
    ),
}


@pytest.mark.parametrize("name", PODS)
async def test_pods(scene, review, name, reply):
    here = await scene()
    here.stranger.script = lambda seen: reply(status=500)
    answer = await here.send(json.dumps(review(PODS[name](here.port))).encode(), within="4s")
    _told(here, name, answer)
    assert answer.status in (200, 400)
    assert answer.seconds < 4 + MARGIN
    assert len(answer.text) < 16_384
    assert len(here.api.reads) <= 34
    assert len(here.stranger.seen) <= 100
    if not answer.allowed and answer.status == 200:
        assert "[invalid-reference]" in answer.message
    await _still_serves(here)


async def test_many_pods_of_many_containers(scene, review, reply):
    """However many images wait for a registry that hangs, others are answered, and few tasks wait with them."""
    here = await scene()

    async def hang(writer):
        await asyncio.sleep(30)

    here.stranger.script = lambda seen: reply(stream=hang)
    most = 0

    async def one(pod):
        nonlocal most
        spec = _containers(1000, f"reg.test:{here.port}/x/p{pod}:{{n}}")
        answer = await here.send(json.dumps(review(spec)).encode(), within="3s")
        most = max(most, len(asyncio.all_tasks()))
        return answer

    asked = [asyncio.create_task(one(pod)) for pod in range(20)]
    await asyncio.sleep(1.5)
    most = len(asyncio.all_tasks())
    await _still_serves(here)
    answers = await asyncio.gather(*asked)
    slowest = max(answer.seconds for answer in answers)
    print(f"\nFIGURE 20 pods of 1,000 containers: {slowest:.1f} s for the last, at most {most} tasks")
    assert {(answer.status, answer.allowed) for answer in answers} == {(200, True)}
    assert most < 8_000
    assert slowest < 3 + MARGIN


async def test_the_same_large_pod_again_and_again(scene, review, reply):
    """A dry run a moment, of a thousand containers whose image is there: nothing of it may stay."""
    here = await scene(config={"cache": {"tags": "60s"}})
    digest = (("Docker-Content-Digest", "sha256:" + "a" * 64), ("Content-Type", _MANIFEST))
    here.stranger.script = lambda seen: reply(headers=digest)
    body = json.dumps(review(_containers(1000, f"{here.registry}/x:1")), separators=(",", ":")).encode()
    assert len(body) < 64 * 1024
    for _ in range(50):
        assert (await here.send(body)).allowed
    before = _resident()
    for _ in range(250):
        assert (await here.send(body)).allowed
    grown = _resident() - before
    print(f"\nFIGURE the same pod of 1,000 containers 250 times: {grown:.0f} MiB more")
    assert grown < 40


async def test_hosts_of_a_megabyte_are_not_kept(scene):
    here = await scene()
    for number in range(30):
        answer = await here.apply(f"{'a.' * (MIB // 4)}{number}.test/x:1")
        assert (answer.status, answer.allowed, answer.codes) == (200, True, {"registry-unreachable"})
    assert len(here.metrics.render()[0]) < MIB // 4


BODIES = {
    "JSON of 8 MiB that is none": (b"{" * (8 * MIB - 1), {400}),
    "a body over 8 MiB": (b" " * (8 * MIB + 1), {413}),
    "100,000 brackets": (b"[" * 100_000, {400}),
    "an object 100,000 deep": (b'{"request":' * 100_000 + b"1" + b"}" * 100_000, {400}),
    "a pod 50,000 deep": (
        b'{"request":{"uid":"1","object":{"spec":{"x":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_004,
        {400},
    ),
    "a number of 1 MiB": (b'{"request":{"uid":' + b"9" * MIB + b"}}", {400}),
    "300,000 keys in one object": (
        json.dumps({"request": {f"k{n}": n for n in range(300_000)}}).encode(),
        {400},
    ),
    "a string of 7 MiB of escapes": (b'{"request":{"uid":"' + b"\\u0000" * MIB + b'"}}', {400}),
    "nothing": (b"", {400}),
}


@pytest.mark.parametrize("name", BODIES)
async def test_bodies(scene, name):
    here = await scene()
    body, statuses = BODIES[name]
    answer = await here.send(body, within="4s")
    _told(here, name, answer)
    assert answer.status in statuses
    assert answer.seconds < MARGIN
    assert len(answer.text) < 1024
    await _still_serves(here)


async def test_bodies_that_are_packed(scene):
    """A megabyte of gzip may be a gigabyte of review; nobody sends us any."""
    here = await scene()
    packed = gzip.compress(b" " * (64 * MIB))
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    response = await here.client.post(f"{here.url}/validate", content=packed, headers=headers)
    assert response.status_code == 415


@pytest.mark.parametrize("text", ["1e999s", "-5s", "nan", "inf", "9" * 5000, "0s", "1" * 200 + "h", "٣s", "%00"])
async def test_timeouts_that_are_none(scene, text):
    here = await scene()
    answer = await here.apply("x//y", within=text)
    assert answer.status == 200


def test_nobody_can_foretell_which_keys_collide():
    """Hash flooding: hashes of texts are keyed anew in every process; without that (seed 0) all would be alike."""

    def told(**environment):
        command = [sys.executable, "-c", "print([hash(f'k{n}') for n in range(64)])"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert told() != told()
    assert told(PYTHONHASHSEED="0") == told(PYTHONHASHSEED="0")
    root = Path(__file__).parents[2]
    shipped = [root / "Dockerfile", *(root / "docker").iterdir(), *(root / "charts").rglob("*.yaml")]
    assert not [path for path in shipped if path.is_file() and b"PYTHONHASHSEED" in path.read_bytes()]


# ---- what clients of our port do


async def _dial(here):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return await asyncio.open_connection("127.66.0.2", here.web.port, ssl=context)


async def test_clients_that_never_come_to_the_point(scene):
    """Slow headers (408), a slow body (408), headers without end (431), and two hundred who say nothing."""
    here = await scene()
    started = time.monotonic()
    silent = [await asyncio.open_connection("127.66.0.2", here.web.port) for _ in range(200)]
    statuses = await asyncio.gather(
        _drip(here, b"POST /validate HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n", pause=0.2),
        _drip(here, b"GET /livez HTTP/1.1\r\nHost: x\r\nX: ", b"a", pause=0.2),
        _drip(
            here,
            b"POST /validate?timeout=2s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9000\r\n\r\n",
            b" ",
            pause=0.2,
        ),
        _drip(here, b"POST /validate HTTP/1.1\r\nHost: x\r\n", b"X-A: " + b"b" * 8000 + b"\r\n", pause=0.0),
        _drip(here, b"POST /" + b"v" * 200_000 + b" HTTP/1.1\r\n", b"X: b\r\n", pause=0.2),
        _still_serves(here),
    )
    seconds = time.monotonic() - started
    print(f"\nFIGURE slow clients: {statuses[:5]}, {seconds:.1f} s for the last to be shown the door")
    assert statuses[:4] == [b"408", b"408", b"408", b"431"]
    assert statuses[4] in (b"431", b"400", b"")
    assert seconds < 5 + 2 * MARGIN
    for _, writer in silent:
        writer.close()


async def test_connections_that_never_shake_hands(scene):
    """TLS takes 55 kB of each: the oldest make room, long before their time is up.

    Connections leave room for no more than that here; where there are few, handshakes may be as many as they.
    """
    here = await scene()
    listener = here.web._main
    listener._bounds = replace(listener._bounds, connections=1024)
    silent = [await asyncio.open_connection("127.66.0.2", here.web.port) for _ in range(1_500)]
    await _still_serves(here)
    closed = sum(reader.at_eof() for reader, _ in silent)
    print(f"\nFIGURE 1,500 silent connections: {closed} closed at once")
    assert closed >= 400
    for _, writer in silent:
        writer.transport.abort()


async def test_trailers_without_end(scene):
    """What follows a body is parsed like headers: one client's filled 2.8 GiB in nine seconds."""
    here = await scene()
    before = _resident()
    reader, writer = await _dial(here)
    head = b"POST /validate?timeout=10s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n")
    sent, some = 0, b"X-A: b\r\n" * 1000
    with contextlib.suppress(OSError):
        while sent < 30 * MIB:
            writer.write(some)
            await writer.drain()
            sent += len(some)
    grown = _resident() - before
    print(f"\nFIGURE trailers without end: {max(grown, 0):.0f} MiB more, {sent / MIB:.0f} MiB offered")
    assert grown < 100
    await _still_serves(here)
    writer.transport.abort()
    del reader


async def _drip(here, head, drop, *, pause):
    """Send `head`, then `drop` again and again until the server has had enough; return the status it gave."""
    reader, writer = await _dial(here)
    answer = asyncio.ensure_future(reader.read(4096))
    try:
        writer.write(head)
        for _ in range(150):
            if answer.done():
                break
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(pause)
        said = await asyncio.wait_for(answer, 20)
        return said[9:12]
    except (OSError, ssl.SSLError):
        answer.cancel()
        return b""
    finally:
        writer.transport.abort()


# ---- what secrets hold


def _logins(count):
    return json.dumps({"auths": {f"h{n}.test": {"username": f"u{n}", "password": "p" * 40} for n in range(count)}})


SECRETS = {
    "10,000 hosts": lambda: _logins(10_000),
    "1,900 hosts": lambda: _logins(1_900),
    "1,900 hosts that all fit": lambda: json.dumps(
        {"auths": {f"reg.test:PORT/{'x/y'[: n % 4]}?{n}": {"username": f"u{n}", "password": "p"} for n in range(1900)}}
    ),
    "900 kB of auth": lambda: json.dumps(
        {"auths": {"reg.test": {"auth": base64.b64encode(b"u:" + b"p" * 700_000).decode()}}}
    ),
    "a password of 900 kB": lambda: json.dumps({"auths": {"reg.test": {"username": "u", "password": "p" * 900_000}}}),
    "9,000 deep": lambda: '{"auths":' * 9_000 + "{}" + "}" * 9_000,
    "300,000 brackets": lambda: "[" * 300_000,
    "one name 50,000 times": lambda: '{"auths":{' + '"reg.test":{"username":"a"},' * 30_000 + '"reg.test":{}}}',
    "a pattern that backtracks": lambda: json.dumps({"auths": {"*a" * 2000 + "*b.test": {"username": "u"}}}),
    "a host of 900 kB": lambda: json.dumps({"auths": {"h." * 450_000: {"username": "u", "password": "p"}}}),
    "a number of 100 kB": lambda: '{"auths":{"reg.test":{"username":' + "9" * 100_000 + "}}}",
}


@pytest.mark.parametrize("name", SECRETS)
async def test_secrets(scene, name, reply):
    here = await scene()
    here.api.put_config("big", SECRETS[name]().replace("PORT", str(here.port)))
    challenge = (("WWW-Authenticate", 'Basic realm="x"'),)
    here.stranger.script = lambda seen: reply(status=401, headers=challenge)
    answer = await here.apply(f"{'a' * 40}.test:{here.port}/x/y:1", here.registry + "/x/y:1", secrets=("big",))
    _told(here, f"secret: {name}", answer)
    assert answer.status == 200
    assert answer.seconds < 5 + MARGIN
    assert len(answer.text) < 16_384
    if not answer.allowed:
        assert "[pull-secret-malformed]" in answer.message
    await _still_serves(here)


# ---- what registries answer


def _stream(head, parts, *, pause=0.0, most=256 * MIB):
    """Return a stream: a head, then parts for as long as anybody reads."""

    async def write(writer):
        writer.write(head)
        sent = 0
        while sent < most:
            for part in parts:
                writer.write(part)
                sent += len(part)
                await writer.drain()
                await asyncio.sleep(pause)

    return write


def _head(status=200, **headers):
    lines = [f"HTTP/1.1 {status} x", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@cache
def _bomb(size):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(size))
    return packed + packer.flush()


_bomb(256)  # made once, so that nobody waits for it

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CHUNK = b"x" * 65536


def _manifest(make):
    """Answer HEAD without a digest, so that the manifest is fetched, and GET by `make`."""
    return lambda seen, reply: reply(headers=(("Content-Type", _INDEX),)) if seen.method == "HEAD" else make(reply)


def _with_token(make):
    """Ask for a token, and answer the token service's way by `make`."""

    def script(seen, reply):
        return make(reply) if seen.path == "/token" else reply(status=401, headers=_bearer(seen.host))

    return script


def _tags(make):
    def script(seen, reply):
        if seen.path.endswith("/tags/list"):
            return make(seen, reply)
        body = b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'
        return reply(status=404, headers=(("Content-Type", "application/json"),), body=body)

    return script


def _endless_pages(seen, reply):
    last = re.search(r"last=(\d+)", seen.target)
    number = int(last[1]) + 1 if last else 1
    link = f'<{seen.path}?n=1000&last={number}>; rel="next"'
    tags = [f"1.{number}.{each}" for each in range(600)]  # few enough for the pages to be what ends it
    return reply(headers=(("Link", link),), body=json.dumps({"tags": tags}).encode())


_NESTED = {
    "schemaVersion": 2,
    "mediaType": _INDEX,
    "manifests": [
        {
            "mediaType": _INDEX,
            "digest": "sha256:" + f"{n:064x}",
            "size": 9,
            "platform": {"os": "a", "architecture": "b"},
        }
        for n in range(20_000)
    ],
}
_CHALLENGES = (
    "Bearer " + 'a="\\' * 2000,
    "Bearer realm=" + '"' + '\\"' * 4000,
    "Bearer " + ", " * 4000,
    "Bearer " + "a=b," * 4000,
    "Basic" * 4000,
)

REGISTRIES = {
    "a manifest without end": _manifest(lambda reply: reply(stream=_stream(_head(Content_Type=_INDEX), [_CHUNK]))),
    "a manifest of 256 MiB in 256 kB": _manifest(
        lambda reply: reply(headers=(("Content-Type", _INDEX), ("Content-Encoding", "gzip")), body=_bomb(256))
    ),
    "a token answer without end": _with_token(lambda reply: reply(stream=_stream(_head() + b'{"token":"', [_CHUNK]))),
    "a token of 60 kB": _with_token(lambda reply: reply(body=b'{"token":"' + b"t" * 60_000 + b'"}')),
    "a token answer of 256 MiB in 256 kB": _with_token(
        lambda reply: reply(headers=(("Content-Encoding", "gzip"),), body=_bomb(256))
    ),
    "a token answer 30,000 deep": _with_token(lambda reply: reply(body=b'{"token":' + b"[" * 30_000)),
    "a token answer of 6,000 keys": _with_token(
        lambda reply: reply(body=json.dumps({f"k{n}": n for n in range(5_000)}).encode())
    ),
    "a token that lives for ever": _with_token(lambda reply: reply(body=b'{"token":"t","expires_in":1e308}')),
    "401 for ever": lambda seen, reply: reply(status=401, headers=_bearer(seen.host), body=b'{"token":"t"}'),
    "redirects to itself": lambda seen, reply: reply(status=307, headers=(("Location", seen.target),)),
    "redirects without end": lambda seen, reply: reply(
        status=302, headers=(("Location", f"https://{seen.host}/{time.monotonic_ns()}"),)
    ),
    "redirects from host to host": lambda seen, reply: reply(
        status=302,
        headers=(
            ("Location", f"https://h{time.monotonic_ns()}.{seen.host.rpartition('.test')[0][-20:]}.test:{seen.port}/"),
        ),
    ),
    "a Location of 1 MiB": lambda seen, reply: reply(status=307, headers=(("Location", "/" + "a" * MIB),)),
    "a header of 1 MiB": lambda seen, reply: reply(headers=(("X", "a" * MIB),)),
    "50,000 headers": lambda seen, reply: reply(headers=tuple((f"X-{n}", "a") for n in range(50_000))),
    "headers without end": lambda seen, reply: reply(stream=_stream(b"HTTP/1.1 200 x\r\n", [b"X: y\r\n" * 1000])),
    "a status line without end": lambda seen, reply: reply(stream=_stream(b"HTTP/1.1 200 ", [_CHUNK])),
    "100 Continue for ever": lambda seen, reply: reply(stream=_stream(b"", [b"HTTP/1.1 100 x\r\n\r\n" * 100])),
    "headers a byte at a time": lambda seen, reply: reply(stream=_stream(b"HTTP/1.1 200 x\r\n", [b"X"], pause=0.1)),
    "a body a byte at a time": _manifest(
        lambda reply: reply(stream=_stream(_head(Content_Type=_INDEX, Content_Length=99999), [b" "], pause=0.1))
    ),
    "chunks of a byte": _manifest(
        lambda reply: reply(
            stream=_stream(_head(Content_Type=_INDEX, Transfer_Encoding="chunked"), [b"1\r\nx\r\n" * 5000])
        )
    ),
    "a chunk extension without end": _manifest(
        lambda reply: reply(stream=_stream(_head(Transfer_Encoding="chunked") + b"1;", [_CHUNK]))
    ),
    "an error body without end": lambda seen, reply: (
        reply(status=403) if seen.method == "HEAD" else reply(stream=_stream(_head(403), [_CHUNK]))
    ),
    "an index of 20,000 indexes": lambda seen, reply: reply(
        headers=(("Content-Type", _INDEX),), body=json.dumps(_NESTED).encode()
    ),
    "an index 100,000 deep": _manifest(
        lambda reply: reply(headers=(("Content-Type", _INDEX),), body=b'{"manifests":' + b"[" * 100_000)
    ),
    "a tag list without end": _tags(_endless_pages),
    "a tag list whose next is itself": _tags(
        lambda seen, reply: reply(headers=(("Link", f'<{seen.target}>; rel="next"'),), body=b'{"tags":["1"]}')
    ),
    "a tag list that streams": _tags(
        lambda seen, reply: reply(stream=_stream(_head() + b'{"tags":[', [b'"1.2.3",' * 8000]))
    ),
    "200,000 tags that are near": _tags(
        lambda seen, reply: reply(body=json.dumps({"tags": [f"1{n}" for n in range(200_000)]}).encode())
    ),
    "5,000 tags of 128 characters": _tags(
        lambda seen, reply: reply(body=json.dumps({"tags": [f"{'1.' * 60}{n}" for n in range(5_000)]}).encode())
    ),
    "a Link of 1,000 tries": _tags(
        lambda seen, reply: reply(headers=(("Link", "<" * 4000 + ">;" * 2000),), body=b'{"tags":["1"]}')
    ),
    **{
        f"challenge {number}": lambda seen, reply, text=text: reply(status=401, headers=(("WWW-Authenticate", text),))
        for number, text in enumerate(_CHALLENGES)
    },
    "Retry-After a million years": lambda seen, reply: reply(status=503, headers=(("Retry-After", "9" * 400),)),
    "an error text of 60 kB": lambda seen, reply: reply(
        status=400, body=json.dumps({"errors": [{"code": "X", "message": "\u202e" * 20_000}] * 3}).encode()
    ),
}


def test_the_table_is_large_enough():
    assert len(PODS) + len(BODIES) + len(SECRETS) + len(REGISTRIES) + 16 >= 80


@pytest.mark.parametrize("name", REGISTRIES)
async def test_registries(scene, name, reply):
    here = await scene(config={"checks": {"platform-mismatch": {"platforms": ["linux/amd64"]}}})
    attack = REGISTRIES[name]
    here.stranger.script = lambda seen: reply(status=500) if seen.host.startswith("calm") else attack(seen, reply)
    _peak()
    before = _peak()
    answer = await here.apply(f"{here.registry}/x/y:1.0", within="1500ms")
    grown = _peak() - before
    _told(here, f"registry: {name} (+{grown:.0f} MiB)", answer)
    assert answer.status == 200
    assert answer.seconds < 1.5 + MARGIN
    assert len(here.stranger.seen) <= 40
    assert here.stranger.sent < 40 * MIB
    assert grown < 200
    if not answer.allowed:
        assert {"[image-not-found]", "[platform-mismatch]", "[not-an-image]"} & set(answer.message.split())
    await _still_serves(here)


async def test_a_tag_list_without_end_is_left_after_ten_pages(scene, reply):
    here = await scene()
    here.stranger.script = lambda seen: REGISTRIES["a tag list without end"](seen, reply)
    answer = await here.apply(f"{here.registry}/x/y:1.0", within="30s")
    pages = [seen for seen in here.stranger.seen if seen.path.endswith("/tags/list")]
    _told(here, f"registry: a tag list without end, and time for it ({len(pages)} pages)", answer)
    assert "Nearest tags" in answer.message
    assert len(pages) == MOST_PAGES


async def test_names_that_nobody_answers_for(scene):
    """Three hundred names whose name server hangs hold up nobody else."""
    here = await scene()
    hung = [0]

    def hang():
        hung[0] += 1
        time.sleep(1.5)
        return ()

    for number in range(300):
        here.zone.names[f"hang{number}.slow.example"] = hang
    images = [f"hang{number}.slow.example/x/y:1" for number in range(300)]
    slow = asyncio.create_task(here.apply(*images, within="1s"))
    await _still_serves(here)
    answer = await slow
    _told(here, f"300 names that hang ({hung[0]} threads in one zone)", answer)
    assert answer.allowed
    assert answer.seconds < 1 + MARGIN
    assert hung[0] <= 8


# ---- what files hold


def _aliases(levels, width):
    lines = ["a0: &a0 x"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


YAML = {
    "nine times nine aliases": _aliases(12, 9),
    "aliases that double": _aliases(40, 2),
    "merge keys that double": "\n".join(
        ["m0: &m0 {a: 1}", *(f"m{n}: &m{n} {{x: *m{n - 1}, y: *m{n - 1}}}" for n in range(1, 40))]
    ).encode(),
    "an alias of itself": b"a: &a [*a]",
    "500 levels": b"[" * 500 + b"]" * 500,
    "100,000 brackets": b"[" * 100_000,
    "100,000 levels of indentation": b"- " * 100_000,
    "10,000 braces": b"{a: " * 10_000,
    "17 MiB": b"a" * (17 * MIB),
    "two million values": b"[" + b"1," * 1_100_000 + b"1]",
}


@pytest.mark.parametrize("name", YAML)
def test_yaml(name):
    _peak()
    before, started = _peak(), time.process_time()
    with pytest.raises(MalformedDocument) as caught:
        list(compose(YAML[name]))
    seconds = time.process_time() - started
    print(f"\nFIGURE yaml: {name}: {seconds:.2f} s of CPU, +{_peak() - before:.0f} MiB, {str(caught.value)[:60]!r}")
    assert seconds < 20
    assert len(str(caught.value)) < 300


def test_yaml_that_is_merely_large_is_read():
    assert len(list(compose(b"a: b\n---\n" * 20_000))) == 20_000
    assert len(list(compose(b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)))) == 1
