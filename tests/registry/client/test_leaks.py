"""No login ever reaches a host that it was not meant for, and none is in any text.

Every case is a registry that tries to get at the login of `reg.example`. What each host received is searched for the
secret in every form it can be sent in.
"""

import base64
import traceback
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from webhook.credentials.credential import Credential
from webhook.registry.endpoint import Endpoint, Endpoints, RegistryOptions
from webhook.registry.resolution import Failure

SECRET = "c4n4ry/+=&\u00e9"
BOB = Credential(username="bob", secret=SECRET, source='secret "regcred"')
PAIR = base64.b64encode(f"bob:{SECRET}".encode()).decode()
FORMS = (SECRET, quote(SECRET, safe=""), quote_plus(SECRET), PAIR, quote_plus(PAIR), SECRET.encode().hex())
DIGEST = "sha256:" + "a" * 64
HAS = {
    "path": "/v2/",
    "status": 200,
    "headers": {"Content-Type": "application/vnd.oci.image.manifest.v1+json", "Docker-Content-Digest": DIGEST},
    "body": "{}",
}
GRANTS = {"path": "/token", "status": 200, "body": '{"token":"t0ken-canary","access_token":"t0ken-canary"}'}


def _wants(challenge: str, **more: Any) -> dict[str, Any]:
    return {
        "host": "reg.example",
        "path": "/v2/",
        "auth": "none",
        "status": 401,
        "headers": {"WWW-Authenticate": challenge},
    } | more


def _goes(to: str, status: int = 307, **more: Any) -> dict[str, Any]:
    return {"host": "reg.example", "path": "/v2/", "status": status, "headers": {"Location": to}} | more


def _leaked(network: Any) -> set[str]:
    """The origins that received the login, in whatever form."""
    found = set()
    for each in network.sent:
        everything = " ".join((each.url, each.form, *map(repr, each.headers.raw)))
        if any(form in everything for form in FORMS):
            scheme, _, rest = each.url.partition("://")
            found.add(f"{scheme}://{rest.partition('/')[0]}")
    return found


BASIC = 'Basic realm="r"'


@pytest.mark.parametrize(
    "realm",
    [
        "http://auth.example/token",
        "http://reg.example/token",
        "https://reg.example@evil.example/token",
        "https://bob:x@auth.example/token",
        "https://reg.example\\\\@evil.example/token",
        "https://reg.example%40evil.example/token",
        "https://evil.example%2freg.example/token",
        "https://r\u0435g.example/token",
        "https://reg\u3002example/token",
        "https://[::ffff:127.0.0.1%25lo]/token",
        "https://reg.example:0x1bb/token",
        "//reg.example/token",
        "/token",
        "token",
        "ftp://reg.example/token",
        "gopher://reg.example/token",
        "javascript:alert(1)",
        "https://",
        "https://reg.example\u2028.evil.example/token",
        "HTTP://reg.example/token",
    ],
)
async def test_hostile_realms_get_nothing(network: Any, ask: Any, realm: str) -> None:
    scripted = network(_wants(f'Bearer realm="{realm}"'), GRANTS)
    refusal = (await ask(scripted, "reg.example/app:1", BOB)).refusal
    assert refusal.failure is Failure.ADDRESS_REFUSED
    assert len(scripted.sent) == 1
    assert _leaked(scripted) == set()


@pytest.mark.parametrize("realm", ["https://auth.example/token", "https://reg.example.evil.example/token"])
async def test_the_named_realm_gets_the_login_and_nobody_else(network: Any, ask: Any, realm: str) -> None:
    """A realm may be on another host, as at Docker Hub and GitLab; a registry can always hand on what it is given."""
    scripted = network(_wants(f'Bearer realm="{realm}"'), GRANTS, HAS)
    await ask(scripted, "reg.example/app:1", BOB)
    assert _leaked(scripted) == {realm.removesuffix("/token")}


@pytest.mark.parametrize("challenge", ["", "Negotiate", 'Digest realm="r",nonce="n"', "Bearer", 'Bearer service="x"'])
async def test_without_a_challenge_that_counts_nothing_is_sent(network: Any, ask: Any, challenge: str) -> None:
    scripted = network(_wants(challenge), _wants(challenge, auth="basic"))
    await ask(scripted, "reg.example/app:1", BOB)
    assert _leaked(scripted) == set()


TARGETS = [
    "https://evil.example/m",
    "//evil.example/m",
    "http://reg.example/m",
    "http://reg.example:443/m",
    "https://reg.example:8443/m",
    "https://reg.example./m",
    "https://sub.reg.example/m",
    "https://xreg.example/m",
    "https://reg.example.evil.example/m",
]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", TARGETS)
async def test_redirects_are_followed_without_the_login(network: Any, ask: Any, target: str, status: int) -> None:
    scripted = network(_wants(BASIC), _goes(target, status, auth="basic"), HAS | {"path": "/m"})
    found = (await ask(scripted, "reg.example/app:1", BOB)).found
    assert found.digest == DIGEST
    assert _leaked(scripted) == {"https://reg.example"}


@pytest.mark.parametrize("target", TARGETS)
async def test_redirects_are_followed_without_the_token(network: Any, ask: Any, target: str) -> None:
    wants = _wants('Bearer realm="https://auth.example/token"')
    scripted = network(wants, GRANTS, _goes(target, auth="bearer"), HAS | {"path": "/m"})
    await ask(scripted, "reg.example/app:1", BOB)
    assert scripted.sent[-1].auth == "none"


@pytest.mark.parametrize(
    "target",
    [
        "https://bob@evil.example/",
        "https://a:b@reg.example/",
        "ftp://evil.example/",
        "https://evil.example\\@reg.example",
    ],
)
async def test_redirects_that_are_not_followed(network: Any, ask: Any, target: str) -> None:
    scripted = network(_wants(BASIC), _goes(target, auth="basic"), HAS | {"path": "/m"})
    asked = await ask(scripted, "reg.example/app:1", BOB)
    assert asked.refusal.failure is Failure.ADDRESS_REFUSED
    assert _leaked(scripted) == {"https://reg.example"}


@pytest.mark.parametrize("challenge", [BASIC, 'Bearer realm="https://auth.example/token"'])
async def test_a_redirect_target_that_asks_for_a_login(network: Any, ask: Any, challenge: str) -> None:
    """containerd would give it one. We do not, so we do not know what it would say."""
    asks = {"host": "cdn.example", "path": "", "status": 401, "headers": {"WWW-Authenticate": challenge}}
    scripted = network(_goes("https://cdn.example/m"), asks, GRANTS)
    refusal = (await ask(scripted, "reg.example/app:1", BOB)).refusal
    assert refusal.failure is Failure.SERVER_ERROR
    assert _leaked(scripted) == set()
    assert not scripted.to("auth.example")


async def test_redirects_end(network: Any, ask: Any) -> None:
    scripted = network(_wants(BASIC), _goes("/v2/again", auth="basic"))
    assert (await ask(scripted, "reg.example/app:1", BOB)).refusal.failure is Failure.SERVER_ERROR
    assert len(scripted.sent) == 6


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_form_with_a_login_is_never_redirected(network: Any, ask: Any, status: int) -> None:
    moved = {
        "host": "auth.example",
        "path": "/token",
        "status": status,
        "headers": {"Location": "https://evil.example/t"},
    }
    scripted = network(_wants('Bearer realm="https://auth.example/token"'), moved)
    refusal = (await ask(scripted, "reg.example/app:1", BOB)).refusal
    assert refusal.failure is Failure.SERVER_ERROR
    assert not scripted.to("evil.example")


async def test_a_basic_token_request_is_redirected_without_the_login(network: Any, ask: Any) -> None:
    moved = {
        "host": "auth.example",
        "method": "GET",
        "path": "",
        "status": 302,
        "headers": {"Location": "https://evil.example/t"},
    }
    scripted = network(
        _wants('Bearer realm="https://auth.example/token"'),
        {"host": "auth.example", "method": "POST", "path": "", "status": 404},
        moved,
        {"host": "evil.example", "path": "", "status": 401},
    )
    refusal = (await ask(scripted, "reg.example/app:1", BOB)).refusal
    assert refusal.failure is Failure.SERVER_ERROR  # it was not told the login: no word on whether that is good
    assert _leaked(scripted) == {"https://auth.example"}


async def test_a_mirror_is_only_given_the_login_if_the_operator_named_it(network: Any, ask: Any) -> None:
    endpoints = Endpoints(options=(RegistryOptions(match="reg.example", mirrors=("m.example",)),))
    asks = {"host": "m.example", "path": "", "auth": "none", "status": 401, "headers": {"WWW-Authenticate": BASIC}}
    scripted = network(asks, {"host": "m.example"} | HAS)
    await ask(scripted, "reg.example/app:1", BOB, endpoints=endpoints)
    assert _leaked(scripted) == {"https://m.example"}
    scripted = network(asks, HAS)
    await ask(scripted, "reg.example/app:1", BOB)
    assert not scripted.to("m.example")


async def test_the_operators_headers_stay_with_their_host(network: Any, ask: Any) -> None:
    endpoint = Endpoint(
        namespace="reg.example", scheme="https", host="reg.example", headers=(("x-key", "operator-canary"),)
    )
    scripted = network(
        _wants('Bearer realm="https://auth.example/token"'),
        GRANTS,
        _goes("https://cdn.example/m", auth="bearer"),
        HAS | {"path": "/m"},
    )
    await ask(scripted, "reg.example/app:1", BOB, of=lambda registry: (endpoint,))
    assert {each.host for each in scripted.sent if "x-key" in each.headers} == {"reg.example"}


async def test_a_realm_on_the_endpoint_gets_the_operators_headers_but_their_login_does_not_replace_ours(
    network: Any, ask: Any
) -> None:
    headers = (("x-key", "k"), ("authorization", "Bearer operators"))
    endpoint = Endpoint(namespace="reg.example", scheme="https", host="reg.example", headers=headers)
    wants = _wants('Bearer realm="https://reg.example/token"', auth="bearer", times=1)
    scripted = network(wants, GRANTS | {"host": "reg.example"}, HAS)
    await ask(scripted, "reg.example/app:1", BOB, of=lambda registry: (endpoint,))
    first, token, last = scripted.sent
    assert first.headers["authorization"] == "Bearer operators"
    assert (token.headers["x-key"], token.auth) == ("k", "none")
    assert last.headers["authorization"] == "Bearer t0ken-canary"


ECHOES = [
    f'{{"errors":[{{"code":"DENIED","message":"bad login bob:{SECRET}"}}]}}',
    f'{{"errors":[{{"code":"DENIED","message":"you sent Basic {PAIR}"}}]}}',
    f'{{"errors":[{{"code":"{SECRET}","message":"no"}}]}}',
]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("status", [400, 403, 404, 412, 500])
async def test_what_a_registry_repeats_is_not_passed_on(network: Any, ask: Any, status: int, echo: str) -> None:
    scripted = network(
        _wants(BASIC), {"path": "", "status": status, "body": echo, "headers": {"Content-Type": "application/json"}}
    )
    refusal = (await ask(scripted, "reg.example/app:1", BOB)).refusal
    told = repr(refusal) + str(refusal) + "".join(traceback.format_exception(refusal))
    assert not any(form.lower() in told.lower() for form in FORMS)


async def test_nor_is_a_token(network: Any, ask: Any) -> None:
    echo = '{"errors":[{"code":"DENIED","message":"bad token t0ken-canary"}]}'
    scripted = network(
        _wants('Bearer realm="https://auth.example/token"'), GRANTS, {"path": "", "status": 403, "body": echo}
    )
    refusal = (await ask(scripted, "reg.example/app:1", BOB)).refusal
    assert "bad token ***" in refusal.attempts[-1].detail
    assert "t0ken-canary" not in repr(refusal)


async def test_nor_what_a_token_service_repeats(network: Any, ask: Any) -> None:
    refuses = {"host": "auth.example", "path": "", "status": 401, "body": f'{{"details":"{SECRET} is wrong"}}'}
    scripted = network(_wants('Bearer realm="https://auth.example/token"'), refuses)
    refusal = (await ask(scripted, "reg.example/app:1", BOB)).refusal
    assert SECRET not in repr(refusal)
    assert refusal.attempts[-1].detail == "*** is wrong"


async def test_a_location_that_repeats_the_login(network: Any, ask: Any) -> None:
    target = f"https://evil.example/{quote(SECRET, safe='')}?x={quote_plus(SECRET)}"
    scripted = network(_wants(BASIC), _goes(target, auth="basic"), {"host": "evil.example", "path": "", "status": 403})
    refusal = (await ask(scripted, "reg.example/app:1", BOB)).refusal
    assert not any(form in repr(refusal) for form in FORMS)
