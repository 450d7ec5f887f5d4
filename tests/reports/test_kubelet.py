"""What the kubelet says, and what it means."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.policy.finding import Code
from webhook.reports.kubelet import MEANINGS, translate
from webhook.reports.rulebook import rulebook

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "error_classes.json").read_text())

CODES = {
    "not_found": {Code.IMAGE_NOT_FOUND, Code.BROKEN_IMAGE},
    "denied_or_missing": {Code.DENIED_OR_MISSING},
    "unauthorized": {Code.UNAUTHORIZED, Code.NO_PULL_SECRET},
    "forbidden": {Code.FORBIDDEN},
    "rate_limited": {Code.RATE_LIMITED},
    "platform_mismatch": {Code.PLATFORM_MISMATCH},
    "unsupported_schema1": {Code.NOT_AN_IMAGE},
    "http_server_to_https_client": {Code.NOT_A_REGISTRY},
    "bad_response": {Code.REGISTRY_ERROR},
    "server_error": {Code.REGISTRY_ERROR},
    "bad_request": {Code.REGISTRY_ERROR},
    "policy_blocked": {Code.REGISTRY_ERROR},
    "dns": {Code.REGISTRY_UNREACHABLE},
    "connection_refused": {Code.REGISTRY_UNREACHABLE},
    "connection_reset": {Code.REGISTRY_UNREACHABLE},
    "unreachable": {Code.REGISTRY_UNREACHABLE},
    "timeout": {Code.REGISTRY_UNREACHABLE},
    "tls_untrusted": {Code.REGISTRY_UNREACHABLE},
    "tls_hostname": {Code.REGISTRY_UNREACHABLE},
    "tls_expired": {Code.REGISTRY_UNREACHABLE},
}

NOT_TOLD_APART = {"harbor-private-anon", "gen-token-notjson"}
"""A bare 401 at the manifest: anonymous on Harbor and Quay, a refused login elsewhere; only the secrets tell."""


@pytest.mark.parametrize("case", VECTORS["event_messages"], ids=lambda case: case["source"].rpartition("/")[2])
def test_messages_that_people_have_posted(case: dict[str, str]) -> None:
    meaning = translate(case["message"])
    assert meaning is not None
    assert meaning.code in CODES[case["class"]]


@pytest.mark.parametrize(
    "case",
    [case for case in VECTORS["cases"] if case["containerd"].get("error") and case["id"] not in NOT_TOLD_APART],
    ids=lambda case: case["id"],
)
def test_what_containerd_says(case: dict[str, dict[str, str]]) -> None:
    meaning = translate(case["containerd"]["error"])
    assert meaning is not None
    assert meaning.code in CODES[str(case["class"])]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (
            'Failed to apply default image tag "A": couldn\'t parse image name "A": invalid reference format',
            Code.INVALID_REFERENCE,
        ),
        ('Container image "x" is not present with pull policy of Never', Code.NEVER_PULL_ABSENT),
        (
            "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.",
            Code.PULL_SECRET_MISSING,
        ),
        ("illegal base64 data at input byte 4", Code.PULL_SECRET_MALFORMED),
        ('Back-off pulling image "x": ErrImagePull: docker.io/library/x:1: not found', Code.IMAGE_NOT_FOUND),
        (
            "unexpected status from HEAD request to https://r/v2/a/manifests/1: 503 Service Unavailable",
            Code.REGISTRY_ERROR,
        ),
        (
            "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to "
            "https://r/token?scope=repository%3Aa%3Apull: 404 Not Found",
            Code.REGISTRY_ERROR,
        ),
        (
            "failed to copy: httpReadSeeker: failed open: content at https://r/v2/a/manifests/sha256:ab not found: "
            "not found",
            Code.BROKEN_IMAGE,
        ),
        ("failed to copy: httpReadSeeker: failed open: unexpected EOF", Code.REGISTRY_UNREACHABLE),
        ('failed to pull and unpack image "r/a:1": context canceled', Code.REGISTRY_UNREACHABLE),
    ],
)
def test_other_messages(message: str, code: Code) -> None:
    meaning = translate(message)
    assert meaning is not None
    assert meaning.code is code


def test_what_is_not_known_is_not_guessed() -> None:
    assert translate("Back-off restarting failed container") is None
    assert translate("") is None


@given(st.text(max_size=400))
def test_any_text_is_translated_or_not(text: str) -> None:
    assert translate(text) is None or translate(text) in MEANINGS


def test_long_texts_cost_little() -> None:
    assert translate("failed to fetch oauth token: " * 40_000) is None


def test_every_page_of_a_failure_quotes_what_the_table_knows() -> None:
    """Whoever searches the pages for a message finds the check that predicts it."""
    for rule in rulebook():
        meaning = translate(rule.page.predicts)
        if rule.code in {row.code for row in MEANINGS}:
            assert meaning is not None, rule.code
