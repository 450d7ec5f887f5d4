"""Tag lists: pages, bounds, and links that lead elsewhere."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.credentials.credential import ANONYMOUS
from webhook.image.reference import Reference
from webhook.registry.answer import Answer
from webhook.registry.endpoint import Capability, Endpoint
from webhook.registry.failure import RegistryError
from webhook.registry.resolution import Absent, Failure
from webhook.registry.taglist import _decode, _next
from webhook.registry.url import Url


@pytest.fixture
def tags(client: Any) -> Callable[..., Any]:
    async def listed(network: Any, **options: Any) -> tuple[str, ...]:
        using = client(network, **options)
        deadline = asyncio.get_running_loop().time() + 5
        found: tuple[str, ...] = await using.tags(Reference.parse("reg.example/app:1"), ANONYMOUS, deadline=deadline)
        return found

    return listed


def _page(*names: Any, link: str = "", **more: Any) -> dict[str, Any]:
    headers = {"Link": link} if link else {}
    return {"path": "/tags/list", "status": 200, "headers": headers, "body": json.dumps({"tags": list(names)})} | more


async def test_pages_in_order(network: Any, tags: Any) -> None:
    scripted = network(
        _page("a", "b", link='</v2/app/tags/list?n=1000&last=b>; rel="next"', times=1), _page("b", "c", times=1)
    )
    assert await tags(scripted) == ("a", "b", "c")
    assert [each.url for each in scripted.sent] == [
        "https://reg.example/v2/app/tags/list?n=1000",
        "https://reg.example/v2/app/tags/list?last=b&n=1000",
    ]


@pytest.mark.parametrize(
    "link",
    [
        '<https://evil.example/v2/app/tags/list?last=b>; rel="next"',
        '<http://reg.example/v2/app/tags/list?last=b>; rel="next"',
        '<//evil.example/v2/app/tags/list?last=b>; rel="next"',
        '<https://u:p@reg.example/v2/app/tags/list?last=b>; rel="next"',
        '<?>; rel="next"',
        '</v2/app/tags/list?last=b>; rel="prev"',
        "</v2/app/tags/list?last=b>",
        "<?" + "&".join("a=b" for _ in range(50)) + '>; rel="next"',
        "garbage",
    ],
)
async def test_links_that_are_not_followed(network: Any, tags: Any, link: str) -> None:
    scripted = network(_page("a", link=link))
    assert await tags(scripted) == ("a",)
    assert len(scripted.sent) == 1


async def test_only_the_query_of_a_link_is_taken(network: Any, tags: Any) -> None:
    scripted = network(_page("a", link='</v2/secret/tags/list?last=b>; rel="next"', times=1), _page("b"))
    await tags(scripted)
    assert scripted.sent[1].url == "https://reg.example/v2/app/tags/list?last=b"


async def test_endless_lists_end(network: Any, tags: Any) -> None:
    numbers = iter(range(1000))

    class Endless(network):  # type: ignore[misc]
        def _rule(self, request: Any, auth: str) -> dict[str, Any]:
            number = next(numbers)
            return _page(f"t{number}", link=f'<?last=t{number}>; rel="next"')

    scripted = Endless()
    assert len(await tags(scripted)) == 10
    assert len(scripted.sent) == 10


async def test_a_link_to_itself_ends(network: Any, tags: Any) -> None:
    scripted = network(_page("a", link='<?n=1000>; rel="next"'))
    await tags(scripted)
    assert len(scripted.sent) == 1


async def test_what_is_no_tag_is_left_out(network: Any, tags: Any) -> None:
    scripted = network(_page("1.0", "-x", "", "a b", 5, None, "\x1b[31m", "x" * 129, "latest"))
    assert await tags(scripted) == ("1.0", "latest")


@pytest.mark.parametrize("body", ['{"tags":null}', "{}"])
async def test_no_tags(network: Any, tags: Any, body: str) -> None:
    assert await tags(network(_page() | {"body": body})) == ()


async def test_many_tags_are_bounded(network: Any, tags: Any) -> None:
    assert len(await tags(network(_page(*(f"t{n}" for n in range(20_000)))))) == 10_000


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"status": 404, "body": '{"errors":[{"code":"NAME_UNKNOWN"}]}'}, Failure.NOT_FOUND),
        ({"status": 401}, Failure.LOGIN_WANTED),
        ({"status": 403}, Failure.FORBIDDEN),
        ({"status": 429}, Failure.RATE_LIMITED),
        ({"status": 200, "body": "[]"}, Failure.SERVER_ERROR),
        ({"status": 200, "body": "<html>", "headers": {"Content-Type": "text/html"}}, Failure.NOT_A_REGISTRY),
        ({"drop": True}, Failure.CONNECT),
    ],
)
async def test_refusals(network: Any, tags: Any, answer: dict[str, Any], failure: Failure) -> None:
    with pytest.raises(RegistryError) as caught:
        await tags(network({"path": "/tags/list"} | answer))
    assert caught.value.failure is failure
    assert caught.value.attempts
    if failure is Failure.NOT_FOUND:
        assert caught.value.absent is Absent.REPOSITORY


async def test_another_endpoint_may_know(network: Any, tags: Any) -> None:
    one, two, three = (
        Endpoint(namespace="reg.example", scheme="https", host=host, capabilities=capabilities)
        for host, capabilities in (
            ("pull.example", Capability.PULL),
            ("m.example", Capability.PULL | Capability.RESOLVE),
            ("reg.example", Capability.PULL | Capability.RESOLVE),
        )
    )
    scripted = network({"host": "m.example", "path": "", "status": 404}, _page("a"))
    assert await tags(scripted, of=lambda registry: (one, two, three)) == ("a",)
    assert [each.host for each in scripted.sent] == ["m.example", "reg.example"]
    with pytest.raises(RegistryError, match="no endpoint lists tags"):
        await tags(network(), of=lambda registry: (one,))


@given(st.binary(), st.text())
def test_a_page_raises_only_its_own(body: bytes, link: str) -> None:
    url = Url.parse("https://reg.example/v2/app/tags/list?n=1000")
    answer = Answer(method="GET", url=url, status=200, headers=(("link", f"<{link}>; rel=next"),), body=body)
    _next(answer)
    try:
        names = list(_decode(answer))
    except RegistryError:
        return
    assert all(isinstance(name, str) for name in names)
