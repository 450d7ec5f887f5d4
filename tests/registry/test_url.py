"""One parser for URLs that strangers write."""

from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.url import InvalidUrl, Url


@pytest.mark.parametrize(
    ("text", "origin", "written"),
    [
        ("https://Reg.Example/v2", "https://reg.example", "https://Reg.Example/v2"),
        ("HTTPS://reg.example", "https://reg.example", "https://reg.example"),
        ("https://reg.example:443/", "https://reg.example", "https://reg.example:443/"),
        ("http://reg.example:443/", "http://reg.example:443", "http://reg.example:443/"),
        ("https://[::1]:5000/v2", "https://[::1]:5000", "https://[::1]:5000/v2"),
        ("https://r_x.example?a=b", "https://r_x.example", "https://r_x.example?a=b"),
        ('https://a/b c\u00e9<"#frag', "https://a", "https://a/b%20c%C3%A9%3C%22"),
        ("https://a/%41", "https://a", "https://a/%41"),
    ],
)
def test_parsed(text: str, origin: str, written: str) -> None:
    url = Url.parse(text)
    assert (url.origin, str(url)) == (origin, written)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "reg.example",
        "//reg.example",
        "ftp://reg.example",
        "https://",
        "https:///x",
        "https://a@b",
        "https://a:b@c/",
        "https://a\\b",
        "https://a:65536/",
        "https://a:999999999999999999999/",
        "https://a:x/",
        "https://a b/",
        "https://a%00b/",
        "https://\u2024example/",
        "https://a\tb/",
        "https://a" + "/x" * 5000,
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidUrl):
        Url.parse(text)


@pytest.mark.parametrize(
    ("location", "joined"),
    [
        ("/x", "https://reg.example:5000/x"),
        ("x?y=1", "https://reg.example:5000/v2/x?y=1"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("http://cdn.example/x", "http://cdn.example/x"),
        ("\\\\evil.example/x", "https://reg.example:5000/v2/%5C%5Cevil.example/x"),
        ("?a=b", "https://reg.example:5000/v2/app?a=b"),
    ],
)
def test_joined(location: str, joined: str) -> None:
    assert str(Url.parse("https://reg.example:5000/v2/app").join(location)) == joined


@pytest.mark.parametrize("location", ["https://u:p@reg.example:5000/x", "//[", "javascript:alert(1)"])
def test_not_joined(location: str) -> None:
    with pytest.raises(InvalidUrl):
        Url.parse("https://reg.example:5000/v2/app").join(location)


@given(st.text() | st.from_regex(r"\Ahttps?://[^/]{0,40}(/.*)?\Z"))
def test_every_parser_sees_the_same_host(text: str) -> None:
    try:
        url = Url.parse(text)
    except InvalidUrl:
        return
    again = str(url)
    assert Url.parse(again) == url
    assert (urlsplit(again).hostname or "") == url.host.strip("[]").lower()
    try:
        theirs = httpx.URL(again)
    except httpx.InvalidURL:  # an address that is none, such as 999.1.1.1
        return
    assert theirs.host == url.host.strip("[]").lower()
    assert theirs.scheme == url.scheme
    assert theirs.userinfo == b""
