"""The handshake, its tokens, and who shares them."""

import asyncio
from typing import Any

import pytest

from webhook.credentials.credential import ANONYMOUS
from webhook.image.reference import Reference
from webhook.registry.resolution import Failure, Step

DIGEST = "sha256:" + "a" * 64
REALM = 'Bearer realm="https://auth.example/token",service="reg",scope="repository:app:pull"'
WANTS = {"path": "/v2/", "auth": "none", "status": 401, "headers": {"WWW-Authenticate": REALM}}
GRANTS = {"host": "auth.example", "path": "/token", "status": 200, "body": '{"token":"tok-1","access_token":"tok-1"}'}
HAS = {
    "path": "/v2/",
    "status": 200,
    "headers": {"Content-Type": "application/vnd.oci.image.manifest.v1+json", "Docker-Content-Digest": DIGEST},
    "body": "{}",
}


async def test_a_token_is_sent_ahead_the_next_time(network: Any, ask: Any, client: Any) -> None:
    scripted = network(WANTS, GRANTS, HAS)
    using = client(scripted)
    await ask(scripted, "reg.example/app:1", using=using)
    await ask(scripted, "reg.example/app:2", using=using)
    assert [each.auth for each in scripted.to("reg.example")] == ["none", "bearer", "bearer"]
    assert len(scripted.to("auth.example")) == 1


@pytest.mark.parametrize("what", ["repository", "login", "registry"])
async def test_a_token_is_for_one_repository_login_and_endpoint(
    network: Any, ask: Any, client: Any, login: Any, what: str
) -> None:
    scripted = network(WANTS, GRANTS, HAS)
    using = client(scripted)
    await ask(scripted, "reg.example/app:1", login("bob"), using=using)
    other = {"repository": "reg.example/other:1", "login": "reg.example/app:1", "registry": "evil.example/app:1"}[what]
    await ask(scripted, other, login("eve" if what == "login" else "bob"), using=using)
    assert len(scripted.to("auth.example")) == 2


async def test_a_token_ends(network: Any, ask: Any, client: Any) -> None:
    clock = [1000.0]
    scripted = network(WANTS, GRANTS, HAS)
    using = client(scripted, clock=lambda: clock[0])
    await ask(scripted, "reg.example/app:1", using=using)
    clock[0] += 51  # a minute is assumed, less a margin
    await ask(scripted, "reg.example/app:1", using=using)
    assert len(scripted.to("auth.example")) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refused_token_from_before_is_not_believed(network: Any, ask: Any, client: Any, status: int) -> None:
    scripted = network(WANTS, GRANTS, HAS)
    using = client(scripted)
    await ask(scripted, "reg.example/app:1", using=using)
    refused = {"path": "/v2/", "auth": "bearer", "status": status, "times": 1, "headers": {"WWW-Authenticate": REALM}}
    scripted.rules.insert(0, refused)
    scripted._used.clear()
    found = await ask(scripted, "reg.example/app:1", using=using)
    assert found.found.digest == DIGEST
    assert len(scripted.to("auth.example")) == 2


async def test_many_at_once_share_one_token_request(network: Any, client: Any) -> None:
    scripted = network(WANTS, GRANTS, HAS, delay=0.01)
    using = client(scripted)
    deadline = asyncio.get_running_loop().time() + 5
    found = await asyncio.gather(
        *(using.look(Reference.parse(f"reg.example/app:{n}"), ANONYMOUS, deadline=deadline) for n in range(20))
    )
    assert len(scripted.to("auth.example")) == 1
    assert all(Step.TOKEN in [attempt.step for attempt in each.attempts] for each in found)


async def test_who_stops_waiting_takes_the_token_from_nobody(network: Any, client: Any) -> None:
    scripted = network(WANTS, GRANTS, HAS, delay=0.05)
    using = client(scripted)
    loop = asyncio.get_running_loop()

    async def look(seconds: float) -> object:
        reference = Reference.parse("reg.example/app:1")
        return await using.look(reference, ANONYMOUS, deadline=loop.time() + seconds)

    first, second = await asyncio.gather(look(0.08), look(5), return_exceptions=True)
    assert getattr(first, "failure", None) is Failure.OUT_OF_TIME
    assert getattr(second, "digest", None) == DIGEST
    assert len(scripted.to("auth.example")) == 1


async def test_a_refusal_by_the_token_service_is_shared_but_not_kept(
    network: Any, ask: Any, client: Any, login: Any
) -> None:
    refuses = GRANTS | {"status": 401, "body": '{"details":"incorrect username or password"}'}
    scripted = network(WANTS, refuses, HAS, delay=0.01)
    using = client(scripted)
    both = await asyncio.gather(*(ask(scripted, f"reg.example/app:{n}", login(), using=using) for n in (1, 2)))
    assert {each.refusal.failure for each in both} == {Failure.LOGIN_REFUSED}
    assert both[0].refusal is not both[1].refusal
    assert [each.method for each in scripted.to("auth.example")] == ["POST", "GET"]
    assert both[1].refusal.attempts[-1].detail == "incorrect username or password"
    scripted.rules[1] = GRANTS
    assert (await ask(scripted, "reg.example/app:1", login(), using=using)).found.digest == DIGEST


async def test_a_plain_registry_may_name_a_plain_realm(network: Any, ask: Any) -> None:
    from webhook.registry.endpoint import Endpoints, RegistryOptions

    plain = {"WWW-Authenticate": 'Bearer realm="http://auth.example/token"'}
    scripted = network(WANTS | {"headers": plain}, GRANTS, HAS)
    endpoints = Endpoints(options=(RegistryOptions(match="reg.example", plain_http=True),))
    assert (await ask(scripted, "reg.example/app:1", endpoints=endpoints)).found.digest == DIGEST
    refusal = (await ask(network(WANTS | {"headers": plain}), "reg.example/app:1")).refusal
    assert refusal.failure is Failure.ADDRESS_REFUSED
    assert refusal.message == "the registry names a token service that is not https: 'http://auth.example'"


async def test_a_token_service_that_cannot_be_reached(network: Any, ask: Any, login: Any) -> None:
    scripted = network(WANTS, {"host": "auth.example", "path": "", "drop": True})
    refusal = (await ask(scripted, "reg.example/app:1", login())).refusal
    assert refusal.failure is Failure.CONNECT
    assert (
        refusal.node_error == 'failed to authorize: failed to fetch oauth token: Post "https://auth.example/token": EOF'
    )
    assert len(scripted.to("auth.example")) == 1
    anonymous = (await ask(scripted, "reg.example/app:1")).refusal
    assert anonymous.node_error == (
        'failed to authorize: failed to fetch anonymous token: Get "https://auth.example/token'
        '?scope=%5BREDACTED%5D&service=%5BREDACTED%5D": EOF'
    )


async def test_the_attempts_tell_the_whole_story(network: Any, ask: Any, login: Any) -> None:
    scripted = network(WANTS, GRANTS, HAS)
    found = (await ask(scripted, "reg.example/app:1", login())).found
    assert [(each.endpoint, each.step, each.method, each.status) for each in found.attempts] == [
        ("https://reg.example", Step.MANIFEST, "HEAD", 401),
        ("https://auth.example", Step.TOKEN, "POST", 200),
        ("https://reg.example", Step.MANIFEST, "HEAD", 200),
    ]
    assert found.attempts[0].detail == f"asks for {REALM}"
    assert {each.credential for each in found.attempts} == {'secret "regcred"'}
