"""Token requests and answers, against what containerd sent (challenges.json, token_requests)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.credentials.credential import ANONYMOUS, Credential
from webhook.registry.answer import Answer
from webhook.registry.challenge import parse
from webhook.registry.token import (
    Grant,
    NoToken,
    RealmRefused,
    Token,
    TokenQuestion,
    ask_for,
    check_realm,
    decode,
    first_grant,
    next_grant,
)
from webhook.registry.url import Url

BOB = Credential(username="bob", secret="pw", source="test")
REFRESH = Credential(username="", secret="refresh", source="test")
NAMED = Credential(username="bob", secret="", source="test")


def _answer(body: bytes | str, status: int = 200) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    return Answer(method="GET", url=Url.parse("https://auth.example/token"), status=status, body=data)


@pytest.mark.vectors("challenges", "token_requests", "cases")
def test_asked_as_containerd_asks(case: dict[str, Any]) -> None:
    described = case["credentials"]
    login = Credential(username=described["username"], secret=described["secret"], source="test")
    parts = urlsplit(case["url"])
    asked = parse_qs(case.get("form") or parts.query)
    scopes = tuple(" ".join(asked["scope"]).split(" "))
    realm = Url.parse(parts._replace(query="").geturl())
    question = TokenQuestion(realm=realm, service=asked["service"][0], scopes=scopes)
    grant = Grant.FORM if case["method"] == "POST" else Grant.BASIC if case["auth"] == "basic" else Grant.ANONYMOUS
    ask = ask_for(question, login, grant)
    assert (ask.method, str(ask.url), ask.form) == (case["method"], case["url"], case.get("form"))
    assert ask.authorized == (case["auth"] != "none")


@pytest.mark.parametrize(
    ("login", "grant"),
    [(ANONYMOUS, Grant.ANONYMOUS), (NAMED, Grant.ANONYMOUS), (BOB, Grant.FORM), (REFRESH, Grant.FORM)],
    ids=["nobody", "a name alone", "name and secret", "identity token"],
)
def test_first_grant(login: Credential, grant: Grant) -> None:
    assert first_grant(login) is grant


@pytest.mark.parametrize(
    ("login", "status", "following"),
    [
        (BOB, 400, Grant.BASIC),
        (BOB, 401, Grant.BASIC),
        (BOB, 404, Grant.BASIC),
        (BOB, 405, Grant.BASIC),
        (REFRESH, 401, Grant.BASIC),
        (REFRESH, 405, None),
        (BOB, 403, None),
        (BOB, 429, None),
        (BOB, 500, None),
    ],
)
def test_next_grant(login: Credential, status: int, following: Grant | None) -> None:
    assert next_grant(login, Grant.FORM, status) is following
    assert next_grant(login, Grant.BASIC, status) is None


def test_the_realms_own_query_is_kept() -> None:
    (challenge,) = parse(['Bearer realm="https://a.example/t?x=1&scope=own",service="s y",scope="b a"'])
    question = TokenQuestion.of(challenge, scope="repository:app:pull", plain=False)
    ask = ask_for(question, ANONYMOUS, Grant.ANONYMOUS)
    assert str(ask.url) == (
        "https://a.example/t?scope=own&scope=a&scope=b&scope=repository%3Aapp%3Apull&service=s+y&x=1"
    )


@pytest.mark.parametrize(
    "realm",
    [
        "",
        "https",
        "token",
        "//auth.example/token",
        "http://auth.example/token",
        "ftp://auth.example/token",
        "file:///etc/passwd",
        "https://user:pass@auth.example/token",
        "https://auth.example@evil.example/token",
        "https://auth.example\\@evil.example/token",
        "https://auth.example%2eevil.example/token",
        "https://\u0430uth.example/token",
        "https://auth.example:443443/token",
        "https://auth.example:/token",
        "https://auth example/token",
        "https://auth.example\n.evil.example/token",
        " https://auth.example/token",
        "https://[::1%25eth0]/token",
        "https:///token",
        "https:auth.example/token",
    ],
)
def test_realms_that_are_not_asked(realm: str) -> None:
    with pytest.raises(RealmRefused, match="token service"):
        check_realm(realm, plain=False)


def test_a_plain_realm_only_for_a_plain_registry() -> None:
    assert str(check_realm("http://auth.example/token", plain=True)) == "http://auth.example/token"


@pytest.mark.parametrize(
    ("body", "grant", "value"),
    [
        ('{"token":"t"}', Grant.ANONYMOUS, "t"),
        ('{"access_token":"a","token":"t"}', Grant.BASIC, "a"),
        ('{"access_token":"","token":"t"}', Grant.BASIC, "t"),
        ('{"access_token":"a"}', Grant.FORM, "a"),
    ],
)
def test_tokens(body: str, grant: Grant, value: str) -> None:
    assert decode(_answer(body), grant).value == value


@pytest.mark.parametrize(
    ("body", "grant", "text"),
    [
        ('{"token":"t"}', Grant.FORM, "authorization server did not include a token in the response"),
        ("{}", Grant.ANONYMOUS, "authorization server did not include a token in the response"),
        ("{}", Grant.FORM, "authorization server did not include a token in the response"),
        ('{"token":""}', Grant.ANONYMOUS, "authorization server did not include a token in the response"),
        ("<html>", Grant.ANONYMOUS, "unable to decode token response: invalid character '<'"),
        ("", Grant.ANONYMOUS, "unable to decode token response: EOF"),
        ('{"token":1}', Grant.ANONYMOUS, "unable to decode token response"),
        ('{"token":"a\\nb"}', Grant.ANONYMOUS, "no header can carry"),
        ("[" * 10_000, Grant.ANONYMOUS, "unable to decode token response"),
    ],
)
def test_no_tokens(body: str, grant: Grant, text: str) -> None:
    with pytest.raises(NoToken, match=text):
        decode(_answer(body), grant)


@pytest.mark.parametrize(
    ("stated", "lifetime"),
    [("300", 290), ("60", 50), ("0", 50), ("-5", 50), ("null", 50), ("1e9", 590), ("5", 0), ("12.5", 2.5)],
)
def test_lifetime(stated: str, lifetime: float) -> None:
    body = f'{{"token":"t","expires_in":{stated}}}'
    assert decode(_answer(body), Grant.ANONYMOUS).lifetime == lifetime


def test_secrets_are_in_no_text() -> None:
    question = TokenQuestion(realm=Url.parse("https://a.example/t"), service="", scopes=())
    asks = [ask_for(question, BOB, grant) for grant in Grant]
    assert "pw" not in repr(asks)
    assert "Ym9iOnB3" not in repr(asks)
    assert "s3cret" not in repr(Token(value="s3cret", lifetime=1))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["token", "access_token", "expires_in", "x"]), inner)
    ),
)


@given(st.binary() | _JSON.map(msgspec.json.encode), st.sampled_from(Grant))
def test_decode_raises_only_its_own(body: bytes, grant: Grant) -> None:
    try:
        token = decode(_answer(body), grant)
    except NoToken:
        return
    assert token.value.isascii()
    assert 0 <= token.lifetime <= 590


@given(st.text() | st.from_regex(r"\Ahttps?://.*\Z"), st.booleans())
def test_a_realm_is_refused_or_plain(realm: str, plain: bool) -> None:
    try:
        url = check_realm(realm, plain=plain)
    except RealmRefused:
        return
    assert url.scheme == "https" or plain
    assert str(url).isascii()
    assert "@" not in url.host
