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

import pytest

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
