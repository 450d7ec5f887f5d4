"""Credential theft: a stranger's registry, and what of a pod's login reaches which host.

Who may have a login: the registry that the login's own key names, over https; the mirrors that the operator configured
for it (they stand in for it, as on the node); and the token service that the registry's own challenge names over
https. That is what a node does, less what it does besides: containerd offers the pair to redirect targets that ask,
and to a realm over plain http.

Every request is kept byte for byte, and searched for the secret in every spelling.
"""

import re

import pytest

USER = "canary-user"
PASSWORD = "Kanari3nv0gel+im/Bergwerk=77"  # + / and = make it look different in each encoding
TOKEN = "tok-Zaunk0enig-im-Ofenrohr-4242"

REALMS = (
    # downgrade
    "http://evil.bad.test:{H}/token",
    "HTTP://evil.bad.test:{H}/token",
    "http://way0.test:{H}/token",
    "hTtP://way0.test:{H}/token",
    # who is the host?
    "https://way0.test@evil.bad.test:{P}/token",
    "https://way0.test:{P}@evil.bad.test:{P}/token",
    "https://user:pass@evil.bad.test:{P}/token",
    "https://evil.bad.test:{P}\\@way0.test:{P}/token",
    "https://way0.test:{P}\\@evil.bad.test:{P}/token",
    "https://evil.bad.test:{P}%2f@way0.test:{P}/token",
    "https://way0.test%2eevil.bad.test:{P}/token",
    "https://evil.bad.test:{P}%00.way0.test/token",
    "https://evil.bad.test:{P}%23@way0.test/token",
    "https://[evil.bad.test]:{P}/token",
    "https://evil。bad。test:{P}/token",
    "https://ｅvil.bad.test:{P}/token",
    "https://evil.bad.test:{P}:{P}/token",
    "https://evil.bad.test:+{P}/token",
    "https://evil.bad.test:0x1bb/token",
    # no URL
    "//evil.bad.test:{P}/token",
    "evil.bad.test:{P}/token",
    "https:evil.bad.test:{P}/token",
    "https:/evil.bad.test:{P}/token",
    "https:///evil.bad.test:{P}/token",
    "file:///tmp/token",
    "ftp://evil.bad.test:{P}/token",
    " https://evil.bad.test:{P}/token",
    "\thttps://evil.bad.test:{P}/token",
    "javascript:https://evil.bad.test:{P}/",
    "",
    "/token",
)

TARGETS = (
    "https://evil.bad.test:{P}/x",
    "http://evil.bad.test:{H}/x",
    "https://{host}:{O}/x",
    "http://{host}:{H}/x",
    "HTTPS://{HOST}:{O}/x",
    "https://sub.{host}:{P}/x",
    "https://{host}.bad.test:{P}/x",
    "https://{host}.:{P}/x",
    "https://evil{host}:{P}/x",
    "https://{host}@evil.bad.test:{P}/x",
    "https://{host}:{P}@evil.bad.test:{P}/x",
    "https://evil.bad.test:{P}\\@{host}:{P}/x",
    "https://{host}:{P}\\@evil.bad.test:{P}/x",
    "//evil.bad.test:{P}/x",
    "\\\\evil.bad.test:{P}/x",
    "/\\evil.bad.test:{P}/x",
    "https:evil.bad.test:{P}/x",
    "https://127.66.0.1:{P}/x",
    "https://evil.bad.test:{P}/%2e%2e/x",
    "https://bob:guess@{host}:{P}/x",
)

LOOK_ALIKES = (
    "REG.TEST:{P}",
    "Reg.test:{P}",
    "reg.test.:{P}",
    "reg.test:{O}",
    "reg.test.bad.test:{P}",
    "evilreg.test:{P}",
    "reg-test.test:{P}",
    "rег.test:{P}",
    "reg.tes:{P}",
    "sub.reg.test:{P}",
    "reg..test:{P}",
    "reg.test:0{P}",
    "r\u0435g.test:{P}",
    "xn--rg-mlc.test:{P}",
    "evil.bad.test:{P}/reg.test:{P}",
    "127.66.0.1:{P}",
)

NO_LOGIN = (  # answers of the registry itself that are no reason to send a login
    (200, 'Basic realm="x"'),
    (204, 'Basic realm="x"'),
    (302, 'Basic realm="x"'),
    (403, 'Basic realm="x"'),
    (404, 'Basic realm="x"'),
    (407, 'Basic realm="x"'),
    (500, 'Basic realm="x"'),
    (401, 'Digest realm="x", nonce="1"'),
    (401, "Negotiate"),
    (401, "NTLM TlRMTVNTUAAC"),
    (401, 'Bearer service="x"'),
    (401, 'Bearer realm=""'),
    (401, 'X-Basic realm="x"'),
)


def _filled(text, here, host="way0.test"):
    return text.format(P=here.port, O=here.other, H=here.plain, host=host, HOST=host.upper())


def _number(seen):
    found = re.match(r"(?:[a-z]+\.)*way(\d+)\.test", seen.host.lower())
    return int(found[1]) if found else None


def _secrets_at_strangers(here, leaked, entitled):
    """Return the requests outside of `entitled` (scheme and host) that hold a secret in any spelling."""
    found = []
    for seen in here.stranger.seen:
        if (seen.scheme, seen.host) in entitled:
            continue
        if leaked(seen.raw, PASSWORD) or leaked(seen.raw, TOKEN) or seen.authorized:
            found.append((seen.scheme, seen.host, seen.method, seen.target))
    return found


async def _attack(here, image):
    """Send one pod with the login; a wrong denial would be one that claims the image is not there."""
    answer = await here.apply(image, secrets=("regcred",), within="3s")
    assert answer.status == 200
    assert PASSWORD not in answer.text
    assert TOKEN not in answer.text
    return answer


def _token(reply):
    return reply(headers=(("Content-Type", "application/json"),), body=f'{{"access_token":"{TOKEN}"}}'.encode())


def test_the_table_is_large_enough():
    assert len(REALMS) + 3 * len(TARGETS) + len(LOOK_ALIKES) + len(NO_LOGIN) >= 100


async def test_a_login_reaches_the_registry_and_the_realm_it_names(scene, leaked, reply):
    """What the others count is not nothing: who is entitled does get it, and is recognised by the search."""
    here = await scene()
    here.api.put_login("regcred", here.registry, USER, PASSWORD)

    def script(seen):
        if seen.host.startswith("auth.test"):
            return _token(reply)
        challenge = f'Bearer realm="https://auth.test:{here.other}/token",service="s"'
        return reply(status=401, headers=(("WWW-Authenticate", challenge),))

    here.stranger.script = script
    await _attack(here, f"{here.registry}/x/y:1")
    found = _secrets_at_strangers(here, leaked, set())
    assert {(scheme, host) for scheme, host, _, _ in found} == {
        ("https", here.registry),
        ("https", f"auth.test:{here.other}"),
    }


async def test_realms(scene, leaked, reply):
    """None of these is a realm that anything is sent to."""
    here = await scene()
    here.api.put_login("regcred", f"*.test:{here.port}", USER, PASSWORD)

    def script(seen):
        number = _number(seen)
        if number is None or seen.path == "/token":
            return _token(reply)
        realm = _filled(REALMS[number], here)
        return reply(status=401, headers=(("WWW-Authenticate", f'Bearer realm="{realm}",service="s"'),))

    here.stranger.script = script
    for number in range(len(REALMS)):
        await _attack(here, f"way{number}.test:{here.port}/x/y:1")
    assert _secrets_at_strangers(here, leaked, set()) == []
    assert len(here.stranger.seen) >= len(REALMS)


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
async def test_redirects_of_a_registry_with_a_login(scene, leaked, reply, scheme):
    """A redirect takes neither login nor token along, and whoever it leads to may ask as he likes."""
    here = await scene()
    here.api.put_login("regcred", f"*.test:{here.port}", USER, PASSWORD)

    def script(seen):
        number = _number(seen)
        mine = number is not None and seen.host == f"way{number}.test:{here.port}"
        challenge = f'Basic realm="{seen.host}"'
        if scheme == "Bearer":
            challenge = f'Bearer realm="https://{seen.host}/token"'
        if mine and seen.scheme == "https":
            if seen.path == "/token":
                return _token(reply)
            if seen.authorized:
                target = _filled(TARGETS[number], here, f"way{number}.test")
                return reply(status=307, headers=(("Location", target),))
        return reply(status=401, headers=(("WWW-Authenticate", challenge),))

    here.stranger.script = script
    for number in range(len(TARGETS)):
        await _attack(here, f"way{number}.test:{here.port}/x/y:1")
    entitled = {("https", f"way{number}.test:{here.port}") for number in range(len(TARGETS))}
    assert _secrets_at_strangers(here, leaked, entitled) == []
    asked = {(seen.scheme, seen.host) for seen in here.stranger.seen} - entitled
    assert len(asked) > 5  # some of them were gone to, and got nothing


async def test_redirects_before_any_login(scene, leaked, reply):
    """A registry that sends us on at once; whoever it is asks for the login, and names a realm of his own."""
    here = await scene()
    here.api.put_login("regcred", f"*.test:{here.port}", USER, PASSWORD)

    def script(seen):
        number = _number(seen)
        if number is not None and seen.host == f"way{number}.test:{here.port}" and seen.scheme == "https":
            return reply(status=307, headers=(("Location", _filled(TARGETS[number], here, f"way{number}.test")),))
        if seen.path == "/token":
            return _token(reply)
        challenge = f'Bearer realm="https://evil.bad.test:{here.port}/token",service="s"'
        return reply(status=401, headers=(("WWW-Authenticate", challenge),))

    here.stranger.script = script
    for number in range(len(TARGETS)):
        await _attack(here, f"way{number}.test:{here.port}/x/y:1")
    assert _secrets_at_strangers(here, leaked, set()) == []
    assert len({seen.host for seen in here.stranger.seen}) > len(TARGETS)


@pytest.mark.parametrize("by", ["POST", "GET"])
async def test_redirects_of_the_token_service(scene, leaked, reply, by):
    """A form with a login is never sent on, nor is Basic."""
    here = await scene()
    here.api.put_login("regcred", f"*.test:{here.port}", USER, PASSWORD)

    def script(seen):
        number = _number(seen)
        mine = number is not None and seen.host == f"way{number}.test:{here.port}" and seen.scheme == "https"
        if not mine:
            return _token(reply)
        if seen.path != "/token":
            return reply(status=401, headers=(("WWW-Authenticate", f'Bearer realm="https://{seen.host}/token"'),))
        if seen.method != by:
            return reply(status=404)
        target = _filled(TARGETS[number], here, f"way{number}.test")
        return reply(status=(302, 307, 308)[number % 3], headers=(("Location", target),))

    here.stranger.script = script
    for number in range(len(TARGETS)):
        await _attack(here, f"way{number}.test:{here.port}/x/y:1")
    entitled = {("https", f"way{number}.test:{here.port}") for number in range(len(TARGETS))}
    assert _secrets_at_strangers(here, leaked, entitled) == []


async def test_look_alikes(scene, leaked, reply):
    """A login goes with the registry's name, letter for letter and with its port, as the kubelet's keyring does."""
    here = await scene()
    here.api.put_login("regcred", "reg.test:" + str(here.port), USER, PASSWORD)
    here.stranger.script = lambda seen: reply(status=401, headers=(("WWW-Authenticate", 'Basic realm="x"'),))
    for name in LOOK_ALIKES:
        await _attack(here, f"{_filled(name, here)}/x/y:1")
    assert _secrets_at_strangers(here, leaked, set()) == []
    assert len({seen.host for seen in here.stranger.seen}) >= 6


async def test_answers_that_are_no_reason_to_send_a_login(scene, leaked, reply):
    here = await scene()
    here.api.put_login("regcred", f"*.test:{here.port}", USER, PASSWORD)

    def script(seen):
        status, challenge = NO_LOGIN[_number(seen)]
        return reply(status=status, headers=(("WWW-Authenticate", challenge),))

    here.stranger.script = script
    for number in range(len(NO_LOGIN)):
        await _attack(here, f"way{number}.test:{here.port}/x/y:1")
    assert _secrets_at_strangers(here, leaked, set()) == []


async def test_a_key_with_a_path_opens_only_that_path(scene, leaked, reply):
    here = await scene()
    here.api.put_login("regcred", f"{here.registry}/team/", USER, PASSWORD)
    here.stranger.script = lambda seen: reply(status=401, headers=(("WWW-Authenticate", 'Basic realm="x"'),))
    for path in ("other/y", "teams/y", "team-evil/y", "x/team/y", "tea"):
        await _attack(here, f"{here.registry}/{path}:1")
    assert _secrets_at_strangers(here, leaked, set()) == []


async def test_no_tls_no_login(scene, leaked, reply):
    """A port that speaks plain http, and certificates that nobody vouches for."""
    here = await scene()
    for name, host in (
        ("a", f"reg.test:{here.plain}"),
        ("b", f"reg.example:{here.port}"),
        ("c", f"127.66.0.1:{here.port}"),
    ):
        here.zone.names["reg.example"] = lambda: ("127.66.0.1",)
        here.api.put_login(name, host, USER, PASSWORD)
        here.stranger.script = lambda seen: reply(status=401, headers=(("WWW-Authenticate", 'Basic realm="x"'),))
        answer = await here.apply(f"{host}/x/y:1", secrets=(name,), within="3s")
        assert answer.allowed
    assert here.stranger.seen == []


async def test_an_evil_registry_that_names_anothers_realm(scene, leaked, reply):
    """It has no login of its own: the other's token service is asked by nobody, and what it grants opens nothing."""
    here = await scene()
    here.api.put_login("regcred", here.registry, USER, PASSWORD)

    def script(seen):
        if seen.path == "/token":
            return _token(reply) if leaked(seen.raw, PASSWORD) else reply(body=b'{"token":"anonymous-token"}')
        realm = f'Bearer realm="https://{here.registry}/token",service="{here.registry}",scope="repository:x/y:pull"'
        return reply(status=401, headers=(("WWW-Authenticate", realm),))

    here.stranger.script = script
    evil = f"evil.bad.test:{here.port}/x/y:1"
    await here.apply(f"{here.registry}/x/y:1", evil, secrets=("regcred",), within="3s")
    await here.apply(evil, secrets=("regcred",), within="3s")  # once the other's token is there
    assert any(TOKEN.encode() in seen.raw for seen in here.stranger.seen)
    for seen in here.stranger.seen:
        if seen.host.startswith("evil"):
            assert not leaked(seen.raw, PASSWORD)
            assert not leaked(seen.raw, TOKEN)


async def test_tokens_that_would_begin_a_header_of_their_own(scene, reply):
    here = await scene()
    here.api.put_login("regcred", f"*.test:{here.port}", USER, PASSWORD)
    tokens = (
        "a\\r\\nX-Injected: 1",
        "a\\nX-Injected: 1",
        "a\\u0000b",
        "a b",
        "\\u00e9",
        "a\\u2028b",
        "a\\tb",
        "\\ud800",
    )

    def script(seen):
        if seen.path == "/token":
            return reply(body=f'{{"access_token":"{tokens[_number(seen)]}"}}'.encode())
        return reply(status=401, headers=(("WWW-Authenticate", f'Bearer realm="https://{seen.host}/token"'),))

    here.stranger.script = script
    for number in range(len(tokens)):
        await _attack(here, f"way{number}.test:{here.port}/x/y:1")
    assert not any(b"x-injected" in seen.raw.lower() for seen in here.stranger.seen)
    assert not any(b"bearer" in seen.raw.lower() for seen in here.stranger.seen if seen.path != "/token")


async def test_challenges_by_the_hundred(scene, leaked, reply):
    """However many realms are named, one is asked: nobody is sent around with a login."""
    here = await scene()
    here.api.put_login("regcred", here.registry, USER, PASSWORD)

    def script(seen):
        if seen.host != here.registry:
            return reply(status=401)
        lines = (
            ("WWW-Authenticate", f'Bearer realm="https://evil{number}.bad.test:{here.port}/token"')
            for number in range(60)
        )
        return reply(status=401, headers=tuple(lines))

    here.stranger.script = script
    await _attack(here, f"{here.registry}/x/y:1")
    assert len({seen.host for seen in here.stranger.seen}) == 2


async def test_link_headers_take_no_login_along(scene, leaked, reply, absent):
    here = await scene()
    here.api.put_login("regcred", f"*.test:{here.port}", USER, PASSWORD)

    def script(seen):
        number = _number(seen)
        if number is None or not seen.authorized:
            return reply(status=401, headers=(("WWW-Authenticate", 'Basic realm="x"'),))
        if seen.path.endswith("/tags/list"):
            link = _filled(TARGETS[number], here, f"way{number}.test")
            return reply(headers=(("Link", f'<{link}?n=1>; rel="next"'),), body=b'{"tags":["9"]}')
        return absent

    here.stranger.script = script
    for number in range(len(TARGETS)):
        await _attack(here, f"way{number}.test:{here.port}/x/y:1")
    entitled = {("https", f"way{number}.test:{here.port}") for number in range(len(TARGETS))}
    assert _secrets_at_strangers(here, leaked, entitled) == []
    assert {(seen.scheme, seen.host) for seen in here.stranger.seen} == entitled


async def test_mirrors_over_https_name_no_realm_in_plain_http(scene, leaked, reply):
    """A mirror stands in for its registry, as the operator says; it may no more downgrade than the registry."""
    here = await scene(
        config={
            "registries": [
                {"match": "hub.test", "mirrors": ["https://mirror.test:PORT"], "caFile": "CAFILE"},
            ]
        }
    )
    here.api.put_login("regcred", "hub.test", USER, PASSWORD)

    def script(seen):
        if seen.host == f"mirror.test:{here.port}":
            realm = f"http://evil.bad.test:{here.plain}/token"
            return reply(status=401, headers=(("WWW-Authenticate", f'Bearer realm="{realm}"'),))
        return _token(reply)

    here.stranger.script = script
    await _attack(here, "hub.test/x/y:1")
    assert [seen.host for seen in here.stranger.seen if seen.host.startswith("mirror")]
    assert _secrets_at_strangers(here, leaked, set()) == []


async def test_cookies_alternatives_and_refreshes_are_not_followed(scene, leaked, reply):
    here = await scene()
    here.api.put_login("regcred", f"*.test:{here.port}", USER, PASSWORD)
    tricks = (
        ("Set-Cookie", f"session={TOKEN}; Domain=.test; Path=/"),
        ("Alt-Svc", f'h2="evil.bad.test:{here.port}"; ma=3600'),
        ("Refresh", f"0; url=https://evil.bad.test:{here.port}/"),
        ("Content-Location", f"https://evil.bad.test:{here.port}/"),
        ("Location", f"https://evil.bad.test:{here.port}/"),
    )

    def script(seen):
        if not seen.authorized:
            return reply(status=401, headers=(("WWW-Authenticate", 'Basic realm="x"'), *tricks))
        return reply(status=404, headers=tricks)

    here.stranger.script = script
    await _attack(here, f"way0.test:{here.port}/x/y:1")
    await _attack(here, f"way1.test:{here.port}/x/y:1")
    assert not any(b"cookie" in seen.raw.lower() for seen in here.stranger.seen)
    assert {seen.host for seen in here.stranger.seen} == {f"way0.test:{here.port}", f"way1.test:{here.port}"}


async def test_one_pods_token_is_no_other_pods(scene, leaked, reply):
    here = await scene()
    here.api.put_login("regcred", here.registry, USER, PASSWORD)

    def script(seen):
        if seen.path == "/token":
            entitled = leaked(seen.raw, PASSWORD)
            return _token(reply) if entitled else reply(body=b'{"token":"nobodys-token"}')
        if TOKEN.encode() in seen.raw:
            return reply(headers=(("Docker-Content-Digest", "sha256:" + "a" * 64),), body=b"{}")
        return reply(status=401, headers=(("WWW-Authenticate", f'Bearer realm="https://{seen.host}/token"'),))

    here.stranger.script = script
    await _attack(here, f"{here.registry}/x/y:1")
    assert any(TOKEN.encode() in seen.raw for seen in here.stranger.seen)
    before = len(here.stranger.seen)
    answer = await here.apply(f"{here.registry}/x/y:1", within="3s")
    assert answer.codes != {"not-an-image"}
    assert not any(TOKEN.encode() in seen.raw for seen in here.stranger.seen[before:])


async def test_the_proxys_login_goes_to_the_proxy_alone(scene, leaked, reply):
    here = await scene(environment={"HTTPS_PROXY": f"http://bob:{'Pr0xyKanari3'}@127.66.0.1:PLAIN"})

    async def tunnel_refused(writer):
        writer.write(b'HTTP/1.1 407 no\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
        await writer.drain()

    here.stranger.script = lambda seen: reply(stream=tunnel_refused)
    answer = await here.apply(f"{here.registry}/x/y:1", within="3s")
    assert answer.allowed
    assert "Kanari3" not in answer.text
    assert {seen.method for seen in here.stranger.seen} == {"CONNECT"}
