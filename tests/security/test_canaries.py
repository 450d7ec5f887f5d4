"""Secrets never leave: canaries planted wherever a secret may lie, and a search of everything that leaves.

Searched: every answer, every log line at debug level, metrics, reprs, exception texts;
for each canary plain, in base64 at each offset, encoded for URLs, in hex, reversed, and by halves.
"""

import asyncio
import base64
import io
import json
import logging
import os
import shutil
import sys

import kubeapi
import pytest
from redis.asyncio import Redis

from webhook.credentials.credential import Credential
from webhook.credentials.dockerconfig import decode_config, decode_secret
from webhook.registry.proxy import InvalidProxy, Proxies
from webhook.registry.token import Token
from webhook.server.log import configure_logging

PULL = "pullKanari3nv0gel+im/Bergwerk=77"
PROXY = "proxyZ4unkoenig"
TOKEN = "tokenRotk3hlchen.im.Ofenrohr-4242"
DOCKER = "dockerB1aumeise/im+Kirschbaum=5"
PROVIDER = "providerM4uersegler=am/Kirchturm+9"
CANARIES = (PULL, PROXY, TOKEN, DOCKER, PROVIDER)

PROGRAM = """#!/bin/sh
cat >/dev/null
cat <<END
{{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderResponse","cacheKeyType":"Image",
"cacheDuration":"0s","auth":{{"prov.test:{port}":{{"username":"u","password":"{secret}"}}}}}}
END
echo "{secret}" >&2
"""


@pytest.fixture
def logged():
    """What the program itself writes at debug level, through its own handler."""
    root = logging.getLogger()
    names = ("uvicorn", "httpcore", "httpx")
    before = list(root.handlers), root.level, [logging.getLogger(name).level for name in names]
    stream = io.StringIO()
    configure_logging(logging.DEBUG, stream)

    def written():
        for handler in root.handlers:
            handler.flush()
        return stream.getvalue()

    yield written
    for handler in root.handlers:
        handler.close()
    root.handlers[:], level, levels = before
    root.setLevel(level)
    for name, each in zip(names, levels, strict=True):
        logging.getLogger(name).setLevel(each)


def _search(leaked, texts):
    for text in texts:
        for canary in CANARIES:
            found = leaked(text.encode("utf-8", "surrogatepass"), canary)
            assert not found, (found, text[:300])


@pytest.fixture
def hostile(reply, leaked):
    """Registries that repeat what they were sent in whatever they say."""

    def script_for(here):
        def script(seen):
            said = seen.raw.decode("latin-1")
            echo = next((line for line in said.split("\r\n") if line.lower().startswith("authorization")), said[-300:])
            plain = next((each for each in CANARIES if leaked(seen.raw, each)), "nothing")
            body = json.dumps({"errors": [{"code": plain, "message": f"{echo} {plain}", "detail": echo}]}).encode()
            kind = (("Content-Type", "application/json"),)
            if seen.path == "/token":
                good = reply(headers=kind, body=json.dumps({"access_token": TOKEN}).encode())
                return good if seen.host.startswith("reg") else reply(status=403, headers=kind, body=body)
            if not seen.authorized:
                scheme = f'Bearer realm="https://{seen.host}/token",service="s"'
                if "/basic/" in seen.path:
                    scheme = 'Basic realm="x"'
                return reply(status=401, headers=(("WWW-Authenticate", scheme),))
            status = int(seen.path.split("/")[3]) if seen.path.split("/")[3].isdigit() else 403
            more = (("Location", f"https://x.test/{plain}"), ("WWW-Authenticate", f'Basic realm="{plain}"'), *kind)
            return reply(status=status, headers=more, body=body)

        return script

    return script_for


async def test_nothing_that_leaves_holds_a_secret(scene, logged, leaked, hostile, tmp_path):
    docker = tmp_path / "docker.json"
    binaries = tmp_path / "bin"
    binaries.mkdir()
    provider = tmp_path / "providers.yaml"
    config = {
        "credentials": {
            "dockerConfigFiles": [str(docker)],
            "providers": {"configFile": str(provider), "binDir": str(binaries)},
        },
        "registries": [],
    }
    provider.write_text(
        "apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n- name: p\n"
        '  matchImages: ["prov.test"]\n  defaultCacheDuration: 0s\n'
        "  apiVersion: credentialprovider.kubelet.k8s.io/v1\n"
    )
    auth = base64.b64encode(f"u:{DOCKER}".encode()).decode()
    docker.write_text(json.dumps({"auths": {"dock.test:*": {}, "dock.test": {"auth": auth}}}))
    program = binaries / "p"
    program.write_text(PROGRAM.format(port="*", secret=PROVIDER))
    program.chmod(0o700)
    here = await scene(config=config)
    here.stranger.script = hostile(here)
    here.api.put_login("good", f"*.test:{here.port}", "u", PULL)
    broken = base64.b64encode(PULL.encode()).decode()
    here.api.put_config("broken", json.dumps({"auths": {here.registry: {"auth": "!" + broken}}}))
    here.api.put_config("number", '{"auths":{"reg.test":{"password":"' + PULL + '","username":7}}}')
    here.api.put_config("cut", '{"auths":{"reg.test":{"password":"' + PULL)
    here.api.put_config("host", json.dumps({"auths": {f"https://u:{PULL}@reg.test/": {}}}))
    here.api.put_config(
        "other", json.dumps({"auths": {"a.example": {"username": "u", "password": PULL}}}), kind="Opaque"
    )
    said = []
    for status in (200, 302, 307, 400, 401, 403, 404, 405, 412, 418, 429, 451, 500, 503):
        for kind in ("basic", "bearer"):
            images = (f"{here.registry}/{kind}/{status}:1", f"tok.test:{here.port}/{kind}/{status}:1")
            said.append(await here.apply(*images, secrets=("good",), within="3s"))
    odd = ("broken", "number", "cut", "host", "other")
    said += [await here.apply(f"{here.registry}/basic/403:1", secrets=(secret,), within="3s") for secret in odd]
    said.append(await here.apply("dock.test/x:1", "prov.test/x:1", within="3s"))
    assert any(leaked(seen.raw, PULL) for seen in here.stranger.seen)  # it was used, so there was something to tell
    assert any(TOKEN.encode() in seen.raw for seen in here.stranger.seen)
    _search(leaked, (answer.text for answer in said))
    assert "pullproof" in logged()
    _search(leaked, [logged()])
    _search(leaked, [here.metrics.render()[0].decode()])


async def test_a_bug_tells_no_secret(scene, logged, leaked):
    """What ends in a 500 is logged with its traceback, and the traceback with what was in reach: no secret."""
    here = await scene()
    here.api.put_login("good", here.registry, "u", PULL)

    def script(seen):
        raise RuntimeError("the stranger fell over")

    here.stranger.script = script
    errors = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    answer = await here.apply(f"{here.registry}/x:1", secrets=("good",), within="3s")
    _search(leaked, [answer.text, logged()])


def test_reprs_hold_no_secret(leaked):
    credential = Credential(username="u", secret=PULL, source='secret "x"')
    config = json.dumps({"auths": {"reg.test": {"username": "u", "password": PULL}}}).encode()
    secret = decode_secret("x", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": config})
    proxies = Proxies.from_environment({"HTTPS_PROXY": f"http://u:{PROXY}@proxy.test:1"})
    token = Token(value=TOKEN, lifetime=1.0)
    values = (credential, secret, proxies, token, decode_config("x", config), credential.id)
    _search(leaked, (form(value) for value in values for form in (repr, str, "{!r}".format)))


@pytest.mark.parametrize(
    "text",
    [
        '{"auths":{"h":{"auth":"' + base64.b64encode(PULL.encode()).decode() + '"}}}',
        '{"auths":{"h":{"auth":"%"}},"x":"' + PULL,
        '{"auths":{"h":{"username":["' + PULL + '"]}}}',
        '{"auths":{"h":"' + PULL + '"}}',
        '{"auths":"' + PULL + '"}',
        '"' + PULL + '"',
        PULL,
        '{"' + PULL + '":',
    ],
)
def test_what_is_told_of_broken_configs_holds_no_secret(leaked, text):
    found = decode_secret("x", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": text.encode()})
    _search(leaked, [repr(found), found.reason])


@pytest.mark.parametrize(
    "url", [f"ftp://u:{PROXY}@p.test", f"http://u:{PROXY}@p.test:port", f"http://u:{PROXY}@", f"http://[{PROXY}"]
)
def test_what_is_told_of_broken_proxies_holds_no_secret(leaked, url):
    with pytest.raises(InvalidProxy) as caught:
        Proxies.from_environment({"HTTPS_PROXY": url})
    _search(leaked, [str(caught.value), repr(caught.value)])


def test_the_search_finds_what_it_looks_for(leaked):
    for form in (
        PULL,
        PULL[::-1],
        PULL[: len(PULL) // 2],
        base64.b64encode(f"user:{PULL}".encode()).decode(),
        base64.urlsafe_b64encode(f"me:{PULL}".encode()).decode(),
        PULL.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        PULL.encode().hex(),
    ):
        assert leaked(f"{os.sep} something {form} something".encode(), PULL), form


async def test_a_real_bug_ends_in_a_500_that_tells_no_secret(scene, logged, leaked):
    """The traceback in the log passes through frames that hold the login; it shows lines of code, never values."""
    here = await scene()
    here.api.put_login("good", here.registry, "u", PULL)
    here.api.objects["/api/v1/namespaces/shop/secrets/bug"] = {PULL: object()}  # nothing that JSON can hold
    answer = await here.apply(f"{here.registry}/x:1", secrets=("good", "bug"), within="3s")
    assert answer.status == 500
    assert "Traceback" in logged()
    _search(leaked, [answer.text, logged(), here.metrics.render()[0].decode()])


@pytest.fixture
def redis(tmp_path):
    """A real Redis: its port, and a folder that it saves itself into when it is told to."""
    if shutil.which("redis-server") is None:
        (pytest.fail if os.environ.get("PULLPROOF_REQUIRE_PARTS") else pytest.skip)("redis-server is not installed")
    port = kubeapi.free_port()
    flags = {"port": str(port), "bind": "127.0.0.1", "requirepass": "of-the-store", "save": "", "dir": str(tmp_path)}
    process = kubeapi.start(
        tmp_path, "redis-server", *(word for key, text in flags.items() for word in (f"--{key}", text))
    )
    yield port
    process.kill()
    process.wait()


async def test_the_shared_cache_holds_no_secret_and_no_name(scene, leaked, redis, reply, tmp_path):
    password = tmp_path / "password"
    password.write_text("of-the-store")
    shared = {
        "enabled": True,
        "url": f"redis://127.0.0.1:{redis}",
        "passwordFile": str(password),
        "timeout": "5s",
    }
    here = await scene(config={"cache": {"tags": "60s", "shared": shared}})
    here.api.put_login("good", here.registry, "u", PULL)
    digest = "sha256:" + "c0ffee" * 10 + "c0de"
    index = "application/vnd.oci.image.index.v1+json"
    there = reply(headers=(("Content-Type", index), ("Docker-Content-Digest", digest), ("Content-Length", "9")))
    challenge = reply(status=401, headers=(("WWW-Authenticate", f'Bearer realm="https://{here.registry}/token"'),))
    token = reply(body=json.dumps({"access_token": TOKEN, "token": TOKEN}).encode())
    here.stranger.script = lambda seen: token if seen.path == "/token" else there if seen.authorized else challenge
    answer = await here.apply(f"{here.registry}/geheim/projekt:7", secrets=("good",), within="5s")
    assert answer.allowed
    assert any(leaked(seen.raw, PULL) for seen in here.stranger.seen)
    async with Redis(host="127.0.0.1", port=redis, password="of-the-store") as store:
        async with asyncio.timeout(10):
            while not [key async for key in store.scan_iter() if await store.strlen(key)]:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
        await store.save()
        held = [key async for key in store.scan_iter()]
        held += [await store.dump(key) for key in held]
        held += [value for key in list(held) if (value := await store.get(key)) is not None]
    held.append((tmp_path / "dump.rdb").read_bytes())
    for each in held:
        for canary in (*CANARIES, "geheim/projekt", digest):
            assert not leaked(each, canary)


FORMATS = ["text", "wide", "json", "yaml", "sarif", "junit", "github", "gitlab", "markdown", "html", "policy-report"]


async def test_reports_of_the_command_line_hold_no_secret(scene, leaked, hostile, tmp_path):
    """Every format of every report, standard error, and what --verbose adds, against registries that repeat all."""
    here = await scene()
    here.stranger.script = hostile(here)
    host = f"127.66.0.1:{here.port}"
    auth = base64.b64encode(f"u:{PULL}".encode()).decode()
    statuses = (200, 307, 400, 401, 403, 404, 500)
    images = [f"{host}/{kind}/{status}:1" for status in statuses for kind in ("basic", "x")]
    secrets = {
        "good": json.dumps({"auths": {host: {"auth": auth}}}),
        "plain": json.dumps({"auths": {f"https://u:{PULL}@{host}/": {"username": "u", "password": PULL}}}),
        "cut": '{"auths":{"x":{"password":"' + PULL,
    }
    objects = []
    for name, config in secrets.items():
        containers = [{"name": f"c{place}", "image": image} for place, image in enumerate(images)]
        objects.append(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"with-{name}", "namespace": "shop"}}
            | {"spec": {"containers": containers, "imagePullSecrets": [{"name": name}]}}
        )
        data = {".dockerconfigjson": base64.b64encode(config.encode()).decode()}
        objects.append(
            {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "data": data}
            | {"metadata": {"name": name, "namespace": "shop"}}
        )
    (tmp_path / "all.yaml").write_text("\n---\n".join(json.dumps(each) for each in objects))
    config = {
        "apiVersion": "config.pullproof.dev/v1alpha1",
        "kind": "PullproofConfiguration",
        "registries": [{"match": host, "insecureSkipVerify": True}],
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    outputs = [word for each in FORMATS for word in ("-o", each, "--output", str(tmp_path / f"report.{each}"))]
    command = ["check", str(tmp_path / "all.yaml"), "--config", str(tmp_path / "config.json"), *outputs]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "webhook", *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode in (1, 2, 3), err
    reports = [(tmp_path / f"report.{each}").read_bytes() for each in FORMATS]
    assert all(len(report) > 200 for report in reports), err
    assert any(leaked(seen.raw, PULL) for seen in here.stranger.seen)
    for text in (out, err, *reports):
        for canary in CANARIES:
            assert not leaked(text, canary), text[:500]


async def test_without_its_control_the_log_would_tell(scene, logged, leaked, hostile):
    """The control taken away: HTTP libraries may write what they see, and the search finds the login in the log."""
    here = await scene()
    for name in ("httpcore", "httpx"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    here.stranger.script = hostile(here)
    here.api.put_login("good", here.registry, "u", PULL)
    await here.apply(f"{here.registry}/basic/403:1", secrets=("good",), within="3s")
    assert any(leaked(seen.raw, PULL) for seen in here.stranger.seen)
    assert leaked(logged().encode(), PULL)
