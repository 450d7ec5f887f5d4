"""WWW-Authenticate, read by our parser as containerd's read it (tests/vectors/challenges.json)."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.registry.challenge import (
    Challenge,
    Scheme,
    merge_scopes,
    parse,
    pick,
    repository_scope,
)


def _described(challenge: Challenge | None) -> dict[str, Any] | None:
    """The challenge as the vectors write it."""
    if challenge is None:
        return None
    told: dict[str, Any] = {"scheme": challenge.scheme.name.lower(), "parameters": dict(challenge.parameters)}
    if challenge.scheme is not Scheme.BEARER:
        return told
    if challenge.realm is None:
        return told | {"token_error": "no realm specified for token auth challenge"}
    scopes = list(challenge.scopes) or None
    return told | {"token": {"realm": challenge.realm, "service": challenge.service, "scopes": scopes}}


@pytest.mark.vectors("challenges", "cases")
def test_read_as_containerd_does(case: dict[str, Any]) -> None:
    challenges = parse(case["www_authenticate"])
    assert [_described(each) for each in challenges] == case["containerd"]["challenges"]
    assert _described(pick(challenges)) == case["containerd"]["used"]


@pytest.mark.vectors("challenges", "scope_merge", "cases")
def test_scopes_are_merged(case: dict[str, Any]) -> None:
    assert list(merge_scopes(case["challenge_scopes"], case["context_scopes"])) == case["expected"]


@pytest.mark.vectors("challenges", "repository_scope", "cases")
def test_repository_scope(case: dict[str, Any]) -> None:
    repository = case["locator"].removeprefix(case["hostname"] + "/")
    assert repository_scope(repository) == case["scope"]


_LINES = st.lists(st.text() | st.from_regex(r'\A(?:Bearer|basic|Digest) [a-z]+=".*"(?:,[a-z]+=.*)*\Z'), max_size=4)


@given(_LINES)
def test_never_raises_and_keeps_the_order_of_schemes(lines: list[str]) -> None:
    challenges = parse(lines)
    schemes = [each.scheme for each in challenges]
    assert schemes == sorted(schemes, reverse=True)
    chosen = pick(challenges)
    assert chosen is None or chosen.scheme is not Scheme.DIGEST
    assert len(challenges) <= len(lines)


@given(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1), st.text())
def test_a_quoted_value_comes_back(name: str, value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    (challenge,) = parse([f'Bearer {name}="{quoted}"'])
    assert challenge.parameters == {name.lower(): value}


@pytest.mark.parametrize(
    "line",
    ["Bearer " + "a=b," * 300_000, 'Bearer a="' + "\\" * 1_000_000, "Bearer " + " " * 1_000_000, "a" * 1_000_000],
    ids=["parameters", "backslashes", "blanks", "letters"],
)
def test_hostile_lines_cost_little(line: str) -> None:
    began = time.process_time()
    parse([line])
    assert time.process_time() - began < 1
