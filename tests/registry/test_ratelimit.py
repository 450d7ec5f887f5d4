"""Limits in headers, in every form that registries were seen to use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.answer import Answer
from webhook.registry.ratelimit import parse_quota, parse_retry_after
from webhook.registry.resolution import Quota
from webhook.registry.url import Url

NOW = 1_746_136_900.0


def _answer(headers: dict[str, str]) -> Answer:
    return Answer(method="GET", url=Url.parse("https://r.example/"), status=429, headers=tuple(headers.items()))


@pytest.mark.parametrize(
    ("limit", "remaining", "quota"),
    [
        ("100;w=21600", "76;w=21600", Quota(limit=100, remaining=76, window=21600)),
        (" 100 ; w=21600", "0;w=21600", Quota(limit=100, remaining=0, window=21600)),
        ("2000", "1999", None),
        ("100;w=21600", "", None),
        ("", "", None),
        ("many;w=1", "1;w=1", None),
        ("9999999999999;w=1", "1;w=1", None),
    ],
    ids=["hub", "blanks", "requests, not pulls", "half", "none", "words", "too many"],
)
def test_quota(limit: str, remaining: str, quota: Quota | None) -> None:
    assert parse_quota(_answer({"ratelimit-limit": limit, "ratelimit-remaining": remaining})) == quota


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "1746136938"}, 38),
        ({"retry-after": "Thu, 01 May 2025 22:02:18 GMT"}, 38),
        ({"retry-after": "Thu, 01 May 2025 22:00:00 GMT"}, 0),
        ({"x-retry-after": "1746136938"}, 38),
        ({"ratelimit-reset": "38"}, 38),
        ({"x-ratelimit-reset": "1746136938"}, 38),
        ({"retry-after": "soon", "x-ratelimit-reset": "1746136938"}, 38),
        ({"retry-after": "999999"}, 86_400),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "880.092\u00b5s"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(_answer(headers), now=NOW) == seconds


@given(st.text(), st.text())
def test_never_raises(one: str, other: str) -> None:
    answer = _answer({"retry-after": one, "ratelimit-limit": other, "ratelimit-remaining": one})
    wait = parse_retry_after(answer, now=NOW)
    assert wait is None or 0 <= wait <= 86_400
    parse_quota(answer)
